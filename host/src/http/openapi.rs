//! The OpenAPI document of a tenant, and the pages that show it.
//!
//! Handlers describe `/records/{object}` once; here it is written out for
//! every object that the tenant has, with the schema of its fields.

mod answers;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::Problem;
use super::cookies::SESSION;
use super::credential::Authenticated;
use crate::app::App;
use crate::domain::field::{Field, FieldType, MAX_VALUES};
use crate::domain::object::Object;

const DOCUMENT: &str = "/api/v1/openapi.json";
const RECORDS: &str = "/api/v1/records/{object}";

/// The document as the handlers describe it.
pub struct Base(Value);

impl Base {
    /// From what the router collected.
    pub fn new(document: OpenApi) -> Self {
        let mut document = serde_json::to_value(document).unwrap_or_default();
        // What takes a key takes a session as well.
        let items = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
        for operation in items.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            let ways = operation.get_mut("security").and_then(Value::as_array_mut);
            if let Some(ways) = ways.filter(|ways| ways.iter().any(|way| way.get("key").is_some())) {
                ways.push(json!({"session": []}));
            }
        }
        Self(document)
    }
}

/// What the document says before any path.
pub fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Guildhall")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Customer records and the modules that work on them. Send your key as \
             `Authorization: Bearer gh_…`. Problems come as `application/problem+json` (RFC 9457) \
             with a stable `code` and a `request_id`.",
        ))
        .build();
    let key = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let session = ApiKeyValue::with_description(
        SESSION,
        "Of who has signed in. A write with it carries the header `X-Guildhall-Request`, and comes from this origin.",
    );
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(session));
    OpenApiBuilder::new()
        .info(info)
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme("key", key.clone())
                .security_scheme("operator", key)
                .security_scheme("session", session)
                .build(),
        ))
        .build()
}

/// Swagger UI, from files inside the binary.
pub fn pages() -> Router<Arc<App>> {
    SwaggerUi::new("/docs").config(Config::new([DOCUMENT])).into()
}

/// The page at `/`.
pub async fn front() -> Html<&'static str> {
    Html(include_str!("../../assets/front.html"))
}

/// This document.
///
/// With a key, it has the objects of the key's tenant; without one, the objects that every tenant has.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "documentation", operation_id = "openapi",
    responses(
        (status = 200, description = "OpenAPI 3.1", body = serde_json::Value),
        (status = 401, description = "A key that does not hold", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "More than the key may ask in a time", body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds until it can be asked again"))),
    ),
    security((), ("key" = []))
)]
pub async fn document(
    State(app): State<Arc<App>>,
    Extension(base): Extension<Arc<Base>>,
    caller: Option<Authenticated>,
) -> Result<Response, Problem> {
    let objects: Vec<Arc<Object>> = match caller {
        None => app.core_objects().to_vec(),
        Some(Authenticated(caller)) => app.catalog_of(&caller).await?.schema.objects().cloned().collect(),
    };
    Ok(Json(with_objects(&base.0, &objects)).into_response())
}

fn with_objects(base: &Value, objects: &[Arc<Object>]) -> Value {
    let mut document = base.clone();
    let Some(paths) = document["paths"].as_object_mut() else { return document };
    let generic: Vec<(String, Value)> = paths
        .iter()
        .filter(|(path, _)| path.starts_with(RECORDS))
        .map(|(path, item)| (path.clone(), item.clone()))
        .collect();
    paths.retain(|path, _| !path.starts_with(RECORDS));
    for object in objects {
        for (path, item) in &generic {
            let item = path_of(object, path, item);
            if item.as_object().is_some_and(|methods| !methods.is_empty()) {
                paths.insert(path.replace("{object}", &object.name), item);
            }
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for object in objects {
            let writable = || {
                let unlocked = object.shown().filter(|(place, _)| !object.locked.contains(place));
                unlocked.map(|(_, field)| field).filter(|field| !field.is_read_only())
            };
            let input: Map<String, Value> =
                writable().map(|field| (field.name().to_owned(), schema_of(field))).collect();
            let required: Vec<&str> =
                writable().filter(|field| field.def.required && field.default.is_null()).map(Field::name).collect();
            if !object.read_only {
                let changes = json!({"type": "object", "additionalProperties": false, "properties": input});
                let mut new = changes.clone();
                new["required"] = json!(required);
                schemas.insert(format!("{}.changes", object.name), changes);
                schemas.insert(format!("{}.new", object.name), new);
            }
            let record = record_schema(object);
            let mut part = record.clone();
            part["required"] = json!(["id", "version"]);
            schemas.insert(format!("{}.part", object.name), part);
            schemas.insert(object.name.clone(), record);
        }
    }
    document
}

/// The operations of one path, for one object.
fn path_of(object: &Object, path: &str, generic: &Value) -> Value {
    let mut item = Map::new();
    if path.contains("/person/") && !object.person {
        return Value::Object(item);
    }
    for (method, operation) in generic.as_object().into_iter().flatten() {
        // These take their question in a body, and change nothing.
        let is_question = path.ends_with("/search") || path.ends_with("/aggregate");
        if object.read_only && method != "get" && !is_question {
            continue;
        }
        let mut operation = operation.clone();
        let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
        operation["operationId"] = json!(format!("{name}_{}", object.name.replace('.', "_")));
        operation["tags"] = json!([object.name]);
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            parameters.retain(|parameter| parameter["name"] != "object");
        }
        if let Some(body) = answers::body_of(&name, object) {
            for status in ["200", "201"] {
                let response = operation["responses"].get_mut(status);
                if let Some(content) = response.and_then(|response| response.get_mut("content")) {
                    content["application/json"]["schema"] = body.clone();
                }
            }
        }
        let input = match name.as_str() {
            "create" => Some("new"),
            "update" => Some("changes"),
            _ => None,
        };
        if let Some(input) = input {
            let schema = json!({"$ref": format!("#/components/schemas/{}.{input}", object.name)});
            operation["requestBody"]["content"]["application/json"]["schema"] = schema;
        }
        item.insert(method.clone(), operation);
    }
    Value::Object(item)
}

