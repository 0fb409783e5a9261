//! `/users`: who works for a tenant.

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
use crate::app::{App, UserInput, UserView};

/// The users of the tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Users {
    data: Vec<UserView>,
}

/// List the users of the tenant.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "people", operation_id = "list_users",
    responses((status = 200, description = "The users of the tenant", body = Users), Reading),
    security(("key" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Json<Users>, Problem> {
    Ok(Json(Users { data: app.users(&caller).await? }))
}

/// Add a user.
///
/// A role is given by those who stand above it: `owner` by an owner, any other by an owner or an admin.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "people", operation_id = "create_user",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = UserInput,
    responses((status = 201, description = "The user", body = UserView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"create_user", &body.bytes])?;
    let render = |view: &UserView| kept(StatusCode::CREATED, Some(format!("/api/v1/users/{}", view.id)), Some(view));
    Ok(idempotency::respond(app.put_user(&caller, None, &body.members, key, &render).await?))
}

/// Get a user.
#[utoipa::path(
    get, path = "/api/v1/users/{user}", tag = "people", operation_id = "get_user",
    params(
        ("user" = Uuid, Path, description = "Id of the user"),
    ),
    responses((status = 200, description = "The user", body = UserView), Reading),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(app.user(&caller, id_of("user", &id)?).await?))
}

/// Change a user.
///
/// A user who is not active may do nothing; what the user owned stays. The last owner stays.
#[utoipa::path(
    patch, path = "/api/v1/users/{user}", tag = "people", operation_id = "change_user",
    params(
        ("user" = Uuid, Path, description = "Id of the user"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = UserInput,
    responses((status = 200, description = "The user as it is now", body = UserView), Writing),
    security(("key" = []))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"change_user", id.as_bytes(), &body.bytes])?;
    let render = |view: &UserView| kept(StatusCode::OK, None, Some(view));
    Ok(idempotency::respond(app.put_user(&caller, Some(id_of("user", &id)?), &body.members, key, &render).await?))
}
