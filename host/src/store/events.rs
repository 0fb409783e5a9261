//! The log of events: read onwards in the order of commits, or backwards for one record.

use uuid::Uuid;

use super::db::{Engine, Reach, Row, Stmt};
use super::{Listener, Store, StoreError};
use crate::access::{AreaPermit, HostPermit, Permit, Read};
use crate::domain::event::PastEvent;
use crate::domain::id::TenantId;
use crate::domain::position::Position;

/// Where nodes tell each other that something was committed.
const CHANNEL: &str = "guildhall_events";

/// A piece of the log.
#[derive(Clone, Debug)]
pub struct Window {
    /// The events, in the order of commits.
    pub events: Vec<PastEvent>,
    /// Behind them are events that cannot be shown yet: something that is open
    /// may still come before them.
    pub has_unsettled: bool,
}

impl Store {
    /// Events of the caller's tenant behind a place.
    pub async fn events_after(
        &self,
        permit: AreaPermit<Read>,
        after: Position,
        limit: u32,
    ) -> Result<Window, StoreError> {
        self.window(permit.tenant(), after, limit).await
    }

    /// Events of a tenant behind a place, for bringing them to those who asked for them.
    pub async fn events_to_deliver(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: Position,
        limit: u32,
    ) -> Result<Window, StoreError> {
        self.window(tenant, after, limit).await
    }

    /// Events of one record, the newest first, from before a number; all when there is none.
    pub async fn timeline(
        &self,
        permit: &Permit<Read>,
        record: Uuid,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PastEvent>, StoreError> {
        let tenant = permit.tenant();
        let sql = format!(
            "select {} from event e where e.tenant_id = $1 and e.record_id = $2 and e.object = $3 and e.seq < $4 \
             order by e.seq desc limit $5",
            columns(self.db.engine())
        );
        let values = [
            tenant.0.into(),
            record.into(),
            permit.object().name.as_str().into(),
            before.unwrap_or(i64::MAX).into(),
            i64::from(limit).into(),
        ];
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), move |row| event(row, tenant)).await
    }

    /// The place behind all events of the caller's tenant that were committed
    /// until now. An event that comes later is behind it.
    pub async fn end_of_events(&self, tenant: TenantId) -> Result<Position, StoreError> {
        let stmt = match self.db.engine() {
            Engine::Sqlite => Stmt::new(
                "select 0, seq from event where tenant_id = $1 order by tx desc, seq desc limit 1",
                [tenant.0.into()],
            ),
            // Whatever is open now may still come with a smaller number than what is there.
            Engine::Postgres => {
                Stmt::new("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0::bigint", [])
            }
        };
        let end =
            self.db.of(tenant).maybe(stmt, |row| Ok(Position { tx: row.integer(0)?, seq: row.integer(1)? })).await?;
        Ok(end.unwrap_or(Position::START))
    }

    /// Tells other nodes something.
    pub async fn tell(&self, permit: HostPermit, text: &str) -> Result<(), StoreError> {
        if self.db.engine() == Engine::Sqlite {
            return Ok(());
        }
        let stmt = Stmt::new("select 1 from pg_notify($1, $2)", [CHANNEL.into(), text.into()]);
        self.db.across(permit).maybe(stmt, |_| Ok(())).await.map(drop)
    }

    /// Hears what other nodes tell; none where there is one node.
    pub async fn hear(&self, _: HostPermit) -> Result<Option<Listener>, StoreError> {
        self.db.listen(CHANNEL).await
    }

    async fn window(&self, tenant: TenantId, after: Position, limit: u32) -> Result<Window, StoreError> {
        let engine = self.db.engine();
        let sql = format!(
            "select {}, {} from event e where e.tenant_id = $1 and {} \
             order by e.tx, e.seq limit $4",
            columns(engine),
            engine.is_settled("e.tx"),
            engine.is_behind("e", "$2", "$3"),
        );
        let values = [tenant.0.into(), after.tx.into(), after.seq.into(), i64::from(limit).into()];
        let read = move |row: &Row<'_>| Ok((event(row, tenant)?, row.boolean(COLUMNS)?));
        let rows = self.db.of(tenant).all(Reach::List, Stmt::new(sql, values), read).await?;
        let found = rows.len();
        // Transactions come in order, so that what is settled comes first.
        let events: Vec<PastEvent> =
            rows.into_iter().take_while(|(_, is_settled)| *is_settled).map(|(event, _)| event).collect();
        Ok(Window { has_unsettled: events.len() < found, events })
    }
}

/// How many columns an event has.
pub(super) const COLUMNS: usize = 15;

/// The columns of an event `e`, in the order in which [`event`] reads them.
pub(super) fn columns(engine: Engine) -> String {
    format!(
        "{}, e.seq, e.id, e.kind, e.object, e.record_id, e.version, e.actor, e.plugin, e.at, e.before_values, \
         e.after_values, e.type, e.cause, e.depth",
        engine.transaction_number("e.tx")
    )
}

/// Reads an event from the columns that [`columns`] names.
pub(super) fn event(row: &Row<'_>, tenant: TenantId) -> Result<PastEvent, StoreError> {
    Ok(PastEvent {
        position: Position { tx: row.integer(0)?, seq: row.integer(1)? },
        tenant,
        id: row.id(2)?,
        kind: row.text(3)?,
        object: row.text(4)?,
        record: row.id(5)?,
        version: row.integer(6)?,
        actor: row.text(7)?,
        plugin: row.maybe_text(8)?,
        at: row.time(9)?,
        before: row.json(10)?,
        after: row.json(11)?,
        own_type: row.maybe_text(12)?,
        cause: row.maybe_text(13)?,
        depth: row.small(14)?,
    })
}