/// Without the label as a title: generators name their types by titles, and two objects may have the same label.
fn record_schema(object: &Object) -> Value {
    let time = json!({"type": "string", "format": "date-time"});
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({"type": "string", "format": "uuid"}));
    properties.insert("version".to_owned(), json!({"type": "integer", "description": "Counts changes; the ETag"}));
    properties.insert("created_at".to_owned(), time.clone());
    properties.insert("updated_at".to_owned(), time);
    for (_, field) in object.shown() {
        properties.insert(field.name().to_owned(), schema_of(field));
    }
    let names: Vec<&String> = properties.keys().collect();
    json!({
        "type": "object", "description": object.description, "required": names, "properties": properties
    })
}

fn schema_of(field: &Field) -> Value {
    let mut schema = match field.kind.opened() {
        FieldType::Text(max) => json!({"type": "string", "maxLength": max}),
        FieldType::LongText => json!({"type": "string"}),
        FieldType::Integer => json!({"type": "integer", "format": "int64"}),
        FieldType::Decimal { precision, scale } => {
            json!({"type": "string", "format": "decimal", "description": format!("{precision} digits, {scale} behind the point")})
        }
        FieldType::Money => json!({
            "type": "object", "required": ["amount", "currency"], "additionalProperties": false,
            "properties": {
                "amount": {"type": "string", "format": "decimal", "examples": ["29.33"]},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217"}
            }
        }),
        FieldType::Boolean => json!({"type": "boolean"}),
        FieldType::Date => json!({"type": "string", "format": "date"}),
        FieldType::Datetime => json!({"type": "string", "format": "date-time"}),
        FieldType::Select(options) => json!({"type": "string", "enum": options}),
        FieldType::Email => json!({"type": "string", "format": "email"}),
        FieldType::Phone => json!({"type": "string", "description": "E.164"}),
        FieldType::Url => json!({"type": "string", "format": "uri"}),
        FieldType::Json | FieldType::Sealed(_) => json!({}),
        FieldType::MultiSelect(options) => {
            json!({"type": "array", "uniqueItems": true, "maxItems": MAX_VALUES, "items": {"type": "string", "enum": options}})
        }
        FieldType::LinkMany(to) => json!({
            "type": "array", "uniqueItems": true, "maxItems": MAX_VALUES, "items": {"type": "string", "format": "uuid", "x-names": to},
            "description": format!("Ids of `{to}`")
        }),
        FieldType::LinkAny(to) => json!({
            "type": "object", "required": ["object", "id"], "additionalProperties": false,
            "properties": {"object": {"type": "string", "enum": to}, "id": {"type": "string", "format": "uuid", "x-names": to}}
        }),
        FieldType::User => {
            json!({"type": "string", "format": "uuid", "x-names": "user", "description": "Id of somebody who works here"})
        }
        FieldType::Link(to) => {
            json!({"type": "string", "format": "uuid", "x-names": to, "description": format!("Id of a `{to}`")})
        }
    };
    if !field.def.required && !matches!(field.kind.opened(), FieldType::Json) {
        // Asked by index, a schema without `enum` would get one of null.
        if let Some(options) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            options.push(Value::Null);
        }
        schema["type"] = json!([schema["type"], "null"]);
    }
    schema["title"] = json!(field.def.label);
    if !field.def.description.is_empty() {
        schema["description"] = json!(field.def.description);
    }
    if field.is_read_only() {
        schema["readOnly"] = json!(true);
    }
    if let Some(default) = &field.def.default {
        schema["default"] = default.clone();
    }
    schema
}
