//! Webhooks as a tenant's admin sees them: made, changed, their deliveries looked at and repeated.

mod input;

use serde_json::{Map, Value as Json};
use std::time::Duration;
use uuid::Uuid;

use super::command::Done;
use super::events::limit;
use super::{App, AppError};
use crate::access::{AreaPermit, Configure};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::permission::Area;
use crate::domain::signature::{SignatureKind, SigningKey};
use crate::store::{Answer, Conflict, DeliveryRow, IdempotencyKey, WebhookRow};

/// Webhooks of one tenant.
pub const MAX_WEBHOOKS: usize = 50;
/// Deliveries put back into the queue at once.
pub const MAX_REPLAYED: u32 = 1_000;
/// How long the secret before signs too.
const GRACE: Duration = Duration::from_hours(24);
/// Runs of a change that others were faster than.
const RUNS: usize = 5;

/// A webhook as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: Uuid,
    /// Where events go.
    pub url: String,
    /// What people read.
    pub description: String,
    /// Patterns of the types that it gets, such as `contact.*`; all types when there is none.
    pub types: Vec<String>,
    /// How messages are signed.
    pub signature: SignatureKind,
    /// What to verify `v1a` signatures with, `whpk_…`.
    pub public_key: Option<String>,
    /// The signing secret; shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Until when messages are signed with the secret before, too.
    pub old_secret_until: Option<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Why the host switched it off.
    pub disabled_reason: Option<String>,
    /// Since when no delivery has worked.
    pub failing_since: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

/// A delivery as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct DeliveryView {
    /// The event; the `webhook-id` of its messages.
    pub event: Uuid,
    /// Type of the event.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The record that it is about.
    pub record: Uuid,
    /// `waiting`, `delivered` or `dead`.
    pub status: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the next one is due; none while an earlier event of the record waits.
    pub next_attempt_at: Option<String>,
    /// When it came up.
    pub created_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Status of the last answer.
    pub last_status: Option<i32>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct DeliveryPage {
    /// The deliveries, the newest first.
    pub data: Vec<DeliveryView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

/// What was put back into the queue.
#[derive(Clone, Copy, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Replayed {
    /// How many deliveries.
    pub replayed: usize,
    /// Whether there are more: ask again.
    pub has_more: bool,
}

/// Makes the answer that is kept for a retry; none for a webhook that is gone.
pub type RenderWebhook = dyn Fn(Option<&WebhookView>) -> Answer + Send + Sync;

/// Makes the answer to a replay.
pub type RenderReplay = dyn Fn(Replayed) -> Answer + Send + Sync;

/// The states of deliveries, as they are asked for.
const STATES: &[&str] = &["waiting", "delivered", "dead"];

