//! `/records/{object}/{id}/person`: everything that is kept of a person, taken out or erased.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{Reading, Writing, kept, queued};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::download::download;
use super::jobs::id_of;
use super::preference::{self, is_dry_run};
use super::records::record_id;
use super::{Problem, idempotency};
use crate::app::{App, AppError, Done, ErasurePlan, JobView, PersonExport};

/// That a person is to be erased.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// The id of the person once more; not needed for a dry run.
    #[schema(value_type = Option<String>)]
    confirm: Option<Uuid>,
}

/// Export everything that is kept of a person.
///
/// A job writes one JSON document: the record, those that belong to it or link to it, deleted ones and those that
/// were merged into it, contents of files, events, shares, and what the audit trail says of them.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/{id}/person/export", tag = "records", operation_id = "export_person",
    params(
        ("object" = String, Path, description = "Name of an object of people"),
        ("id" = String, Path, description = "Id of the record"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses(
        (status = 202, description = "The export", body = PersonExport, headers(("Location" = String, description = "The job"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn export(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let record = record_id(&object, &id)?;
    let key = idempotency::key(&caller, &headers, &[b"export person", object.as_bytes(), id.as_bytes()])?;
    let render =
        |view: &PersonExport| kept(StatusCode::ACCEPTED, Some(format!("/api/v1/jobs/{}", view.job.id)), Some(view));
    Ok(idempotency::respond(app.start_person_export(&caller, (&object, record), key, &render).await?))
}

/// The file of an export of a person, for who asked for it. That it was read is noted.
#[utoipa::path(
    get, path = "/api/v1/person-exports/{id}/file", tag = "privacy", operation_id = "person_export_file",
    params(("id" = String, Path, description = "Id of the job that wrote it")),
    responses(
        (status = 200, description = "The file", content((Json = "application/json"))),
        (status = 409, description = "The export is not done", body = Problem, content_type = "application/problem+json"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn file(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let bytes = app.person_file(&caller, id_of("export", &id)?).await?;
    Ok(download("application/json", "person.json", bytes))
}

/// Erase a person.
///
/// A job removes the record and those that belong to it for good, takes what is personal out of those that only
/// link to it, and values out of their events; a certificate says what was done. It cannot be brought back.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/{id}/person/erase", tag = "records", operation_id = "erase_person",
    params(
        ("object" = String, Path, description = "Name of an object of people"),
        ("id" = String, Path, description = "Id of the record"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say what would be erased"),
    ),
    request_body(content = Erase, example = json!({"confirm": "0198c6a0-0000-7000-8000-000000000001"})),
    responses(
        (status = 202, description = "The job", body = JobView, headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "A dry run: what would be erased", body = ErasurePlan),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn erase(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let record = record_id(&object, &id)?;
    if is_dry_run(&headers) {
        let plan = app.plan_erasure(&caller, &object, record).await?;
        let mut answer = kept(StatusCode::OK, None, Some(&plan));
        answer.headers.push((preference::APPLIED.to_owned(), "dry-run".to_owned()));
        return Ok(idempotency::respond(Done::Now(answer)));
    }
    // Who may not learns nothing of the body.
    let read = serde_json::from_value(Json::Object(body.members));
    let confirm = read.as_ref().ok().and_then(|Erase { confirm }| *confirm);
    let key = idempotency::key(&caller, &headers, &[b"erase person", object.as_bytes(), id.as_bytes(), &body.bytes])?;
    let done = app.start_erasure(&caller, (&object, record), confirm, key, &queued).await;
    match (done, read) {
        (Err(AppError::Invalid(_)), Err(error)) => {
            Err(AppError::invalid("body", "wrong_type", error.to_string()).into())
        }
        (done, _) => Ok(idempotency::respond(done?)),
    }
}
