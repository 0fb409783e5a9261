//! `/sessions`: signing in and out, and the sessions that there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Problem;
use super::answers::{Opening, Reading, Writing};
use super::arrival::From;
use super::body::{ObjectBody, read_body};
use super::cookies::{DEVICE, DEVICE_LASTS, SESSION, not_from_elsewhere, set};
use super::credential::Authenticated;
use super::jobs::id_of;
use crate::app::{App, SESSION_LASTS, SessionView, SignInInput, SignedIn, SignedInView};

/// Sessions.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Sessions {
    data: Vec<SessionView>,
}

/// Sign in.
///
/// Needs no credential: it makes one, the cookie `__Host-guildhall-session`. Whatever of tenant, address and password
/// is wrong, the answer is `sign_in_failed`; `code_required` when they are right and the user has a second factor.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "people", operation_id = "sign_in",
    request_body = SignInInput,
    responses((status = 201, description = "Signed in; cookies hold the session", body = SignedInView), Opening),
    security(())
)]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    From(from): From,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    not_from_elsewhere(&app, &headers)?;
    Ok(signed_in(&app.sign_in(&read_body::<SignInInput>(&body)?, &from).await?))
}

/// List sessions that have not ended.
///
/// All of the tenant for owners and admins; everybody else sees the own ones.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "people", operation_id = "list_sessions",
    responses((status = 200, description = "Sessions, the newest first", body = Sessions), Reading),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Sessions>, Problem> {
    Ok(Json(Sessions { data: app.sessions(&caller).await? }))
}

/// Sign out everywhere: end all of one's own sessions.
#[utoipa::path(
    delete, path = "/api/v1/sessions", tag = "people", operation_id = "end_sessions",
    responses((status = 204, description = "They have ended"), Writing),
    security(("key" = []))
)]
pub async fn end_all(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Response, Problem> {
    app.end_sessions(&caller, None).await?;
    Ok(signed_out(caller.session().is_some()))
}

/// End a session.
///
/// `current` is the own one: that signs out. Every node refuses it within a second.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{session}", tag = "people", operation_id = "end_session",
    params(("session" = String, Path, description = "Id of the session, or `current`")),
    responses((status = 204, description = "It has ended"), Writing),
    security(("key" = []))
)]
pub async fn end(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = if id == "current" { None } else { Some(id_of("session", &id)?) };
    app.end_session(&caller, id).await?;
    Ok(signed_out(id.is_none() || id == caller.session()))
}

/// End all sessions of a user.
#[utoipa::path(
    delete, path = "/api/v1/users/{user}/sessions", tag = "people", operation_id = "end_sessions_of_user",
    params(("user" = String, Path, description = "Id of the user")),
    responses((status = 204, description = "They have ended"), Writing),
    security(("key" = []))
)]
pub async fn end_of_user(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.end_sessions(&caller, Some(id_of("user", &id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to who has signed in, with the cookies.
pub fn signed_in(done: &SignedIn) -> Response {
    let mut response = (StatusCode::CREATED, Json(&done.view)).into_response();
    with_cookies(&mut response, done);
    response
}

/// Adds the cookies of who has signed in.
pub fn with_cookies(response: &mut Response, done: &SignedIn) {
    let cookies = [set(SESSION, &done.token, SESSION_LASTS.as_secs()), set(DEVICE, &done.device, DEVICE_LASTS)];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn signed_out(is_own: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = set(SESSION, "", 0).filter(|_| is_own) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
