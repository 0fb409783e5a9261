//! `/webhooks`: where events are sent to.

pub mod deliveries;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::answers::{Reading, Writing, kept};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::{Problem, idempotency};
use crate::app::{Answer, App, AppError, WebhookView};
use crate::domain::signature::SignatureKind;

/// The webhooks of a tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Webhooks {
    data: Vec<WebhookView>,
}

/// A new webhook.
#[derive(utoipa::ToSchema)]
#[schema(as = NewWebhook)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; it is read field by field")]
pub struct NewWebhook {
    /// Where events go: https, and a public address.
    #[schema(example = "https://hooks.example.com/guildhall")]
    url: String,
    /// What people read; at most 255 characters.
    description: Option<String>,
    /// Patterns of the types that it gets, at most 50; all types when not given, or empty.
    #[schema(example = json!(["contact.*", "order.created"]))]
    types: Option<Vec<String>>,
    /// Whether events are sent; true when not given.
    enabled: Option<bool>,
    /// How messages are signed; `v1` when not given.
    signature: Option<SignatureKind>,
    /// A secret of your own instead of a new one: `whsec_…` or `whsk_…`.
    secret: Option<String>,
}

/// A change of a webhook.
#[derive(utoipa::ToSchema)]
#[schema(as = WebhookChanges)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; it is read field by field")]
pub struct WebhookChanges {
    /// Where events go: https, and a public address.
    url: Option<String>,
    /// What people read; at most 255 characters.
    description: Option<String>,
    /// Patterns of the types that it gets, at most 50; all types when empty.
    types: Option<Vec<String>>,
    /// Whether events are sent. Switched on again, it goes on where it stood.
    enabled: Option<bool>,
}

/// List the tenant's webhooks.
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    responses((status = 200, description = "The webhooks", body = Webhooks), Reading),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Webhooks>, Problem> {
    Ok(Json(Webhooks { data: app.webhooks(&caller).await? }))
}

/// Get a webhook.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhook}", tag = "webhooks", operation_id = "get_webhook",
    params(("webhook" = Uuid, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook", body = WebhookView), Reading),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(app.webhook(&caller, webhook_id(&id)?).await?))
}

/// Make a webhook.
///
/// It gets what is committed from now on, signed by the rules of Standard Webhooks. The secret is shown here only.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "create_webhook",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once")),
    request_body = NewWebhook,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"create webhook", &body.bytes])?;
    let render = |view: Option<&WebhookView>| answer(StatusCode::CREATED, view);
    Ok(idempotency::respond(app.create_webhook(&caller, &body.members, key, &render).await?))
}

/// Change a webhook.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{webhook}", tag = "webhooks", operation_id = "change_webhook",
    params(
        ("webhook" = Uuid, Path, description = "Id of the webhook"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = WebhookChanges,
    responses((status = 200, description = "The webhook as it is now", body = WebhookView), Writing),
    security(("key" = []))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"change webhook", id.as_bytes(), &body.bytes])?;
    let render = |view: Option<&WebhookView>| answer(StatusCode::OK, view);
    Ok(idempotency::respond(app.change_webhook(&caller, webhook_id(&id)?, &body.members, key, &render).await?))
}

/// Remove a webhook, with what was still to be sent.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{webhook}", tag = "webhooks", operation_id = "remove_webhook",
    params(
        ("webhook" = Uuid, Path, description = "Id of the webhook"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 204, description = "It is gone"), Writing),
    security(("key" = []))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"remove webhook", id.as_bytes()])?;
    let render = |view: Option<&WebhookView>| answer(StatusCode::NO_CONTENT, view);
    Ok(idempotency::respond(app.remove_webhook(&caller, webhook_id(&id)?, key, &render).await?))
}

/// Give a webhook a new secret.
///
/// It is shown here only. For 24 hours messages carry signatures of both secrets.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhook}/rotate", tag = "webhooks", operation_id = "rotate_webhook",
    params(
        ("webhook" = Uuid, Path, description = "Id of the webhook"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 200, description = "The webhook, with its new secret", body = WebhookView), Writing),
    security(("key" = []))
)]
pub async fn rotate(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"rotate webhook", id.as_bytes()])?;
    let render = |view: Option<&WebhookView>| answer(StatusCode::OK, view);
    Ok(idempotency::respond(app.rotate_webhook(&caller, webhook_id(&id)?, key, &render).await?))
}

fn answer(status: StatusCode, view: Option<&WebhookView>) -> Answer {
    let made = view.filter(|_| status == StatusCode::CREATED);
    kept(status, made.map(|view| format!("/api/v1/webhooks/{}", view.id)), view)
}

/// What is no id names no webhook.
fn webhook_id(id: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(id).map_err(|_| AppError::NotFound { what: "webhook".to_owned(), id: id.to_owned() }.into())
}
