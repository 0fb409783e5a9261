//! `/roles`: what users and keys may do.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::answers::{Reading, Writing, kept};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::{Problem, idempotency};
use crate::app::{App, RoleView};
use crate::domain::role::RoleDef;

/// The roles of the tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Roles {
    data: Vec<RoleView>,
}

/// List the roles of the tenant.
#[utoipa::path(
    get, path = "/api/v1/roles", tag = "people", operation_id = "list_roles",
    responses((status = 200, description = "The roles of the tenant", body = Roles), Reading),
    security(("key" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Json<Roles>, Problem> {
    Ok(Json(Roles { data: app.roles(&caller).await? }))
}

/// Get a role.
#[utoipa::path(
    get, path = "/api/v1/roles/{role}", tag = "people", operation_id = "get_role",
    params(
        ("role" = String, Path, description = "Name of the role"),
    ),
    responses((status = 200, description = "The role", body = RoleView), Reading),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<RoleView>, Problem> {
    Ok(Json(app.role(&caller, &id).await?))
}

/// Make a role.
#[utoipa::path(
    post, path = "/api/v1/roles", tag = "people", operation_id = "create_role",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = RoleDef,
    responses((status = 201, description = "The role", body = RoleView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"create_role", &body.bytes])?;
    let render = |view: &RoleView| kept(StatusCode::CREATED, Some(format!("/api/v1/roles/{}", view.name)), Some(view));
    Ok(idempotency::respond(app.put_role(&caller, None, &body.members, key, &render).await?))
}

/// Replace a role.
///
/// It holds on every node within a second. The built-in roles stay as they are.
#[utoipa::path(
    put, path = "/api/v1/roles/{role}", tag = "people", operation_id = "replace_role",
    params(
        ("role" = String, Path, description = "Name of the role"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = RoleDef,
    responses((status = 200, description = "The role as it is now", body = RoleView), Writing),
    security(("key" = []))
)]
pub async fn replace(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"replace_role", id.as_bytes(), &body.bytes])?;
    let render = |view: &RoleView| kept(StatusCode::OK, None, Some(view));
    Ok(idempotency::respond(app.put_role(&caller, Some(&id), &body.members, key, &render).await?))
}

/// Remove a role that nobody has.
#[utoipa::path(
    delete, path = "/api/v1/roles/{role}", tag = "people", operation_id = "remove_role",
    params(
        ("role" = String, Path, description = "Name of the role"),
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
    let key = idempotency::key(&caller, &headers, &[b"remove_role", id.as_bytes()])?;
    let answer = kept::<()>(StatusCode::NO_CONTENT, None, None);
    Ok(idempotency::respond(app.remove_role(&caller, &id, key, answer).await?))
}
