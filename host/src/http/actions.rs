//! `/modules/{plugin}/actions` and `/modules/{plugin}/views`: what modules do and show when they are asked to.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::{Map, Value};

use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::preference::{is_dry_run, is_explained};
use super::{Problem, idempotency, outcomes};
use crate::app::{ActionCall, App, Command, ViewRequest};

/// Longest name or value of what a person chose in a view.
const MAX_PARAMETER: usize = 1_000;
/// Most of them.
const MAX_PARAMETERS: usize = 50;

/// What an action came to.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub struct ActionResult {
    /// What the module answered.
    #[schema(value_type = Value)]
    result: Value,
}

/// Have a module do something.
///
/// Everything that the module writes is committed together, or nothing of it is. The body is the input of the
/// action, by the schema that the module gives.
#[utoipa::path(
    post, path = "/api/v1/modules/{plugin}/actions/{name}", tag = "modules", operation_id = "call_action",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("name" = String, Path, description = "Name of the action"),
        ("Idempotency-Key" = Option<String>, Header, description = "The answer to a retry with the same key is the first answer"),
        ("Prefer" = Option<String>, Header, description = "`dry-run`: do everything but the commit, and say what would be written; with `explain=plugins`, what each module did, too"),
    ),
    request_body = Object,
    responses(
        (status = 200, description = "What the module answered", body = ActionResult),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn call(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((plugin, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let asked = [b"call_action".as_slice(), plugin.as_bytes(), name.as_bytes(), &body.bytes];
    let key = idempotency::key(&caller, &headers, &asked)?;
    let call = ActionCall { plugin, name, input: Value::Object(body.members) };
    app.check_action(&caller, &call).await?;
    let command = Command::action(call).dry(is_dry_run(&headers)).explaining(is_explained(&headers));
    outcomes::execute(&app, &caller, command, key).await
}

/// See a view of a module.
///
/// A tree of components from a closed set, which the host has checked. A panel names the record that it stands
/// beside; further parameters are given to the module as what the person chose.
#[utoipa::path(
    get, path = "/api/v1/modules/{plugin}/views/{name}", tag = "modules", operation_id = "get_view",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("name" = String, Path, description = "Name of the view"),
        ("object" = Option<String>, Query, description = "For a panel: the object of the record"),
        ("id" = Option<uuid::Uuid>, Query, description = "For a panel: the record"),
    ),
    responses(
        (status = 200, description = "The view", body = Object),
        (status = 422, description = "The module refused or failed, or its view is none", body = Problem, content_type = "application/problem+json"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn view(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((plugin, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let mut request = ViewRequest::default();
    let mut seen = HashSet::new();
    let mut params = Map::new();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if !seen.insert(name.clone()) {
            return Err(Problem::bad_request("invalid_parameter", format!("`{name}` is given twice")));
        }
        if seen.len() > MAX_PARAMETERS || name.len() + value.len() > MAX_PARAMETER {
            return Err(Problem::bad_request("invalid_parameter", "there are too many parameters, or too long ones"));
        }
        match name.as_ref() {
            "object" => request.object = Some(value.into_owned()),
            "id" => request.id = Some(value.into_owned()),
            _ => drop(params.insert(name.into_owned(), Value::String(value.into_owned()))),
        }
    }
    request.params = params;
    Ok(Json(app.module_view_of(&caller, &plugin, &name, request).await?))
}
