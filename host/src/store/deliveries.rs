//! Deliveries: which event goes to which webhook, and how that went.
//!
//! One node at a time works on a webhook, under a lease. Whatever it commits
//! renews the lease first, so that a node that lost it changes nothing.

mod lease;
mod show;

use std::fmt::Write as _;

use sea_query::Value as Bound;
use uuid::Uuid;

use super::db::{CommitError, Expect, Reach, Row, Step, Stmt};
use super::events::{COLUMNS, columns, event};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::event::PastEvent;
use crate::domain::id::TenantId;
use crate::domain::position::Position;

pub use show::DeliveryRow;

/// Deliveries in one statement: SQLite takes 32,766 values.
const PER_STATEMENT: usize = 500;
/// Deliveries forgotten in one commit.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The event.
    pub event: Uuid,
    /// Its place in the log.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// The record that it is about.
    pub record: Uuid,
}

/// A delivery whose time has come.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// What to send.
    pub event: PastEvent,
    /// Attempts so far.
    pub attempts: i32,
}

/// How an attempt went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The event.
    pub event: Uuid,
    /// The record that it is about.
    pub record: Uuid,
    /// Attempts with this one.
    pub attempts: i32,
    /// When the next attempt is due; none when it was the last, well or badly.
    pub next_at: Option<Timestamp>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// Until when nothing more is sent.
    pub paused_until: Option<Timestamp>,
    /// Why the webhook is switched off now.
    pub disable: Option<String>,
}

