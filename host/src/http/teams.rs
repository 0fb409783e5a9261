//! `/teams`: who works with whom.

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
use crate::app::{App, TeamInput, TeamView};

/// The teams of the tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Teams {
    data: Vec<TeamView>,
}

/// List the teams of the tenant.
#[utoipa::path(
    get, path = "/api/v1/teams", tag = "people", operation_id = "list_teams",
    responses((status = 200, description = "The teams of the tenant", body = Teams), Reading),
    security(("key" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Json<Teams>, Problem> {
    Ok(Json(Teams { data: app.teams(&caller).await? }))
}

/// Make a team.
#[utoipa::path(
    post, path = "/api/v1/teams", tag = "people", operation_id = "create_team",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = TeamInput,
    responses((status = 201, description = "The team", body = TeamView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"create_team", &body.bytes])?;
    let render = |view: &TeamView| kept(StatusCode::CREATED, None, Some(view));
    Ok(idempotency::respond(app.put_team(&caller, None, &body.members, key, &render).await?))
}

/// Change a team.
#[utoipa::path(
    patch, path = "/api/v1/teams/{team}", tag = "people", operation_id = "change_team",
    params(
        ("team" = Uuid, Path, description = "Id of the team"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = TeamInput,
    responses((status = 200, description = "The team as it is now", body = TeamView), Writing),
    security(("key" = []))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"change_team", id.as_bytes(), &body.bytes])?;
    let render = |view: &TeamView| kept(StatusCode::OK, None, Some(view));
    Ok(idempotency::respond(app.put_team(&caller, Some(id_of("team", &id)?), &body.members, key, &render).await?))
}

/// Remove a team.
///
/// Those below it come below the one above it. What was shared with it is no more.
#[utoipa::path(
    delete, path = "/api/v1/teams/{team}", tag = "people", operation_id = "remove_team",
    params(
        ("team" = Uuid, Path, description = "Id of the team"),
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
    let key = idempotency::key(&caller, &headers, &[b"remove_team", id.as_bytes()])?;
    let answer = kept::<()>(StatusCode::NO_CONTENT, None, None);
    Ok(idempotency::respond(app.remove_team(&caller, id_of("team", &id)?, key, answer).await?))
}
