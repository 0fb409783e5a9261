//! `/schema`: the objects and fields of a tenant, and those it adds itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Problem;
use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::conditions::{etag, if_match};
use super::credential::Authenticated;
use super::language::{languages, spoken};
use super::preference;
use crate::app::{App, AppError, ObjectView, SchemaChanged, SchemaView};
use crate::domain::caller::Caller;
use crate::domain::own_schema::SchemaChange;

/// List the tenant's objects and their fields.
#[utoipa::path(
    get, path = "/api/v1/schema", tag = "schema", operation_id = "list_objects",
    params(("Accept-Language" = Option<String>, Header, description = "The languages to have labels in, such as `zh-CN, en;q=0.5`")),
    responses(
        (status = 200, description = "All objects", body = SchemaView, headers(
            ("ETag" = String, description = "Version of what the tenant made for itself"),
            ("Content-Language" = String, description = "The language of the labels; several when objects differ"),
            ("Vary" = String, description = "`Accept-Language`"),
        )),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (language, schema) = app.schema(&caller, &languages(&headers)).await?;
    Ok(([(header::ETAG, etag(schema.version))], spoken(language), Json(schema)).into_response())
}

/// Get an object with its fields.
#[utoipa::path(
    get, path = "/api/v1/schema/{object}", tag = "schema", operation_id = "get_object",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("Accept-Language" = Option<String>, Header, description = "The languages to have labels in, such as `zh-CN, en;q=0.5`"),
    ),
    responses(
        (status = 200, description = "The object", body = ObjectView, headers(
            ("ETag" = String, description = "Version of what the tenant made for itself"),
            ("Content-Language" = String, description = "The language of the labels; several when objects differ"),
            ("Vary" = String, description = "`Accept-Language`"),
        )),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (version, language, view) = app.object_schema(&caller, &object, &languages(&headers)).await?;
    Ok(([(header::ETAG, etag(version))], spoken(language), Json(view)).into_response())
}

/// Add an object of the tenant's own.
///
/// Its name begins with `x.`, the names of its fields with `x_`. With
/// `Prefer: dry-run` nothing is added, and the answer says what would be.
#[utoipa::path(
    post, path = "/api/v1/schema", tag = "schema", operation_id = "add_object",
    params(
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the schema must still have"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say what would change"),
    ),
    request_body(content = Value, description = "The definition", example = json!({
        "name": "x.project", "label": "Project", "plural": "Projects", "description": "",
        "fields": [{"name": "x_title", "label": "Title", "type": "text", "required": true, "indexed": true}]
    })),
    responses(
        (status = 200, description = "What would change", body = SchemaChanged),
        (status = 201, description = "What changed", body = SchemaChanged),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn add_object(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let change = SchemaChange::AddObject(read(body.members)?);
    changed(&app, &caller, &headers, change, StatusCode::CREATED).await
}

/// Change what is said about an own object, or retire it.
#[utoipa::path(
    patch, path = "/api/v1/schema/{object}", tag = "schema", operation_id = "change_object",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the schema must still have"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say what would change"),
    ),
    request_body(content = Value, description = "`label`, `plural`, `description`, `translations`, `person`, `common`, `retired`", example = json!({"label": "Project"})),
    responses((status = 200, description = "What changed", body = SchemaChanged), Writing),
    security(("key" = []))
)]
pub async fn change_object(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let change = SchemaChange::ChangeObject { object, patch: body.members };
    changed(&app, &caller, &headers, change, StatusCode::OK).await
}

/// Add a field to an object.
///
/// To the tenant's own objects, and to those of the core and of modules. Its
/// name begins with `x_`.
#[utoipa::path(
    post, path = "/api/v1/schema/{object}/fields", tag = "schema", operation_id = "add_field",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the schema must still have"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say what would change"),
    ),
    request_body(content = Value, description = "The definition", example = json!({
        "name": "x_level", "label": "Level", "type": "select", "indexed": true,
        "options": [{"value": "gold", "label": "Gold"}, {"value": "silver", "label": "Silver"}]
    })),
    responses(
        (status = 200, description = "What would change", body = SchemaChanged),
        (status = 201, description = "What changed", body = SchemaChanged),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn add_field(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let change = SchemaChange::AddField { object, field: Box::new(read(body.members)?) };
    changed(&app, &caller, &headers, change, StatusCode::CREATED).await
}

/// Change what is said about an own field, or retire it.
///
/// A field is never retyped or dropped: `{"retired": true}` hides it and keeps
/// its data, `{"retired": false}` brings it back.
#[utoipa::path(
    patch, path = "/api/v1/schema/{object}/fields/{field}", tag = "schema", operation_id = "change_field",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("field" = String, Path, description = "Name of the field"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the schema must still have"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: only say what would change"),
    ),
    request_body(content = Value, description = "`label`, `description`, `default`, `options`, `max_length`, `indexed`, `retired`", example = json!({"retired": true})),
    responses((status = 200, description = "What changed", body = SchemaChanged), Writing),
    security(("key" = []))
)]
pub async fn change_field(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, field)): Path<(String, String)>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let change = SchemaChange::ChangeField { object, field, patch: body.members };
    changed(&app, &caller, &headers, change, StatusCode::OK).await
}

async fn changed(
    app: &Arc<App>,
    caller: &Caller,
    headers: &HeaderMap,
    change: SchemaChange,
    done: StatusCode,
) -> Result<Response, Problem> {
    let is_dry_run = preference::is_dry_run(headers);
    let changed = app.change_schema(caller, &change, if_match(headers)?, is_dry_run).await?;
    let tag = [(header::ETAG, etag(changed.version))];
    if is_dry_run {
        return Ok((StatusCode::OK, [(preference::APPLIED, "dry-run")], tag, Json(changed)).into_response());
    }
    Ok((done, tag, Json(changed)).into_response())
}

/// A definition from a body.
fn read<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Problem> {
    serde_json::from_value(Value::Object(members))
        .map_err(|error| AppError::invalid("definition", "invalid_definition", error.to_string()).into())
}
