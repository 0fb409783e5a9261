//! `/records/{object}/change` and `/delete`: all records that meet a filter.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use super::answers::{Writing, queued};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::preference::{self, is_dry_run};
use super::{Problem, idempotency};
use crate::app::{Answer, App, AppError, Done, JobView, MatchingRequest};
use crate::domain::caller::Caller;

/// Which records to change, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMatching {
    /// A filter tree.
    #[schema(value_type = Object)]
    filter: Option<Json>,
    /// What fields become.
    #[schema(value_type = Object)]
    fields: Option<Map<String, Json>>,
    /// That all records are meant, when the filter takes them all.
    #[serde(default)]
    all: bool,
}

/// Which records to delete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteMatching {
    /// A filter tree.
    #[schema(value_type = Object)]
    filter: Option<Json>,
    /// That all records are meant, when the filter takes them all.
    #[serde(default)]
    all: bool,
}

/// Change all records that meet a filter.
///
/// A job does it, in commits of up to 200 records. Records that are refused keep no other from being changed.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/change", tag = "records", operation_id = "change_matching",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say how many records meet the filter"),
    ),
    request_body(content = ChangeMatching, example = json!({"filter": {"city": {"_eq": "Bern"}}, "fields": {"country": "CH"}})),
    responses(
        (status = 202, description = "The job", body = JobView, headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "A dry run: `records` is how many meet the filter", body = serde_json::Value),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let ObjectBody { members, bytes } = body;
    let ChangeMatching { filter, fields, all } = read(members)?;
    let request = MatchingRequest { object, filter, all, fields: Some(fields.unwrap_or_default()) };
    start(&app, &caller, &headers, &request, &bytes).await
}

/// Delete all records that meet a filter.
///
/// A job does it, in commits of up to 200 records. Records that are refused keep no other from being deleted.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/delete", tag = "records", operation_id = "delete_matching",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say how many records meet the filter"),
    ),
    request_body(content = DeleteMatching, example = json!({"filter": {"city": {"_eq": "Bern"}}})),
    responses(
        (status = 202, description = "The job", body = JobView, headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "A dry run: `records` is how many meet the filter", body = serde_json::Value),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let ObjectBody { members, bytes } = body;
    let DeleteMatching { filter, all } = read(members)?;
    start(&app, &caller, &headers, &MatchingRequest { object, filter, all, fields: None }, &bytes).await
}

fn read<T: DeserializeOwned>(members: Map<String, Json>) -> Result<T, Problem> {
    let read = serde_json::from_value(Json::Object(members));
    Ok(read.map_err(|error| AppError::invalid("body", "wrong_type", error.to_string()))?)
}

async fn start(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    request: &MatchingRequest,
    bytes: &[u8],
) -> Result<Response, Problem> {
    if is_dry_run(headers) {
        let count = app.count_matching(caller, request).await?;
        let headers = vec![(preference::APPLIED.to_owned(), "dry-run".to_owned())];
        let body = json!({"records": count}).to_string();
        return Ok(idempotency::respond(Done::Now(Answer { status: StatusCode::OK.as_u16(), headers, body })));
    }
    let what: &[u8] = if request.fields.is_some() { b"change_matching" } else { b"delete_matching" };
    let key = idempotency::key(caller, headers, &[what, request.object.as_bytes(), bytes])?;
    Ok(idempotency::respond(app.start_matching(caller, request, key, &queued).await?))
}
