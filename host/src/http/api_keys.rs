//! `/api-keys`: credentials of programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::answers::{Reading, Writing, kept};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::jobs::id_of;
use super::{Problem, idempotency};
use crate::app::{App, KeyView, NewKeyInput};

/// API keys.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ApiKeys {
    data: Vec<KeyView>,
}

/// List aPI keys.
///
/// All of the tenant for owners and admins; everybody else sees the own ones.
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "people", operation_id = "list_api_keys",
    responses((status = 200, description = "API keys", body = ApiKeys), Reading),
    security(("key" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Json<ApiKeys>, Problem> {
    Ok(Json(ApiKeys { data: app.api_keys(&caller).await? }))
}

/// Make an API key.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "people", operation_id = "create_api_key",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = NewKeyInput,
    responses((status = 201, description = "The key, which is shown here only", body = KeyView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"create_api_key", &body.bytes])?;
    let render = |view: &KeyView| kept(StatusCode::CREATED, None, Some(view));
    Ok(idempotency::respond(app.create_api_key(&caller, &body.members, key, &render).await?))
}

/// End an API key.
///
/// Every node refuses it within a second.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{key}", tag = "people", operation_id = "revoke_api_key",
    params(
        ("key" = Uuid, Path, description = "Id of the key"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 204, description = "It works no more"), Writing),
    security(("key" = []))
)]
pub async fn revoke(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"revoke_api_key", id.as_bytes()])?;
    let answer = kept::<()>(StatusCode::NO_CONTENT, None, None);
    Ok(idempotency::respond(app.revoke_api_key(&caller, id_of("key", &id)?, key, answer).await?))
}
