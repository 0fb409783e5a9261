//! `/records/{object}/batch`, `/upsert`, `/{id}/restore`: changes beyond the plain ones.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::answers::Writing;
use super::body::{BatchBody, ObjectBody};
use super::credential::Authenticated;
use super::members::Members;
use super::preference::{is_dry_run, is_explained};
use super::records::{change_key, record_id};
use super::{Problem, idempotency, outcomes};
use crate::app::{App, AppError, Command, Form, MAX_OPERATIONS, Operation};
use crate::domain::invalid::FieldError;

/// What becomes of the others when one operation is refused.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
enum BatchMode {
    /// Nothing is done.
    Atomic,
    /// They are done.
    Each,
}

/// What one operation does.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
enum BatchDeed {
    Create,
    Update,
    Delete,
    Restore,
    Upsert,
}

/// An operation: `create` and `upsert` take `fields`, the others the `id` of a record.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
struct BatchOperation {
    /// What it does.
    op: BatchDeed,
    /// The record.
    id: Option<Uuid>,
    /// The version that the record must still have.
    version: Option<i64>,
    /// The unique field that finds the record of an `upsert`.
    r#match: Option<String>,
    /// Values of fields.
    #[schema(value_type = Option<Object>)]
    fields: Option<Map<String, Json>>,
}

/// Several changes.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
struct BatchInput {
    /// What becomes of the others when one is refused.
    mode: BatchMode,
    /// Whether to refuse new records that are likely there already.
    check_duplicates: Option<bool>,
    /// At most 1,000.
    operations: Vec<BatchOperation>,
}

/// A record by the value of a unique field.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "says what a body looks like that is read member by member")]
struct UpsertInput {
    /// The unique field.
    r#match: String,
    /// Values of fields, with one for that field.
    #[schema(value_type = Object)]
    fields: Map<String, Json>,
}

/// Change many records.
///
/// Up to 1,000 operations in one step, in their order. `atomic`: all of them or
/// none; the problem names the `operation` that is in the way. `each`: every
/// operation has an outcome, and refused ones do not keep the others from being done.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/batch", tag = "records", operation_id = "batch",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; covers the whole batch"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    request_body(
        content = BatchInput, description = "`mode` (`atomic` or `each`) and `operations`; `check_duplicates`: whether to refuse new records that are likely there already",
        example = json!({"mode": "atomic", "operations": [
            {"op": "create", "fields": {"name": "Ann"}},
            {"op": "update", "id": "01a20031-9c4a-7239-8605-04c662a595e1", "version": 3, "fields": {"name": "Bob"}},
            {"op": "upsert", "match": "external_id", "fields": {"external_id": "7", "name": "Cid"}},
            {"op": "delete", "id": "01a20031-9c4a-7239-8605-04c662a595e2"},
            {"op": "restore", "id": "01a20031-9c4a-7239-8605-04c662a595e3"}
        ]})
    ),
    responses(
        (status = 200, description = "`outcomes`: for each operation its `status`, and its `record` or `problem`", body = serde_json::Value),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn batch(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    BatchBody(body): BatchBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"batch", object.as_bytes(), &body.bytes])?;
    let command = read_batch(&object, body.members).map_err(AppError::Invalid)?;
    outcomes::execute(&app, &caller, command.dry(is_dry_run(&headers)).explaining(is_explained(&headers)), key).await
}

/// Create or change by a unique field.
///
/// The record that has the value of `match` is changed; without one, it is created.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/upsert", tag = "records", operation_id = "upsert",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    request_body(
        content = UpsertInput, description = "`match`, a unique field, and `fields`",
        example = json!({"match": "external_id", "fields": {"external_id": "7", "name": "Ann"}})
    ),
    responses(
        (status = 200, description = "The record, changed", body = serde_json::Value, headers(("ETag" = String, description = "The version"))),
        (status = 201, description = "The record, created", body = serde_json::Value, headers(("ETag" = String, description = "The version"), ("Location" = String, description = "Where it is"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn upsert(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"upsert", object.as_bytes(), &body.bytes])?;
    let mut reader = Members::new(body.members, "");
    let field = reader.text("match");
    let fields = reader.fields();
    reader.end().map_err(AppError::Invalid)?;
    let command = Command::one(Operation::Upsert { object, field, fields });
    outcomes::execute(&app, &caller, command.dry(is_dry_run(&headers)).explaining(is_explained(&headers)), key).await
}

/// Bring a deleted record back.
///
/// It has its id and all its values. Links to records that are gone are told in `missing_links`.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/{id}/restore", tag = "records", operation_id = "restore",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    responses(
        (status = 200, description = "`record`, and `missing_links`", body = serde_json::Value, headers(("ETag" = String, description = "The version"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn restore(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = change_key(&caller, &headers, &Method::POST, &object, &id, b"restore")?;
    let id = record_id(&object, &id)?;
    let command = Command::one(Operation::Restore { object, id });
    outcomes::execute(&app, &caller, command.dry(is_dry_run(&headers)).explaining(is_explained(&headers)), key).await
}

/// Reads a batch; everything that is wrong with its form is told at once.
fn read_batch(object: &str, mut body: Map<String, Json>) -> Result<Command, Vec<FieldError>> {
    let Some(Json::Array(list)) = body.remove("operations") else {
        return Err(vec![FieldError::new("operations", "required", "is a list of operations")]);
    };
    if list.is_empty() || list.len() > MAX_OPERATIONS {
        let message = format!("has 1 to {MAX_OPERATIONS} operations");
        return Err(vec![FieldError::new("operations", "out_of_range", message)]);
    }
    let mut reader = Members::new(body, "");
    let form = match reader.text("mode").as_str() {
        "atomic" => Form::Atomic,
        "each" => Form::Each,
        _ => {
            reader.wrong("mode", "unknown_option", "is `atomic` or `each`");
            Form::Atomic
        }
    };
    let checks_duplicates = match reader.take("check_duplicates") {
        None => false,
        Some(Json::Bool(checks)) => checks,
        Some(_) => {
            reader.wrong("check_duplicates", "wrong_type", "is true or false");
            false
        }
    };
    let mut faults = reader.end().err().unwrap_or_default();
    let mut operations = Vec::with_capacity(list.len());
    for (at, json) in list.into_iter().enumerate() {
        match read_operation(object, at, json) {
            Ok(operation) => operations.push(operation),
            Err(wrong) => faults.extend(wrong),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Command::many(operations, form).checking_duplicates(checks_duplicates))
}

fn read_operation(object: &str, at: usize, json: Json) -> Result<Operation, Vec<FieldError>> {
    let place = format!("operations[{at}]");
    let Json::Object(members) = json else {
        return Err(vec![FieldError::new(place, "wrong_type", "expects an object")]);
    };
    let mut reader = Members::new(members, &format!("{place}."));
    let object = object.to_owned();
    let operation = match reader.text("op").as_str() {
        "create" => Operation::Create { object, fields: reader.fields() },
        "update" => Operation::Update { object, id: reader.id(), version: reader.version(), fields: reader.fields() },
        "delete" => Operation::Delete { object, id: reader.id(), version: reader.version() },
        "restore" => Operation::Restore { object, id: reader.id() },
        "upsert" => Operation::Upsert { object, field: reader.text("match"), fields: reader.fields() },
        _ => {
            let message = "is `create`, `update`, `delete`, `restore` or `upsert`";
            return Err(vec![FieldError::new(format!("{place}.op"), "unknown_option", message)]);
        }
    };
    reader.end().map(|()| operation)
}
