//! `/imports`: files that become records.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::download::download;
use super::jobs::id_of;
use super::{Problem, idempotency};
use crate::app::{Answer, App, AppError, ImportView, Upload, delimiter_of, encoding_of};
use crate::domain::import::Format;
use crate::domain::import::detect::Hints;

/// Import a file.
///
/// The body is the file, up to 1 GiB. What it is made of is found out, and a
/// field is proposed for each column; change that with PATCH and begin with
/// `start`, or begin at once with `?start=true`.
#[utoipa::path(
    post, path = "/api/v1/imports", tag = "imports", operation_id = "create_import",
    params(
        ("object" = String, Query, description = "Name of the object", example = "contact"),
        ("format" = Option<String>, Query, description = "`csv`, `jsonl` or `vcard`; by the `Content-Type` when not given"),
        ("name" = Option<String>, Query, description = "Name of the file"),
        ("start" = Option<bool>, Query, description = "Begin at once, with what is proposed"),
        ("encoding" = Option<String>, Query, description = "The encoding, when it is known: `utf-8`, `utf-16le`, `gb18030`, …"),
        ("delimiter" = Option<String>, Query, description = "What stands between two cells of CSV, when it is known"),
        ("header" = Option<bool>, Query, description = "Whether the first row of CSV names the columns, when it is known"),
        ("dry_run" = Option<bool>, Query, description = "Do everything but the commit"),
        ("mode" = Option<String>, Query, description = "`create`, `update` or `upsert`"),
        ("key" = Option<String>, Query, description = "The field that finds the record of a row: `id`, or a unique one"),
        ("empty" = Option<String>, Query, description = "What an empty cell does to a record: `keep` or `clear`"),
        ("decimal" = Option<String>, Query, description = "The sign in front of decimal places: `.` or `,`"),
        ("dates" = Option<String>, Query, description = "The order of dates without the year in front: `ymd` (none such), `dmy`, `mdy`"),
        ("country_code" = Option<String>, Query, description = "For phone numbers without one, `+86`"),
        ("currency" = Option<String>, Query, description = "For amounts without one, `CNY`"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body(content = String, content_type = "text/csv", description = "The file: `text/csv`, `text/vcard`, `application/jsonl` or `application/x-ndjson`"),
    responses(
        (status = 202, description = "The import, with what was found", body = ImportView, headers(("Location" = String, description = "Where it is"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let upload = upload(&uri, &headers)?;
    let asked: [&[u8]; 3] = [b"import", uri.query().unwrap_or_default().as_bytes(), upload.format.name().as_bytes()];
    let key = idempotency::key(&caller, &headers, &asked)?;
    let bytes = body.into_data_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec()).map_err(|_| ()));
    let done = app.create_import(&caller, upload, Box::pin(bytes), key, &accepted).await?;
    Ok(idempotency::respond(done))
}

/// Get an import: what was found in the file, where its columns go, and its jobs.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}", tag = "imports", operation_id = "get_import",
    params(("id" = Uuid, Path, description = "Id of the import")),
    responses(
        (status = 200, description = "The import", body = ImportView),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<ImportView>, Problem> {
    Ok(Json(app.import(&caller, id_of("import", &id)?).await?))
}

/// Change the plan of an import before it runs.
///
/// `mapping` names columns (or `#1` for the first) and the field of each, `null`
/// for none, or `{"field": "company", "match": "name"}` for a link that is found by
/// another field. `encoding`, `delimiter` and `header` read the file anew.
#[utoipa::path(
    patch, path = "/api/v1/imports/{id}", tag = "imports", operation_id = "change_import",
    params(("id" = Uuid, Path, description = "Id of the import")),
    request_body(content = Value, description = "Any of `encoding`, `delimiter`, `header`, `mapping`, `options`", example = json!({"mapping": {"Firma": {"field": "company", "match": "name"}}, "options": {"mode": "upsert", "key": "email"}})),
    responses(
        (status = 200, description = "The import as it is now", body = ImportView),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: ObjectBody,
) -> Result<Json<ImportView>, Problem> {
    Ok(Json(app.change_import(&caller, id_of("import", &id)?, &body.members).await?))
}

/// Start an import.
///
/// One that failed or was cancelled goes on where it was; one that was tried
/// with `dry_run` begins anew.
#[utoipa::path(
    post, path = "/api/v1/imports/{id}/start", tag = "imports", operation_id = "start_import",
    params(
        ("id" = Uuid, Path, description = "Id of the import"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body(content = Value, description = "Options that are to be changed; `{}` for none", example = json!({"dry_run": true})),
    responses(
        (status = 202, description = "The import", body = ImportView),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn start(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"start_import", id.as_bytes(), &body.bytes])?;
    let id = id_of("import", &id)?;
    Ok(idempotency::respond(app.start_import(&caller, id, Some(&body.members), key, &accepted).await?))
}

/// Undo an import.
///
/// What it made is deleted and what it changed is put back, except for records
/// that were changed since: `not_undone` lists these.
#[utoipa::path(
    post, path = "/api/v1/imports/{id}/undo", tag = "imports", operation_id = "undo_import",
    params(
        ("id" = Uuid, Path, description = "Id of the import"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses(
        (status = 202, description = "The import", body = ImportView),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn undo(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"undo_import", id.as_bytes()])?;
    let id = id_of("import", &id)?;
    Ok(idempotency::respond(app.undo_import(&caller, id, key, &accepted).await?))
}

/// The rows that an import refused, as CSV: the columns of the file, `row_number`, `code` and `reason`.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}/errors", tag = "imports", operation_id = "import_errors",
    params(("id" = Uuid, Path, description = "Id of the import")),
    responses(
        (status = 200, description = "The rows", body = String, content_type = "text/csv"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn errors(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let bytes = app.import_errors(&caller, id_of("import", &id)?).await?;
    Ok(download("text/csv; charset=utf-8", "errors.csv", bytes))
}

fn accepted(view: &ImportView) -> Answer {
    Answer {
        status: StatusCode::ACCEPTED.as_u16(),
        headers: vec![("location".to_owned(), format!("/api/v1/imports/{}", view.id))],
        body: serde_json::to_string(view).unwrap_or_default(),
    }
}

/// Reads the parameters of an upload.
fn upload(uri: &Uri, headers: &HeaderMap) -> Result<Upload, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let mut format = Format::of_media_type(media_type);
    let (mut object, mut file_name, mut start) = (String::new(), String::new(), false);
    let mut hints = Hints::default();
    let mut options = Map::new();
    let mut faults = Vec::new();
    let truth = |name: &str, value: &str| {
        let wrong = || Problem::bad_request("invalid_parameter", format!("`{name}` is `true` or `false`"));
        value.parse::<bool>().map_err(|_| wrong())
    };
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "object" => object = value.into_owned(),
            "name" => file_name = value.chars().filter(|c| !c.is_control()).take(255).collect(),
            "format" => {
                format = Format::find(&value);
                if format.is_none() {
                    return Err(Problem::bad_request("invalid_parameter", "`format` is `csv`, `jsonl` or `vcard`"));
                }
            }
            "start" => start = truth("start", &value)?,
            "header" => hints.header = Some(truth("header", &value)?),
            "encoding" => match encoding_of(&value) {
                Ok(encoding) => hints.encoding = Some(encoding),
                Err(fault) => faults.push(fault),
            },
            "delimiter" => match delimiter_of(&value) {
                Ok(delimiter) => hints.delimiter = Some(delimiter),
                Err(fault) => faults.push(fault),
            },
            "dry_run" => {
                options.insert("dry_run".to_owned(), truth("dry_run", &value)?.into());
            }
            name @ ("mode" | "key" | "empty" | "decimal" | "dates" | "country_code" | "currency") => {
                options.insert(name.to_owned(), Value::from(value.into_owned()));
            }
            name => return Err(Problem::bad_request("unknown_parameter", format!("there is no parameter `{name}`"))),
        }
    }
    let format = format.ok_or_else(|| {
        let text = "the body has to come as `text/csv`, `text/vcard`, `application/jsonl` or `application/x-ndjson`";
        AppError::MediaType(text.to_owned())
    })?;
    let options = crate::app::options_of(&options)?;
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults).into());
    }
    Ok(Upload { object, format, name: file_name, start, hints, options })
}
