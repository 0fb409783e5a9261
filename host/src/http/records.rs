//! `/records/{object}`: list, create, get, change, delete.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::conditions::{etag, if_match, is_known};
use super::credential::Authenticated;
use super::preference::{is_dry_run, is_explained};
use super::questions::PageBody;
use super::{Problem, duplicates, idempotency, listing, outcomes};
use crate::app::{App, AppError, Command, IdempotencyKey, Operation};
use crate::domain::caller::Caller;

/// List records.
///
/// In the order of `sort`, then of the id. Without a filter, all of them.
#[utoipa::path(
    get, path = "/api/v1/records/{object}", tag = "records", operation_id = "list",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("filter" = Option<String>, Query, description = "Filter tree as JSON, such as `{\"_and\":[{\"status\":{\"_eq\":\"paid\"}},{\"placed_at\":{\"_gte\":\"2026-01-01\"}}]}`. Operators: `_eq`, `_neq`, `_lt`, `_lte`, `_gt`, `_gte`, `_in`, `_nin`, `_between`, `_null`, `_contains`, `_starts_with` and others; `_and`, `_or`, `_not` combine. Links: `{\"company\":{\"name\":{\"_eq\":\"x\"}}}`, `{\"orders\":{\"_some\":{…}}}`. Short form: `filter[status][_eq]=paid`"),
        ("sort" = Option<String>, Query, description = "Field names with commas between, `-` in front for descending; missing values come last"),
        ("limit" = Option<u32>, Query, description = "Records on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("fields" = Option<String>, Query, description = "Fields to answer, with commas between; `id` and `version` always come"),
        ("expand" = Option<String>, Query, description = "Links to follow, with commas between, such as `company,company.parent`; the records come under `expanded`"),
        ("count" = Option<String>, Query, description = "`exact` to have the number of records on all pages as `total`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filter and sort"),
        ("deleted" = Option<bool>, Query, description = "`true`: deleted records instead of those that are there"),
    ),
    responses(
        (status = 200, description = "A page", body = serde_json::Value),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let page = app.list(&caller, &object, &listing::parse(&uri)?).await?;
    Ok(json(&PageBody::of(&page)))
}

/// Get a record.
#[utoipa::path(
    get, path = "/api/v1/records/{object}/{id}", tag = "records", operation_id = "get",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("fields" = Option<String>, Query, description = "Fields to answer, with commas between; `id` and `version` always come"),
        ("expand" = Option<String>, Query, description = "Links to follow, with commas between; the records come under `expanded`"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag`; the answer is 304 when it is current"),
    ),
    responses(
        (status = 200, description = "The record", body = serde_json::Value, headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "Not changed"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (fields, expand) = listing::shape(&uri)?;
    let page = app.shaped_record(&caller, &object, record_id(&object, &id)?, fields.as_deref(), &expand).await?;
    let Some(view) = page.views().into_iter().next() else { return Err(Problem::not_found("there is no record")) };
    let tag = [(header::ETAG, etag(view.record.version))];
    // The version says nothing about the records that were put beside it.
    if expand.is_empty() && is_known(&headers, &etag(view.record.version)) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, json(&view)).into_response())
}

/// Create a record.
///
/// Modules may amend or refuse it, or write further records beside it; all of
/// it is stored at once, or nothing.
#[utoipa::path(
    post, path = "/api/v1/records/{object}", tag = "records", operation_id = "create",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
        ("Duplicate-Check" = Option<String>, Header, description = "`off`: create it, even if a record that is likely the same is there"),
    ),
    request_body(content = serde_json::Value, description = "The fields"),
    responses(
        (status = 201, description = "The record as it is stored", body = serde_json::Value, headers(("ETag" = String, description = "The version"), ("Location" = String, description = "Where it is"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"create", object.as_bytes(), &body.bytes])?;
    let command = Command::one(Operation::Create { object, fields: body.members });
    let command = command.checking_duplicates(duplicates::is_wanted(&headers)?);
    outcomes::execute(&app, &caller, command.dry(is_dry_run(&headers)).explaining(is_explained(&headers)), key).await
}

/// Change a record.
///
/// Fields that are not named stay as they are; `null` empties one.
#[utoipa::path(
    patch, path = "/api/v1/records/{object}/{id}", tag = "records", operation_id = "update",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the record must still have"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    request_body(content = serde_json::Value, description = "The fields to change"),
    responses(
        (status = 200, description = "The record as it is stored", body = serde_json::Value, headers(("ETag" = String, description = "The version"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let version = if_match(&headers)?;
    let key = change_key(&caller, &headers, &Method::PATCH, &object, &id, &body.bytes)?;
    let id = record_id(&object, &id)?;
    let operation = Operation::Update { object, id, fields: body.members, version };
    outcomes::execute(
        &app,
        &caller,
        Command::one(operation).dry(is_dry_run(&headers)).explaining(is_explained(&headers)),
        key,
    )
    .await
}

/// Delete a record.
#[utoipa::path(
    delete, path = "/api/v1/records/{object}/{id}", tag = "records", operation_id = "delete",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the record must still have"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let version = if_match(&headers)?;
    let key = change_key(&caller, &headers, &Method::DELETE, &object, &id, b"")?;
    let id = record_id(&object, &id)?;
    let command = Command::one(Operation::Delete { object, id, version })
        .dry(is_dry_run(&headers))
        .explaining(is_explained(&headers));
    outcomes::execute(&app, &caller, command, key).await
}

pub(super) fn change_key(
    caller: &Caller,
    headers: &HeaderMap,
    method: &Method,
    object: &str,
    id: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Problem> {
    let version = headers.get(header::IF_MATCH).map_or(&b""[..], |value| value.as_bytes());
    let asked = [method.as_str().as_bytes(), object.as_bytes(), id.as_bytes(), version, body];
    idempotency::key(caller, headers, &asked)
}

/// What is no id names no record.
pub(super) fn record_id(object: &str, id: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(id).map_err(|_| AppError::no_record(object, &id).into())
}

pub(super) fn json(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Problem::internal().into()
        }
    }
}