impl App {
    /// The webhooks of the caller's tenant.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<WebhookView>, AppError> {
        let permit = self.webhook_permit(caller).await?;
        self.store.webhooks(permit).await?.iter().map(|row| self.view(row, false)).collect()
    }

    /// One of them.
    pub async fn webhook(&self, caller: &Caller, id: Uuid) -> Result<WebhookView, AppError> {
        let permit = self.webhook_permit(caller).await?;
        self.view(&self.webhook_row(permit, id).await?, false)
    }

    /// Makes a webhook. It gets what is committed from now on.
    pub async fn create_webhook(
        &self,
        caller: &Caller,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderWebhook,
    ) -> Result<Done, AppError> {
        let permit = self.webhook_permit(caller).await?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let input = input::read(fields, true, &self.outbound)?;
        let signing = input.secret.unwrap_or_else(|| {
            SigningKey::from_random(input.signature.unwrap_or(SignatureKind::V1), self.ids.secret())
        });
        let now = self.clock.now();
        let row = WebhookRow {
            tenant: caller.tenant,
            id: self.ids.make(),
            version: 1,
            created_at: now,
            updated_at: now,
            url: input.url.unwrap_or_default(),
            description: input.description.unwrap_or_default(),
            types: input.types.unwrap_or_default(),
            enabled: input.enabled.unwrap_or(true),
            disabled_reason: None,
            secret: signing.secret(),
            old_secret: None,
            cursor: self.store.end_of_events(caller.tenant).await?,
            failing_since: None,
            paused_until: None,
        };
        let answer = render(Some(&self.view(&row, true)?));
        let kept = key.clone().map(|key| (key, answer.clone()));
        let most = i64::try_from(MAX_WEBHOOKS).unwrap_or(i64::MAX);
        match self.store.add_webhook(permit, &row, most, kept.as_ref()).await {
            Ok(true) => {
                self.news.webhook_changed(caller.tenant);
                Ok(Done::Now(answer))
            }
            Ok(false) => Err(AppError::Refused(format!("a tenant has at most {MAX_WEBHOOKS} webhooks"))),
            Err(conflict) => self.lost(conflict, key.as_ref()).await?.ok_or(AppError::Contended),
        }
    }

    /// Changes a webhook; what is not named stays as it is. Switching it on
    /// goes on where it stood.
    pub async fn change_webhook(
        &self,
        caller: &Caller,
        id: Uuid,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderWebhook,
    ) -> Result<Done, AppError> {
        let permit = self.webhook_permit(caller).await?;
        let input = input::read(fields, false, &self.outbound)?;
        let change = |row: &mut WebhookRow| {
            if let Some(url) = &input.url {
                row.url.clone_from(url);
            }
            if let Some(description) = &input.description {
                row.description.clone_from(description);
            }
            if let Some(types) = &input.types {
                row.types.clone_from(types);
            }
            if let Some(enabled) = input.enabled {
                row.enabled = enabled;
                row.disabled_reason = None;
                row.failing_since = None;
            }
            false
        };
        self.save_webhook(permit, caller, id, key, render, change).await
    }

    /// Gives a webhook a new secret. The one before signs too for a day.
    pub async fn rotate_webhook(
        &self,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        render: &RenderWebhook,
    ) -> Result<Done, AppError> {
        let permit = self.webhook_permit(caller).await?;
        let until = self.clock.now().plus(GRACE);
        let fresh = self.ids.secret();
        let change = |row: &mut WebhookRow| {
            let kind = SigningKey::parse(&row.secret).map_or(SignatureKind::V1, |key| key.kind());
            let secret = SigningKey::from_random(kind, fresh).secret();
            row.old_secret = Some((std::mem::replace(&mut row.secret, secret), until));
            true
        };
        self.save_webhook(permit, caller, id, key, render, change).await
    }

    /// Removes a webhook, with what was still to be sent.
    pub async fn remove_webhook(
        &self,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        render: &RenderWebhook,
    ) -> Result<Done, AppError> {
        let permit = self.webhook_permit(caller).await?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        self.webhook_row(permit, id).await?;
        let answer = render(None);
        let kept = key.clone().map(|key| (key, answer.clone()));
        match self.store.remove_webhook(permit, id, kept.as_ref(), self.clock.now()).await {
            Ok(()) => Ok(Done::Now(answer)),
            Err(conflict) => self.lost(conflict, key.as_ref()).await?.ok_or_else(|| no_webhook(id)),
        }
    }

    /// A page of the deliveries of a webhook.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: Uuid,
        state: Option<&str>,
        page: (Option<u64>, Option<&str>),
    ) -> Result<DeliveryPage, AppError> {
        let permit = self.webhook_permit(caller).await?;
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
        let permit = self.webhook_permit(caller).await?;
        self.webhook_row(permit, id).await?;
        let delivery = self.store.delivery(permit, id, event).await?;
        delivery.ok_or_else(|| AppError::NotFound { what: "delivery".to_owned(), id: event.to_string() })?;
        let answer = render(Replayed { replayed: 1, has_more: false });
        self.requeue(permit, id, &[event], key, answer).await
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
        let permit = self.webhook_permit(caller).await?;
        self.webhook_row(permit, id).await?;
        let mut events = self.store.dead_since(permit, id, since, MAX_REPLAYED + 1).await?;
        let has_more = events.len() > MAX_REPLAYED as usize;
        events.truncate(MAX_REPLAYED as usize);
        let answer = render(Replayed { replayed: events.len(), has_more });
        self.requeue(permit, id, &events, key, answer).await
    }

    async fn requeue(
        &self,
        permit: AreaPermit<Configure>,
        id: Uuid,
        events: &[Uuid],
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let kept = key.clone().map(|key| (key, answer.clone()));
        match self.store.replay(permit, id, events, kept.as_ref(), self.clock.now()).await {
            Ok(()) => {
                self.news.webhook_changed(permit.tenant());
                Ok(Done::Now(answer))
            }
            Err(conflict) => self.lost(conflict, key.as_ref()).await?.ok_or_else(|| no_webhook(id)),
        }
    }

    /// Saves a change of a webhook, again when others were faster. The change
    /// says whether the answer shows the secret.
    async fn save_webhook(
        &self,
        permit: AreaPermit<Configure>,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        render: &RenderWebhook,
        change: impl Fn(&mut WebhookRow) -> bool,
    ) -> Result<Done, AppError> {
        for _ in 0..RUNS {
            if let Some(answer) = self.given_answer(key.as_ref()).await? {
                return Ok(Done::Before(answer));
            }
            let mut row = self.webhook_row(permit, id).await?;
            let shows_secret = change(&mut row);
            row.version += 1;
            row.updated_at = self.clock.now();
            let answer = render(Some(&self.view(&row, shows_secret)?));
            let kept = key.clone().map(|key| (key, answer.clone()));
            match self.store.save_webhook(permit, &row, kept.as_ref()).await {
                Ok(()) => {
                    self.news.webhook_changed(caller.tenant);
                    return Ok(Done::Now(answer));
                }
                Err(conflict) => {
                    if let Some(done) = self.lost(conflict, key.as_ref()).await? {
                        return Ok(done);
                    }
                }
            }
        }
        Err(AppError::Contended)
    }

    /// What to do after a lost race: the answer that was given to the same request, if that was it.
    async fn lost(&self, conflict: Conflict, key: Option<&IdempotencyKey>) -> Result<Option<Done>, AppError> {
        match conflict {
            Conflict::Store(error) => Err(error.into()),
            Conflict::Answered => Ok(self.given_answer(key).await?.map(Done::Before)),
            _ => Ok(None),
        }
    }

    async fn webhook_permit(&self, caller: &Caller) -> Result<AreaPermit<Configure>, AppError> {
        Ok(self.access.check_area::<Configure>(caller, Area::Webhooks).await?)
    }

    async fn webhook_row(&self, permit: AreaPermit<Configure>, id: Uuid) -> Result<WebhookRow, AppError> {
        self.store.webhook(permit, id).await?.ok_or_else(|| no_webhook(id))
    }

    fn view(&self, row: &WebhookRow, shows_secret: bool) -> Result<WebhookView, AppError> {
        let signing = SigningKey::parse(&row.secret)
            .ok_or_else(|| AppError::Setup(format!("the webhook {} has no readable secret", row.id)))?;
        // Whoever verifies a key pair's signatures has no need of what signs.
        let is_shared = signing.kind() == SignatureKind::V1;
        let until = row.old_secret.as_ref().map(|(_, until)| *until).filter(|until| *until > self.clock.now());
        Ok(WebhookView {
            id: row.id,
            url: row.url.clone(),
            description: row.description.clone(),
            types: row.types.clone(),
            signature: signing.kind(),
            public_key: signing.public(),
            secret: (shows_secret && is_shared).then(|| signing.secret()),
            old_secret_until: until.map(|until| until.to_string()),
            enabled: row.enabled,
            disabled_reason: row.disabled_reason.clone(),
            failing_since: row.failing_since.map(|at| at.to_string()),
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        })
    }
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            event: row.event,
            event_type: row.event_type,
            record: row.record,
            status: row.state,
            attempts: row.attempts,
            next_attempt_at: text(row.next_at),
            created_at: row.created_at.to_string(),
            finished_at: text(row.finished_at),
            last_status: row.last_status,
            last_error: row.last_error,
        }
    }
}

fn no_webhook(id: Uuid) -> AppError {
    AppError::NotFound { what: "webhook".to_owned(), id: id.to_string() }
}
