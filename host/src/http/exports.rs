//! `/exports`, and `/records/{object}/export`: records that become files.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::answers::{Asking, Reading};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::download::download;
use super::jobs::id_of;
use super::{Problem, idempotency, listing};
use crate::app::{Answer, App, AppError, ExportFormat, ExportHeader, ExportRequest, ExportView};

/// Export records.
///
/// A job writes them into a file, which is kept for a week.
#[utoipa::path(
    post, path = "/api/v1/exports", tag = "exports", operation_id = "create_export",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body(content = ExportRequest, description = "What to export", example = json!({"object": "contact", "filter": {"city": {"_eq": "Bern"}}, "sort": "name", "fields": ["name", "email"], "format": "csv"})),
    responses(
        (status = 202, description = "The export", body = ExportView, headers(("Location" = String, description = "Where it is"))),
        (status = 409, description = "The same was asked for at the same time"),
        Asking,
    ),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"export", &body.bytes])?;
    let request = serde_json::from_value(serde_json::Value::Object(body.members))
        .map_err(|error| AppError::invalid("body", "wrong_type", error.to_string()))?;
    Ok(idempotency::respond(app.start_export(&caller, request, key, &accepted).await?))
}

/// Get an export.
#[utoipa::path(
    get, path = "/api/v1/exports/{id}", tag = "exports", operation_id = "get_export",
    params(("id" = Uuid, Path, description = "Id of the export")),
    responses(
        (status = 200, description = "The export", body = ExportView),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<ExportView>, Problem> {
    Ok(Json(app.export(&caller, id_of("export", &id)?).await?))
}

/// The file of an export that is done.
#[utoipa::path(
    get, path = "/api/v1/exports/{id}/file", tag = "exports", operation_id = "export_file",
    params(("id" = Uuid, Path, description = "Id of the export")),
    responses(
        (status = 200, description = "The file", content((String = "text/csv"), (String = "application/jsonl"))),
        (status = 409, description = "The export is not done", body = Problem, content_type = "application/problem+json"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get_file(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (format, bytes) = app.export_file(&caller, id_of("export", &id)?).await?;
    Ok(download(format.media_type(), name_of(format), bytes))
}

/// Export records at once.
///
/// They are sent as they are read, however many there are.
#[utoipa::path(
    get, path = "/api/v1/records/{object}/export", tag = "records", operation_id = "export",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("format" = Option<String>, Query, description = "`csv` (when not given) or `jsonl`"),
        ("filter" = Option<String>, Query, description = "As in lists; the short form, too"),
        ("sort" = Option<String>, Query, description = "As in lists"),
        ("fields" = Option<String>, Query, description = "Field names with commas between; all when not given"),
        ("header" = Option<String>, Query, description = "What the first row of CSV says: `names` (when not given) or `labels`"),
        ("bom" = Option<bool>, Query, description = "Whether CSV begins with a byte order mark"),
    ),
    responses(
        (status = 200, description = "The records", content((String = "text/csv"), (String = "application/jsonl"))),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let request = direct(object, &uri)?;
    let bytes = app.stream_export(&caller, &request).await?;
    Ok(download(request.format.media_type(), name_of(request.format), bytes))
}

/// Reads the parameters of an export that is sent at once.
fn direct(object: String, uri: &Uri) -> Result<ExportRequest, Problem> {
    let mut request = ExportRequest { object, ..ExportRequest::default() };
    let mut rest = form_urlencoded::Serializer::new(String::new());
    let wrong = |text: &str| Problem::bad_request("invalid_parameter", text);
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("format", "csv") => request.format = ExportFormat::Csv,
            ("format", "jsonl") => request.format = ExportFormat::Jsonl,
            ("format", _) => return Err(wrong("`format` is `csv` or `jsonl`")),
            ("header", "names") => request.header = ExportHeader::Names,
            ("header", "labels") => request.header = ExportHeader::Labels,
            ("header", _) => return Err(wrong("`header` is `names` or `labels`")),
            ("bom", text) => request.bom = text.parse().map_err(|_| wrong("`bom` is `true` or `false`"))?,
            ("fields", text) => request.fields = Some(text.split(',').map(|name| name.trim().to_owned()).collect()),
            ("limit" | "cursor", _) => {
                return Err(Problem::bad_request("unknown_parameter", "an export has no pages"));
            }
            (name, value) => {
                rest.append_pair(name, value);
            }
        }
    }
    let rest = format!("/?{}", rest.finish()).parse().map_err(|_| wrong("the parameters cannot be read"))?;
    let list = listing::parse(&rest)?;
    (request.filter, request.pairs, request.sort) = (list.filter, list.pairs, list.sort);
    Ok(request)
}

fn name_of(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "export.csv",
        ExportFormat::Jsonl => "export.jsonl",
    }
}

fn accepted(view: &ExportView) -> Answer {
    Answer {
        status: StatusCode::ACCEPTED.as_u16(),
        headers: vec![("location".to_owned(), format!("/api/v1/exports/{}", view.id))],
        body: serde_json::to_string(view).unwrap_or_default(),
    }
}
