//! `/records/{object}/duplicates`, and the header that lets a new record pass.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::Problem;
use super::answers::Asking;
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::members::Members;
use super::records::json as json_answer;
use crate::app::{App, AppError, Like};

/// Whether a new record is looked for first: `Duplicate-Check: off` says no.
pub fn is_wanted(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(value) = headers.get("duplicate-check") else { return Ok(true) };
    match value.to_str().unwrap_or_default().trim() {
        "off" => Ok(false),
        "on" => Ok(true),
        _ => Err(Problem::bad_request("invalid_header", "`Duplicate-Check` is `on` or `off`")),
    }
}

/// What duplicates are looked for of: one of the two.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
struct DuplicatesInput {
    /// A record that is there.
    id: Option<Uuid>,
    /// Values of fields.
    #[schema(value_type = Option<Object>)]
    fields: Option<Map<String, Json>>,
}

/// Find duplicates.
///
/// Records that may be the same as the given fields, or as the record of the given id, best first.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/duplicates", tag = "records", operation_id = "duplicates",
    params(("object" = String, Path, description = "Name of the object")),
    request_body(
        content = DuplicatesInput, description = "`fields`, or `id`",
        example = json!({"fields": {"name": "Ann Smith", "phone": "+49301234567"}})
    ),
    responses(
        (status = 200, description = "`candidates`, each with `id`, `score` (up to 100), `reasons` and `record`", body = serde_json::Value),
        Asking,
    ),
    security(("key" = []))
)]
pub async fn duplicates(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let mut reader = Members::new(body.members, "");
    let like = match reader.take("fields") {
        Some(Json::Object(fields)) => Like::Fields(fields),
        None => Like::Record(reader.id()),
        Some(_) => {
            reader.wrong("fields", "wrong_type", "expects an object of fields");
            Like::Fields(Map::new())
        }
    };
    reader.end().map_err(AppError::Invalid)?;
    let candidates = app.duplicates(&caller, &object, &like).await?;
    Ok(json_answer(&json!({ "candidates": candidates })))
}
