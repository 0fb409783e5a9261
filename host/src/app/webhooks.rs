//! Webhooks as a tenant's admin sees them: made, changed, their deliveries looked at and repeated.

mod deliveries;
mod input;
mod secrets;
mod view;

use std::time::Duration;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::command::Done;
use super::{App, AppError};
use crate::access::{AreaPermit, Configure};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::permission::Area;
use crate::domain::signature::{SignatureKind, SigningKey};
use crate::store::{Answer, Conflict, IdempotencyKey, WebhookRow};

pub use deliveries::RenderReplay;
pub use view::{DeliveryPage, DeliveryView, Replayed, WebhookView};

/// Webhooks of one tenant.
pub const MAX_WEBHOOKS: usize = 50;
/// How long the secret before signs too.
const GRACE: Duration = Duration::from_hours(24);
/// What the audit trail calls a new secret.
const SECRET: &str = "secret";
/// Runs of a change that others were faster than.
const RUNS: usize = 5;

/// Makes the answer that is kept for a retry; none for a webhook that is gone.
pub type RenderWebhook = dyn Fn(Option<&WebhookView>) -> Answer + Send + Sync;

impl App {
    /// The webhooks of the caller's tenant.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<WebhookView>, AppError> {
        let permit = self.webhook_permit(caller)?;
        let mut views = Vec::new();
        for row in self.store.webhooks(permit).await? {
            views.push(self.view(&self.with_secrets(row).await?, false)?);
        }
        Ok(views)
    }

    /// One of them.
    pub async fn webhook(&self, caller: &Caller, id: Uuid) -> Result<WebhookView, AppError> {
        let permit = self.webhook_permit(caller)?;
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
        let permit = self.webhook_permit(caller)?;
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
        let kept = self.kept(key.as_ref(), &answer).await?;
        let noted = self.noted(caller, noted(row.id, fields.keys().cloned().collect()));
        let row = self.webhook_to_keep(&row).await?;
        let most = i64::try_from(MAX_WEBHOOKS).unwrap_or(i64::MAX);
        match self.store.add_webhook(permit, &row, most, kept.as_ref(), noted).await {
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
        let permit = self.webhook_permit(caller)?;
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
            fields.keys().cloned().collect()
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
        let permit = self.webhook_permit(caller)?;
        let until = self.clock.now().plus(GRACE);
        let fresh = self.ids.secret();
        let change = |row: &mut WebhookRow| {
            let kind = SigningKey::parse(&row.secret).map_or(SignatureKind::V1, |key| key.kind());
            let secret = SigningKey::from_random(kind, fresh).secret();
            row.old_secret = Some((std::mem::replace(&mut row.secret, secret), until));
            vec![SECRET.to_owned()]
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
        let permit = self.webhook_permit(caller)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        self.webhook_row(permit, id).await?;
        let answer = render(None);
        let kept = key.clone().map(|key| (key, answer.clone()));
        let noted = self.noted(caller, noted(id, vec!["webhook".to_owned()]));
        match self.store.remove_webhook(permit, id, kept.as_ref(), noted, self.clock.now()).await {
            Ok(()) => Ok(Done::Now(answer)),
            Err(conflict) => self.lost(conflict, key.as_ref()).await?.ok_or_else(|| no_webhook(id)),
        }
    }

    /// Saves a change of a webhook, again when others were faster. The change
    /// says what it changed; an answer to a new secret shows it.
    async fn save_webhook(
        &self,
        permit: AreaPermit<Configure>,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        render: &RenderWebhook,
        change: impl Fn(&mut WebhookRow) -> Vec<String>,
    ) -> Result<Done, AppError> {
        for _ in 0..RUNS {
            if let Some(answer) = self.given_answer(key.as_ref()).await? {
                return Ok(Done::Before(answer));
            }
            let mut row = self.webhook_row(permit, id).await?;
            let changed = change(&mut row);
            row.version += 1;
            row.updated_at = self.clock.now();
            let answer = render(Some(&self.view(&row, changed == [SECRET])?));
            let kept = self.kept(key.as_ref(), &answer).await?;
            let row = self.webhook_to_keep(&row).await?;
            let noted = self.noted(caller, noted(id, changed));
            match self.store.save_webhook(permit, &row, kept.as_ref(), noted).await {
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

    fn webhook_permit(&self, caller: &Caller) -> Result<AreaPermit<Configure>, AppError> {
        Ok(self.access.check_area::<Configure>(caller, Area::Webhooks)?)
    }

    async fn webhook_row(&self, permit: AreaPermit<Configure>, id: Uuid) -> Result<WebhookRow, AppError> {
        self.with_secrets(self.store.webhook(permit, id).await?.ok_or_else(|| no_webhook(id))?).await
    }

    /// What is kept for a retry: it may show a secret.
    async fn kept(
        &self,
        key: Option<&IdempotencyKey>,
        answer: &Answer,
    ) -> Result<Option<(IdempotencyKey, Answer)>, AppError> {
        let Some(key) = key else { return Ok(None) };
        Ok(Some((key.clone(), self.keepable(key, answer.clone(), &[], true).await?)))
    }
}

/// What the audit trail says of a change.
fn noted(id: Uuid, changed: Vec<String>) -> Note {
    Note::of_area(Area::Webhooks, Some(id), changed)
}

fn no_webhook(id: Uuid) -> AppError {
    AppError::NotFound { what: "webhook".to_owned(), id: id.to_string() }
}
