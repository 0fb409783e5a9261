//! `/records/{object}/{id}/shares`: with whom one record is shared.

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
use super::records::record_id;
use super::{Problem, idempotency};
use crate::app::{App, ShareInput, ShareView};

/// The shares of a record.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Shares {
    data: Vec<ShareView>,
}

/// List with whom a record is shared.
#[utoipa::path(
    get, path = "/api/v1/records/{object}/{id}/shares", tag = "records", operation_id = "shares",
    params(("object" = String, Path, description = "Name of an object"), ("id" = Uuid, Path, description = "Id of the record")),
    responses((status = 200, description = "The shares", body = Shares), Reading),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
) -> Result<Json<Shares>, Problem> {
    let record = record_id(&object, &id)?;
    Ok(Json(Shares { data: app.shares(&caller, &object, record).await? }))
}

/// Share a record.
///
/// With a user, a team or everybody who belongs to a company, for good or until a time. They see it, and with
/// `update` change it, whatever else their roles reach, as far as their roles let them read and update the object.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/{id}/shares", tag = "records", operation_id = "share",
    params(
        ("object" = String, Path, description = "Name of an object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = ShareInput,
    responses((status = 201, description = "The share", body = ShareView), Writing),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let record = record_id(&object, &id)?;
    let key = idempotency::key(&caller, &headers, &[b"share", object.as_bytes(), id.as_bytes(), &body.bytes])?;
    let render = |view: &ShareView| kept(StatusCode::CREATED, None, Some(view));
    Ok(idempotency::respond(app.share(&caller, (&object, record), &body.members, key, &render).await?))
}

/// End a share.
#[utoipa::path(
    delete, path = "/api/v1/records/{object}/{id}/shares/{share}", tag = "records", operation_id = "unshare",
    params(
        ("object" = String, Path, description = "Name of an object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("share" = Uuid, Path, description = "Id of the share"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 204, description = "It is shared no more"), Writing),
    security(("key" = []))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id, share)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (record, share_id) = (record_id(&object, &id)?, id_of("share", &share)?);
    let key = idempotency::key(&caller, &headers, &[b"unshare", object.as_bytes(), id.as_bytes(), share.as_bytes()])?;
    let answer = kept::<()>(StatusCode::NO_CONTENT, None, None);
    Ok(idempotency::respond(app.unshare(&caller, (&object, record), share_id, key, answer).await?))
}
