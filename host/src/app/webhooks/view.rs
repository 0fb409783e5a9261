//! Webhooks and their deliveries as callers see them.

use uuid::Uuid;

use crate::app::{App, AppError};
use crate::domain::clock::Timestamp;
use crate::domain::signature::{SignatureKind, SigningKey};
use crate::store::{DeliveryRow, WebhookRow};

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

impl App {
    pub(super) fn view(&self, row: &WebhookRow, shows_secret: bool) -> Result<WebhookView, AppError> {
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
