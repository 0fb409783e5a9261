//! `/files/{id}/content`: what a file holds.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::answers::{Reading, Writing};
use super::conditions::{if_match, is_known};
use super::credential::Authenticated;
use super::download::download;
use super::records::{change_key, record_id};
use super::{Problem, idempotency, outcomes};
use crate::app::{App, FILE, NewContent};

/// What is answered when its sender did not say what it is.
const UNKNOWN: &str = "application/octet-stream";

/// Set the content of a file.
///
/// The body is the content, up to 1 GiB; `Content-Type` says what it is. The
/// record gets `media_type`, `size`, `sha256` and `content` in the same commit.
#[utoipa::path(
    put, path = "/api/v1/files/{id}/content", tag = "files", operation_id = "set_content",
    params(
        ("id" = Uuid, Path, description = "Id of the record of `file`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the record must still have"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "The content, of any type"),
    responses(
        (status = 200, description = "The record as it is stored", body = serde_json::Value, headers(("ETag" = String, description = "The version"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn set(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let version = if_match(&headers)?;
    let media_type = headers.get(header::CONTENT_TYPE).map_or(Ok(UNKNOWN), |value| value.to_str());
    let media_type = media_type.map_err(|_| Problem::bad_request("invalid_header", "`Content-Type` is plain ASCII"))?;
    let key = change_key(&caller, &headers, &Method::PUT, FILE, &id, media_type.as_bytes())?;
    let id = record_id(FILE, &id)?;
    let bytes = Box::pin(body.into_data_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec()).map_err(|_| ())));
    let new = NewContent { id, version, media_type: media_type.to_owned(), bytes };
    let done = app.set_content(&caller, new, key, &outcomes::single).await?;
    Ok(idempotency::respond(done))
}

/// Get the content of a file.
///
/// Always as a download: nothing of it is run or shown by a browser in this
/// site's name.
#[utoipa::path(
    get, path = "/api/v1/files/{id}/content", tag = "files", operation_id = "get_content",
    params(
        ("id" = Uuid, Path, description = "Id of the record of `file`"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the content that is known"),
    ),
    responses(
        (status = 200, description = "The content", content_type = "application/octet-stream", headers(("ETag" = String, description = "SHA-256 of the content"))),
        (status = 304, description = "It is the known one"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let content = app.content(&caller, record_id(FILE, &id)?).await?;
    let etag = format!("\"{}\"", content.sha256);
    if is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let media_type = if content.media_type.is_empty() { UNKNOWN } else { &content.media_type };
    let length = [(header::CONTENT_LENGTH, content.size.to_string()), (header::ETAG, etag)];
    Ok((length, download(media_type, &content.name, content.bytes)).into_response())
}
