//! `/users/{user}/invitation` and `/invitations/accept`: how somebody gets the first password, or another one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::answers::{Opening, Writing, kept};
use super::arrival::From;
use super::body::{ObjectBody, read_body};
use super::cookies::not_from_elsewhere;
use super::credential::Authenticated;
use super::jobs::id_of;
use super::sessions::signed_in;
use super::{Problem, idempotency};
use crate::app::{AcceptInput, App, InvitationInput, InvitationView, SignedInView};

/// Invite a user, or let one who forgot the password set another one.
///
/// The link is shown here only: hand it to the user. It works once; a new one ends it. Only who may give a user's
/// roles makes a link for the user.
#[utoipa::path(
    post, path = "/api/v1/users/{user}/invitation", tag = "people", operation_id = "invite_user",
    params(
        ("user" = String, Path, description = "Id of the user"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = InvitationInput,
    responses((status = 201, description = "The link", body = InvitationView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"invite_user", id.as_bytes(), &body.bytes])?;
    let render = |view: &InvitationView| kept(StatusCode::CREATED, None, Some(view));
    let done = app.invite(&caller, id_of("user", &id)?, &body.members, key, &render).await?;
    Ok(idempotency::respond(done))
}

/// Set a password with the token of an invitation, and sign in.
///
/// Needs no credential but the token. All other sessions of the user end.
#[utoipa::path(
    post, path = "/api/v1/invitations/accept", tag = "people", operation_id = "accept_invitation",
    request_body = AcceptInput,
    responses((status = 201, description = "Signed in; cookies hold the session", body = SignedInView), Opening),
    security(())
)]
pub async fn accept(
    State(app): State<Arc<App>>,
    From(from): From,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    not_from_elsewhere(&app, &headers)?;
    Ok(signed_in(&app.accept_invitation(&read_body::<AcceptInput>(&body)?, &from).await?))
}
