//! `/records/{object}/merge` and `/unmerge`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::answers::Writing;
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::members::Members;
use super::preference::{is_dry_run, is_explained};
use super::{Problem, idempotency, outcomes};
use crate::app::{App, AppError, Command, Merge, Operation};

/// Which records become one.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
struct MergeInput {
    /// The record that is left.
    into: Uuid,
    /// The records that become part of it, at most 100.
    from: Vec<Uuid>,
    /// Where values come from: `{"from": id}`, or a value.
    #[schema(value_type = Option<Object>)]
    fields: Option<Map<String, Json>>,
}

/// Which merge is taken back.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
struct UnmergeInput {
    /// The merge, as it was answered.
    merge: Uuid,
}

/// Merge records.
///
/// The record `into` is left. It gets the values that `fields` names, and where it has none, those of the
/// first of the others that has one. Every link to the others leads to it, and they are deleted.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/merge", tag = "records", operation_id = "merge",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    request_body(
        content = MergeInput, description = "`into`, `from`, and where values come from: `{\"from\": id}` or a value",
        example = json!({
            "into": "01a20031-9c4a-7239-8605-04c662a595e1", "from": ["01a20031-9c4a-7239-8605-04c662a595e2"],
            "fields": {"name": {"from": "01a20031-9c4a-7239-8605-04c662a595e2"}, "note": "One person"}
        })
    ),
    responses(
        (status = 200, description = "`record` that is left, `merge` to take it back, `moved` links, and those `not_moved`", body = serde_json::Value),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn merge(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"merge", object.as_bytes(), &body.bytes])?;
    let mut reader = Members::new(body.members, "");
    let into = reader.id_of("into");
    let from = ids(&mut reader);
    let fields = match reader.take("fields") {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(fields)) => fields,
        Some(_) => {
            reader.wrong("fields", "wrong_type", "expects an object");
            Map::new()
        }
    };
    reader.end().map_err(AppError::Invalid)?;
    let command = Command::one(Operation::Merge(Merge { object, into, from, fields }));
    outcomes::execute(&app, &caller, command.dry(is_dry_run(&headers)).explaining(is_explained(&headers)), key).await
}

/// Take a merge back.
///
/// What others changed since stays as they made it; `not_put_back` tells of it.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/unmerge", tag = "records", operation_id = "unmerge",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    request_body(
        content = UnmergeInput, description = "`merge`, as the merge answered it",
        example = json!({"merge": "01a20031-9c4a-7239-8605-04c662a595e1"})
    ),
    responses(
        (status = 200, description = "`record` that the merge had left, those `restored`, `moved` links, and what was `not_put_back`", body = serde_json::Value),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn unmerge(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"unmerge", object.as_bytes(), &body.bytes])?;
    let mut reader = Members::new(body.members, "");
    let merge = reader.id_of("merge");
    reader.end().map_err(AppError::Invalid)?;
    let command = Command::one(Operation::Unmerge { object, merge });
    outcomes::execute(&app, &caller, command.dry(is_dry_run(&headers)).explaining(is_explained(&headers)), key).await
}

fn ids(reader: &mut Members) -> Vec<Uuid> {
    let Some(Json::Array(list)) = reader.take("from") else {
        reader.wrong("from", "required", "is a list of ids");
        return Vec::new();
    };
    let ids: Option<Vec<Uuid>> = list.iter().map(|json| Uuid::parse_str(json.as_str()?).ok()).collect();
    ids.unwrap_or_else(|| {
        reader.wrong("from", "wrong_type", "expects ids of records");
        Vec::new()
    })
}