impl Store {
    /// Moves a webhook on in the log, together with the deliveries that come
    /// of it; false when it is not ours any more.
    pub async fn fan_out(
        &self,
        _: HostPermit,
        key: (TenantId, Uuid),
        lease: Uuid,
        to: Position,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let engine = self.db.engine();
        let moved = Stmt::new(
            "update webhook set cursor_tx = $1, cursor_seq = $2 where tenant_id = $3 and id = $4",
            [to.tx.into(), to.seq.into(), key.0.0.into(), key.1.into()],
        );
        let mut steps = vec![self.renew(key, lease, now), Step { stmt: moved, expect: Expect::OneChange }];
        for part in deliveries.chunks(PER_STATEMENT) {
            let mut sql = "insert into webhook_delivery (tenant_id, webhook_id, event_id, tx, seq, type, record_id, \
                           state, attempts, created_at) values "
                .to_owned();
            let mut values: Vec<Bound> = Vec::with_capacity(part.len() * 8);
            for new in part {
                let at = values.len();
                let _ = write!(sql, "{}(", if at == 0 { "" } else { ", " });
                for place in 1..=7 {
                    let _ = write!(sql, "${}, ", at + place);
                }
                let _ = write!(sql, "'waiting', 0, ${})", at + 8);
                values.extend([
                    key.0.0.into(),
                    key.1.into(),
                    new.event.into(),
                    new.position.tx.into(),
                    new.position.seq.into(),
                    new.event_type.as_str().into(),
                    new.record.into(),
                    engine.time(now),
                ]);
            }
            sql.push_str(" on conflict do nothing");
            steps.push(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing });
        }
        if !deliveries.is_empty() {
            steps.push(self.wake_heads(key, None, now));
        }
        met(self.db.of(key.0).commit(steps).await)
    }

    /// How many deliveries of a webhook wait, counted no further than this.
    pub async fn waiting(&self, _: HostPermit, key: (TenantId, Uuid), most: i64) -> Result<i64, StoreError> {
        let stmt = Stmt::new(
            "select count(*) from (select 1 from webhook_delivery where tenant_id = $1 and webhook_id = $2 \
             and state = 'waiting' limit $3) waiting",
            [key.0.0.into(), key.1.into(), most.into()],
        );
        Ok(self.db.of(key.0).maybe(stmt, |row| row.integer(0)).await?.unwrap_or(0))
    }

    /// Deliveries of a webhook whose time has come: at most one of each record.
    pub async fn due(
        &self,
        _: HostPermit,
        key: (TenantId, Uuid),
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let engine = self.db.engine();
        let sql = format!(
            "select {}, d.attempts from webhook_delivery d \
             join event e on e.tenant_id = d.tenant_id and e.seq = d.seq \
             where d.tenant_id = $1 and d.webhook_id = $2 and d.next_at is not null and d.next_at <= $3 \
             order by d.next_at limit $4",
            columns(engine)
        );
        let values = [key.0.0.into(), key.1.into(), engine.time(now), i64::from(limit).into()];
        let read = move |row: &Row<'_>| Ok(DueDelivery { event: event(row, key.0)?, attempts: row.small(COLUMNS)? });
        self.db.of(key.0).all(Reach::List, Stmt::new(sql, values), read).await
    }

    /// When the next delivery of a webhook is due.
    pub async fn next_due(&self, _: HostPermit, key: (TenantId, Uuid)) -> Result<Option<Timestamp>, StoreError> {
        let stmt = Stmt::new(
            "select next_at from webhook_delivery where tenant_id = $1 and webhook_id = $2 and next_at is not null \
             order by next_at limit 1",
            [key.0.0.into(), key.1.into()],
        );
        self.db.of(key.0).maybe(stmt, |row| row.time(0)).await
    }

    /// Keeps how an attempt went; false when the webhook is not ours any more.
    pub async fn settle(
        &self,
        _: HostPermit,
        key: (TenantId, Uuid),
        lease: Uuid,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let engine = self.db.engine();
        let has_failed = outcome.error.is_some();
        let is_over = outcome.next_at.is_none();
        let state = match (is_over, has_failed) {
            (false, _) => "waiting",
            (true, true) => "dead",
            (true, false) => "delivered",
        };
        let finished = is_over.then_some(now);
        let kept = Stmt::new(
            "update webhook_delivery set state = $1, attempts = $2, next_at = $3, finished_at = $4, last_status = $5, \
             last_error = $6 where tenant_id = $7 and webhook_id = $8 and event_id = $9 and state = 'waiting'",
            [
                state.into(),
                outcome.attempts.into(),
                engine.maybe_time(outcome.next_at),
                engine.maybe_time(finished),
                outcome.status.map(i32::from).into(),
                outcome.error.as_deref().into(),
                key.0.0.into(),
                key.1.into(),
                outcome.event.into(),
            ],
        );
        let mut steps = vec![self.renew(key, lease, now), Step { stmt: kept, expect: Expect::Nothing }];
        if is_over {
            steps.push(self.wake_heads(key, Some(outcome.record), now));
        }
        steps.push(self.health(key, outcome, now));
        met(self.db.of(key.0).commit(steps).await)
    }

    /// Switches a webhook off that has failed since before a time.
    pub async fn give_up(
        &self,
        _: HostPermit,
        key: (TenantId, Uuid),
        since: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "update webhook set enabled = $1, disabled_reason = $2, updated_at = $3, version = version + 1 \
             where tenant_id = $4 and id = $5 and enabled and failing_since <= $6",
            [false.into(), reason.into(), engine.time(now), key.0.0.into(), key.1.into(), engine.time(since)],
        );
        self.db.of(key.0).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Forgets deliveries that ended before these times, well and badly.
    pub async fn forget_deliveries(
        &self,
        permit: HostPermit,
        delivered: Timestamp,
        dead: Timestamp,
    ) -> Result<(), StoreError> {
        let engine = self.db.engine();
        for (state, before) in [("delivered", delivered), ("dead", dead)] {
            loop {
                let old = format!(
                    "select tenant_id, webhook_id, event_id from webhook_delivery \
                     where finished_at is not null and finished_at < $1 and state = '{state}' limit {FORGOTTEN_AT_ONCE}"
                );
                let stmt = Stmt::new(format!("select 1 from ({old}) old limit 1"), [engine.time(before)]);
                if self.db.across(permit).maybe(stmt, |_| Ok(())).await?.is_none() {
                    break;
                }
                let sql = format!("delete from webhook_delivery where (tenant_id, webhook_id, event_id) in ({old})");
                let stmt = Stmt::new(sql, [engine.time(before)]);
                self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await?;
            }
        }
        Ok(())
    }

    /// Makes the first waiting delivery of each record due, or of one record.
    pub(super) fn wake_heads(&self, key: (TenantId, Uuid), record: Option<Uuid>, now: Timestamp) -> Step {
        let mut values: Vec<Bound> = vec![self.db.engine().time(now), key.0.0.into(), key.1.into()];
        let mut of_record = "";
        if let Some(record) = record {
            values.push(record.into());
            of_record = " and record_id = $4";
        }
        let sql = format!(
            "update webhook_delivery set next_at = $1 where tenant_id = $2 and webhook_id = $3{of_record} \
             and state = 'waiting' and next_at is null and not exists (select 1 from webhook_delivery other \
             where other.tenant_id = webhook_delivery.tenant_id and other.webhook_id = webhook_delivery.webhook_id \
             and other.record_id = webhook_delivery.record_id and other.state = 'waiting' and {})",
            self.db.engine().is_earlier("other", "webhook_delivery"),
        );
        Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing }
    }

    /// What an attempt says of the webhook as a whole.
    fn health(&self, key: (TenantId, Uuid), outcome: &Outcome, now: Timestamp) -> Step {
        let engine = self.db.engine();
        let stmt = if let Some(reason) = &outcome.disable {
            Stmt::new(
                "update webhook set enabled = $1, disabled_reason = $2, updated_at = $3, version = version + 1 \
                 where tenant_id = $4 and id = $5",
                [false.into(), reason.as_str().into(), engine.time(now), key.0.0.into(), key.1.into()],
            )
        } else if outcome.error.is_some() {
            Stmt::new(
                "update webhook set failing_since = coalesce(failing_since, $1), paused_until = coalesce($2, paused_until) \
                 where tenant_id = $3 and id = $4",
                [engine.time(now), engine.maybe_time(outcome.paused_until), key.0.0.into(), key.1.into()],
            )
        } else {
            Stmt::new(
                "update webhook set failing_since = null where tenant_id = $1 and id = $2 and failing_since is not null",
                [key.0.0.into(), key.1.into()],
            )
        };
        Step { stmt, expect: Expect::Nothing }
    }
}

/// Whether a commit did what was expected of it.
fn met(done: Result<(), CommitError>) -> Result<bool, StoreError> {
    match done {
        Ok(()) => Ok(true),
        Err(CommitError::Unmet(_) | CommitError::Busy) => Ok(false),
        Err(CommitError::Unique(_)) => Err(StoreError::Inconsistent("a delivery is there twice".to_owned())),
        Err(CommitError::Store(error)) => Err(error),
    }
}
