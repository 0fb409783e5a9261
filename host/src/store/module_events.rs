//! How far modules have come in the log of events, and what they could not handle.
//!
//! One node at a time works on a module, under a lease. What the module writes
//! is committed together with its place in the log, and only while the lease holds.

use std::time::Duration;

use uuid::Uuid;

use super::commit::Further;
use super::db::{CommitError, Engine, Expect, Reach, Row, Step, Stmt};
use super::tenants::is_served;
use super::{Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit, Read};
use crate::domain::clock::Timestamp;
use crate::domain::event::PastEvent;
use crate::domain::id::TenantId;
use crate::domain::position::Position;

/// How long a node may be silent before another one takes its work.
const LEASE: Duration = Duration::from_secs(6);

/// A module that hears of events, and where it stands.
#[derive(Clone, Debug)]
pub struct ConsumerRow {
    /// The tenant.
    pub tenant: TenantId,
    /// The plugin.
    pub plugin: String,
    /// What it has behind it.
    pub cursor: Position,
    /// Tries of what comes next that failed.
    pub failures: i32,
    /// The lease under which it is worked on.
    pub lease: Uuid,
}

/// An event that a module could not handle.
#[derive(Clone, Debug)]
pub struct SetAside<'a> {
    /// The event.
    pub event: &'a PastEvent,
    /// How often it was shown.
    pub attempts: i32,
    /// The code of what went wrong.
    pub code: &'a str,
    /// What went wrong.
    pub detail: &'a str,
}

/// The same, as it is kept.
#[derive(Clone, Debug)]
pub struct SetAsideRow {
    /// The event.
    pub event: Uuid,
    /// Its place in the log.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Object of the record that it is about.
    pub object: String,
    /// The record.
    pub record: Uuid,
    /// How often it was shown.
    pub attempts: i32,
    /// The code of what went wrong.
    pub code: String,
    /// What went wrong.
    pub detail: String,
    /// When it was set aside.
    pub at: Timestamp,
}

