//! `/webhooks/{id}/deliveries`: what was sent, what was not, and sending it again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;
use uuid::Uuid;

use super::webhook_id;
use crate::app::{Answer, App, AppError, DeliveryPage, Replayed};
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::http::answers::{Reading, Writing};
use crate::http::body::ObjectBody;
use crate::http::credential::Authenticated;
use crate::http::parameters::{limit, parameters};
use crate::http::{Problem, idempotency};

/// From when on.
#[derive(utoipa::ToSchema)]
#[schema(as = ReplaySince)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; it is read field by field")]
pub struct ReplaySince {
    /// Deliveries that came up then or later.
    #[schema(format = DateTime)]
    since: String,
}

/// List the deliveries of a webhook.
///
/// The newest first. Those that worked are kept for three days, those that did not for thirty.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhook}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(
        ("webhook" = Uuid, Path, description = "Id of the webhook"),
        ("status" = Option<String>, Query, description = "`waiting`, `delivered` or `dead`; all when not given"),
        ("limit" = Option<u32>, Query, description = "Deliveries on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same `status`"),
    ),
    responses((status = 200, description = "A page", body = DeliveryPage), Reading),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<DeliveryPage>, Problem> {
    let mut parameters = parameters(&uri, &["status", "limit", "cursor"])?;
    let limit = limit(parameters.remove("limit"))?;
    let (status, cursor) = (parameters.remove("status"), parameters.remove("cursor"));
    let page = (limit, cursor.as_deref());
    Ok(Json(app.deliveries(&caller, webhook_id(&id)?, status.as_deref(), page).await?))
}

/// Send one event again.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhook}/deliveries/{event}/replay", tag = "webhooks", operation_id = "replay_delivery",
    params(
        ("webhook" = Uuid, Path, description = "Id of the webhook"),
        ("event" = Uuid, Path, description = "Id of the event"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 200, description = "It is in the queue", body = Replayed), Writing),
    security(("key" = []))
)]
pub async fn replay(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((id, event)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"replay", id.as_bytes(), event.as_bytes()])?;
    let id = webhook_id(&id)?;
    let event = Uuid::parse_str(&event).map_err(|_| AppError::NotFound { what: "delivery".to_owned(), id: event })?;
    Ok(idempotency::respond(app.replay(&caller, id, event, key, &answer).await?))
}

/// Send again what could not be delivered.
///
/// Up to 1,000 dead deliveries at once, the oldest first.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhook}/replay", tag = "webhooks", operation_id = "replay_webhook",
    params(
        ("webhook" = Uuid, Path, description = "Id of the webhook"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = ReplaySince,
    responses((status = 200, description = "They are in the queue", body = Replayed), Writing),
    security(("key" = []))
)]
pub async fn replay_since(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"replay since", id.as_bytes(), &body.bytes])?;
    let mut since = None;
    let mut faults = Vec::new();
    for (name, value) in &body.members {
        match (name.as_str(), value.as_str().and_then(Timestamp::parse)) {
            ("since", Some(at)) => since = Some(at),
            ("since", None) => faults.push(FieldError::new("since", "wrong_type", "expects a time in RFC 3339")),
            (name, _) => faults.push(FieldError::new(name, "unknown_field", "is no field of a replay")),
        }
    }
    if body.members.get("since").is_none_or(Value::is_null) {
        faults = vec![FieldError::new("since", "required", "may not be empty")];
    }
    let Some(since) = since.filter(|_| faults.is_empty()) else { return Err(AppError::Invalid(faults).into()) };
    Ok(idempotency::respond(app.replay_since(&caller, webhook_id(&id)?, since, key, &answer).await?))
}

fn answer(replayed: Replayed) -> Answer {
    let body = serde_json::to_string(&replayed).unwrap_or_default();
    Answer { status: StatusCode::OK.as_u16(), headers: Vec::new(), body }
}
