//! Deliveries as a tenant sees them: listed, and sent again.

use uuid::Uuid;

use super::super::commit::Conflict;
use super::super::db::{Expect, Reach, Row, Step, Stmt};
use super::super::idempotency::{Answer, IdempotencyKey};
use super::super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure};
use crate::domain::clock::Timestamp;

/// How a delivery stands.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// The event; the `webhook-id` of its messages.
    pub event: Uuid,
    /// Type of the event.
    pub event_type: String,
    /// The record that it is about.
    pub record: Uuid,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the next one is due; none while an earlier event of the record waits.
    pub next_at: Option<Timestamp>,
    /// When it came up.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The last answer's status.
    pub last_status: Option<i32>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

impl Store {
    /// Deliveries of a webhook, the newest first, from before an event.
    pub async fn deliveries(
        &self,
        permit: AreaPermit<Configure>,
        webhook: Uuid,
        state: Option<&'static str>,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        // The state is part of the text, so that the index of a state can be used.
        let state = state.map(|state| format!(" and state = '{state}'")).unwrap_or_default();
        let sql = format!(
            "select event_id, type, record_id, state, attempts, next_at, created_at, finished_at, last_status, \
             last_error from webhook_delivery where tenant_id = $1 and webhook_id = $2 and event_id < $3{state} \
             order by event_id desc limit $4"
        );
        let values =
            [permit.tenant().0.into(), webhook.into(), before.unwrap_or(Uuid::max()).into(), i64::from(limit).into()];
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), delivery).await
    }

    /// The delivery of an event.
    pub async fn delivery(
        &self,
        permit: AreaPermit<Configure>,
        webhook: Uuid,
        event: Uuid,
    ) -> Result<Option<DeliveryRow>, StoreError> {
        let stmt = Stmt::new(
            "select event_id, type, record_id, state, attempts, next_at, created_at, finished_at, last_status, \
             last_error from webhook_delivery where tenant_id = $1 and webhook_id = $2 and event_id = $3",
            [permit.tenant().0.into(), webhook.into(), event.into()],
        );
        self.db.of(permit.tenant()).maybe(stmt, delivery).await
    }

    /// Events whose delivery ended badly, and which came up at this time or later; the oldest first.
    pub async fn dead_since(
        &self,
        permit: AreaPermit<Configure>,
        webhook: Uuid,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        let stmt = Stmt::new(
            "select event_id from webhook_delivery where tenant_id = $1 and webhook_id = $2 and created_at >= $3 \
             and state = 'dead' order by event_id limit $4",
            [permit.tenant().0.into(), webhook.into(), self.db.engine().time(since), i64::from(limit).into()],
        );
        self.db.of(permit.tenant()).all(Reach::List, stmt, |row| row.id(0)).await
    }

    /// Puts deliveries that have ended back into the queue, as new ones.
    pub async fn replay(
        &self,
        permit: AreaPermit<Configure>,
        webhook: Uuid,
        events: &[Uuid],
        answer: Option<&(IdempotencyKey, Answer)>,
        noted: Vec<Further>,
        now: Timestamp,
    ) -> Result<(), Conflict> {
        let key = (permit.tenant(), webhook);
        // Its row is taken first, as by everybody who changes deliveries.
        let taken = Stmt::new(
            "update webhook set version = version where tenant_id = $1 and id = $2",
            [key.0.0.into(), key.1.into()],
        );
        let mut steps = vec![Step { stmt: taken, expect: Expect::OneChange }];
        for event in events {
            let stmt = Stmt::new(
                "update webhook_delivery set state = 'waiting', attempts = 0, next_at = null, finished_at = null \
                 where tenant_id = $1 and webhook_id = $2 and event_id = $3 and state <> 'waiting'",
                [key.0.0.into(), key.1.into(), (*event).into()],
            );
            steps.push(Step { stmt, expect: Expect::Nothing });
        }
        steps.push(self.wake_heads(key, None, now));
        steps.extend(noted.into_iter().map(|further| further.0));
        self.change(permit.tenant(), steps, answer, now).await
    }
}

fn delivery(row: &Row<'_>) -> Result<DeliveryRow, StoreError> {
    Ok(DeliveryRow {
        event: row.id(0)?,
        event_type: row.text(1)?,
        record: row.id(2)?,
        state: row.text(3)?,
        attempts: row.small(4)?,
        next_at: row.maybe_time(5)?,
        created_at: row.time(6)?,
        finished_at: row.maybe_time(7)?,
        last_status: row.maybe_small(8)?,
        last_error: row.maybe_text(9)?,
    })
}