impl Store {
    /// The step that has a module hear of events from this place on.
    pub fn begin_consumer(&self, _: HostPermit, tenant: TenantId, plugin: &str, from: Position) -> Further {
        let stmt = Stmt::new(
            "insert into module_cursor (tenant_id, plugin_id, cursor_tx, cursor_seq, failures) \
             values ($1, $2, $3, $4, 0) on conflict (tenant_id, plugin_id) do update set \
             cursor_tx = excluded.cursor_tx, cursor_seq = excluded.cursor_seq, failures = 0, retry_at = null, \
             lease = null, leased_until = null",
            [tenant.0.into(), plugin.into(), from.tx.into(), from.seq.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step after which a module hears of no events.
    pub fn end_consumer(&self, _: HostPermit, tenant: TenantId, plugin: &str) -> Further {
        let stmt = Stmt::new(
            "delete from module_cursor where tenant_id = $1 and plugin_id = $2",
            [tenant.0.into(), plugin.into()],
        );
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// Which tenants have a module that hears of events.
    pub async fn tenants_with_consumers(&self, permit: HostPermit) -> Result<Vec<TenantId>, StoreError> {
        let served = is_served("module_cursor.tenant_id");
        let stmt = Stmt::new(format!("select distinct tenant_id from module_cursor where {served}"), []);
        self.db.across(permit).all(Reach::List, stmt, |row| row.id(0).map(TenantId)).await
    }

    /// Modules of a tenant that have events behind their place, and that nobody works on.
    pub async fn idle_consumers(
        &self,
        _: HostPermit,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let engine = self.db.engine();
        let sql = format!(
            "select m.plugin_id from module_cursor m where (m.leased_until is null or m.leased_until <= $1) \
             and (m.retry_at is null or m.retry_at <= $1) and m.tenant_id = $2 and {} \
             and exists (select 1 from event e where e.tenant_id = m.tenant_id and {}) order by m.plugin_id",
            is_served("m.tenant_id"),
            engine.is_behind("e", "m.cursor_tx", "m.cursor_seq"),
        );
        let values = [engine.time(now), tenant.0.into()];
        self.db.of(tenant).all(Reach::List, Stmt::new(sql, values), |row| row.text(0)).await
    }

    /// Takes a module to work on, unless another node has it.
    pub async fn lease_consumer(
        &self,
        _: HostPermit,
        (tenant, plugin): (TenantId, &str),
        lease: Uuid,
        now: Timestamp,
    ) -> Result<Option<ConsumerRow>, StoreError> {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "update module_cursor set lease = $1, leased_until = $2 where tenant_id = $3 and plugin_id = $4 \
             and (leased_until is null or leased_until <= $5)",
            [lease.into(), engine.time(now.plus(LEASE)), tenant.0.into(), plugin.into(), engine.time(now)],
        );
        if !met(self.db.of(tenant).commit(vec![Step { stmt, expect: Expect::OneChange }]).await)? {
            return Ok(None);
        }
        let stmt = Stmt::new(
            "select cursor_tx, cursor_seq, failures from module_cursor \
             where tenant_id = $1 and plugin_id = $2 and lease = $3",
            [tenant.0.into(), plugin.into(), lease.into()],
        );
        let read = |row: &Row<'_>| Ok((Position { tx: row.integer(0)?, seq: row.integer(1)? }, row.small(2)?));
        let found = self.db.of(tenant).maybe(stmt, read).await?;
        let row = |(cursor, failures)| ConsumerRow { tenant, plugin: plugin.to_owned(), cursor, failures, lease };
        Ok(found.map(row))
    }

    /// Keeps a module; false when it is not ours any more.
    pub async fn renew_consumer(&self, _: HostPermit, row: &ConsumerRow, now: Timestamp) -> Result<bool, StoreError> {
        let values = vec![self.db.engine().time(now.plus(LEASE))];
        let step = fenced("update module_cursor set leased_until = $1", values, row);
        met(self.db.of(row.tenant).commit(vec![step.0]).await)
    }

    /// Gives a module back; when it failed, until the next try.
    pub async fn release_consumer(
        &self,
        _: HostPermit,
        row: &ConsumerRow,
        retry_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let values = vec![row.failures.into(), self.db.engine().maybe_time(retry_at)];
        let mut step = fenced(
            "update module_cursor set lease = null, leased_until = null, failures = $1, retry_at = $2",
            values,
            row,
        );
        step.0.expect = Expect::Nothing;
        self.db.of(row.tenant).run(vec![step.0]).await
    }

    /// The step that moves a module on in the log, while it is ours.
    pub fn move_consumer(&self, row: &ConsumerRow, to: Position, now: Timestamp) -> Further {
        let values = vec![to.tx.into(), to.seq.into(), self.db.engine().time(now.plus(LEASE))];
        let set = "update module_cursor set cursor_tx = $1, cursor_seq = $2, failures = 0, retry_at = null, \
                   leased_until = $3";
        fenced(set, values, row)
    }

    /// The step that sets an event aside.
    pub fn set_aside(&self, row: &ConsumerRow, aside: &SetAside<'_>, now: Timestamp) -> Further {
        let event = aside.event;
        let stmt = Stmt::new(
            "insert into module_event (tenant_id, plugin_id, event_id, tx, seq, type, object, record_id, attempts, \
             code, detail, set_aside_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             on conflict do nothing",
            [
                row.tenant.0.into(),
                row.plugin.as_str().into(),
                event.id.into(),
                event.position.tx.into(),
                event.position.seq.into(),
                event.event_type().into(),
                event.object.as_str().into(),
                event.record.into(),
                aside.attempts.into(),
                aside.code.into(),
                aside.detail.into(),
                self.db.engine().time(now),
            ],
        );
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// Events that a module of the caller's tenant could not handle, the oldest first; or this one.
    pub async fn events_set_aside(
        &self,
        permit: AreaPermit<Read>,
        plugin: &str,
        event: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<SetAsideRow>, StoreError> {
        let stmt = Stmt::new(
            "select event_id, tx, seq, type, object, record_id, attempts, code, detail, set_aside_at \
             from module_event where tenant_id = $1 and plugin_id = $2 and event_id = coalesce($3, event_id) \
             order by tx, seq limit $4",
            [permit.tenant().0.into(), plugin.into(), event.into(), i64::from(limit).into()],
        );
        let read = |row: &Row<'_>| {
            Ok(SetAsideRow {
                event: row.id(0)?,
                position: Position { tx: row.integer(1)?, seq: row.integer(2)? },
                event_type: row.text(3)?,
                object: row.text(4)?,
                record: row.id(5)?,
                attempts: row.small(6)?,
                code: row.text(7)?,
                detail: row.text(8)?,
                at: row.time(9)?,
            })
        };
        self.db.of(permit.tenant()).all(Reach::List, stmt, read).await
    }

    /// The step after which an event is not set aside any more; one that is not, keeps it from being done.
    pub fn end_set_aside(&self, permit: AreaPermit<Configure>, plugin: &str, event: Uuid) -> Further {
        let stmt = Stmt::new(
            "delete from module_event where tenant_id = $1 and plugin_id = $2 and event_id = $3",
            [permit.tenant().0.into(), plugin.into(), event.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Lets go of all modules that were being worked on: for the start of the only node there is.
    pub async fn free_consumers(&self, permit: HostPermit) -> Result<(), StoreError> {
        if self.db.engine() == Engine::Postgres {
            return Ok(());
        }
        let stmt = Stmt::new("update module_cursor set lease = null, leased_until = null where lease is not null", []);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

/// A change of a module's place that is made only while the lease holds.
fn fenced(set: &str, mut values: Vec<sea_query::Value>, row: &ConsumerRow) -> Further {
    let at = values.len();
    let sql = format!("{set} where tenant_id = ${} and plugin_id = ${} and lease = ${}", at + 1, at + 2, at + 3);
    values.extend([row.tenant.0.into(), row.plugin.as_str().into(), row.lease.into()]);
    Further(Step { stmt: Stmt::new(sql, values), expect: Expect::OneChange })
}

fn met(done: Result<(), CommitError>) -> Result<bool, StoreError> {
    match done {
        Ok(()) => Ok(true),
        Err(CommitError::Unmet(_) | CommitError::Busy) => Ok(false),
        Err(error) => Err(super::db::store_error(error)),
    }
}
