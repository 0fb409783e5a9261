//! Deliveries of a webhook: looked at, and repeated.

use uuid::Uuid;

use super::no_webhook;
use super::view::{DeliveryPage, DeliveryView, Replayed};
use crate::access::{AreaPermit, Configure};
use crate::app::command::Done;
use crate::app::events::limit;
use crate::app::{App, AppError};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::permission::Area;
use crate::store::{Answer, IdempotencyKey};

/// Deliveries put back into the queue at once.
const MAX_REPLAYED: u32 = 1_000;

/// Makes the answer to a replay.
pub type RenderReplay = dyn Fn(Replayed) -> Answer + Send + Sync;

/// The states of deliveries, as they are asked for.
const STATES: &[&str] = &["waiting", "delivered", "dead"];

impl App {
    /// A page of the deliveries of a webhook.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: Uuid,
        state: Option<&str>,
        page: (Option<u64>, Option<&str>),
    ) -> Result<DeliveryPage, AppError> {
        let permit = self.webhook_permit(caller)?;
        self.webhook_row(permit, id).await?;
        let state = match state {
            None => None,
            Some(name) => Some(*STATES.iter().find(|state| **state == name).ok_or_else(|| {
                AppError::invalid("status", "unknown_option", format!("is one of {}", STATES.join(", ")))
            })?),
        };
        let limit = limit(page.0)?;
        let scope = format!("deliveries|{}|{id}|{state:?}|", caller.tenant);
        let mut before = None;
        if let Some(cursor) = page.1 {
            let place = self.cursors.open_bytes(&scope, cursor).and_then(|place| Uuid::from_slice(&place).ok());
            before = Some(place.ok_or_else(|| {
                AppError::invalid("cursor", "invalid_cursor", "is not a cursor of this list: keep `status` as it was")
            })?);
        }
        let mut rows = self.store.deliveries(permit, id, state, before, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| has_more);
        let next_cursor = last.map(|last| self.cursors.seal_bytes(&scope, last.event.as_bytes()));
        Ok(DeliveryPage { data: rows.into_iter().map(DeliveryView::from).collect(), next_cursor })
    }

    /// Sends one event again.
    pub async fn replay(
        &self,
        caller: &Caller,
        id: Uuid,
        event: Uuid,
        key: Option<IdempotencyKey>,
        render: &RenderReplay,
    ) -> Result<Done, AppError> {
        let permit = self.webhook_permit(caller)?;
        self.webhook_row(permit, id).await?;
        let delivery = self.store.delivery(permit, id, event).await?;
        delivery.ok_or_else(|| AppError::NotFound { what: "delivery".to_owned(), id: event.to_string() })?;
        let answer = render(Replayed { replayed: 1, has_more: false });
        self.requeue(permit, caller, id, &[event], key, answer).await
    }

    /// Sends again what ended badly and came up at this time or later.
    pub async fn replay_since(
        &self,
        caller: &Caller,
        id: Uuid,
        since: Timestamp,
        key: Option<IdempotencyKey>,
        render: &RenderReplay,
    ) -> Result<Done, AppError> {
        let permit = self.webhook_permit(caller)?;
        self.webhook_row(permit, id).await?;
        let mut events = self.store.dead_since(permit, id, since, MAX_REPLAYED + 1).await?;
        let has_more = events.len() > MAX_REPLAYED as usize;
        events.truncate(MAX_REPLAYED as usize);
        let answer = render(Replayed { replayed: events.len(), has_more });
        self.requeue(permit, caller, id, &events, key, answer).await
    }

    async fn requeue(
        &self,
        permit: AreaPermit<Configure>,
        caller: &Caller,
        id: Uuid,
        events: &[Uuid],
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let kept = key.clone().map(|key| (key, answer.clone()));
        let noted = self.noted(caller, Note::of_area(Area::Webhooks, Some(id), vec!["deliveries".to_owned()]));
        match self.store.replay(permit, id, events, kept.as_ref(), noted, self.clock.now()).await {
            Ok(()) => {
                self.news.webhook_changed(permit.tenant());
                Ok(Done::Now(answer))
            }
            Err(conflict) => self.lost(conflict, key.as_ref()).await?.ok_or_else(|| no_webhook(id)),
        }
    }
}
