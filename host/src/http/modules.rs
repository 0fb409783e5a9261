//! `/modules`: what a tenant has switched on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::answers::{Reading, Writing, queued};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::{Problem, idempotency};
use crate::app::{App, AppError, Consent, JobView, ModuleInput, ModuleView, ShadowInput, ShadowReport};
use crate::domain::invalid::FieldError;

/// The modules of a tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Modules {
    data: Vec<ModuleView>,
}

/// How a module is to be.
#[derive(utoipa::ToSchema)]
#[schema(as = ModuleInput)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; it is read field by field")]
pub struct ModuleBody {
    /// Whether its hooks run; as it was when not given, and true the first time.
    enabled: Option<bool>,
    /// Its settings; as they were when not given.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Its secrets by name, as the plugin asks for them; null takes one away, and what is not named stays.
    #[schema(value_type = Option<Object>)]
    secrets: Option<Value>,
    /// The version to pin; as it was when not given, and the newest installed the first time. A version that asks
    /// for more than was granted waits for `consent` while the old one runs.
    version: Option<String>,
    /// Names of the capabilities that it is granted, of those that it asks for (`GET /plugins/{plugin}`); `*` for all
    /// of them. Given for a version that waits, it is put in place.
    consent: Option<Vec<String>>,
    /// Whether rollouts of the operator change its version; false the first time.
    automatic: Option<bool>,
    /// Whether calls that fail are kept with what they saw, to run them again; as it was when not given, and false
    /// the first time.
    keep_failures: Option<bool>,
    /// How many of the newest calls of its hooks are kept with what they saw, 0 to 100, to try another version on
    /// them (`POST /modules/{plugin}/shadow`); as it was when not given, and 0 the first time.
    record_calls: Option<u32>,
}

/// List the tenant's modules.
#[utoipa::path(
    get, path = "/api/v1/modules", tag = "modules", operation_id = "list_modules",
    responses(
        (status = 200, description = "The modules", body = Modules),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Json<Modules>, Problem> {
    Ok(Json(Modules { data: app.modules(&caller).await? }))
}

/// Enable an installed plugin for the tenant, change its settings, its version or what it is granted, or switch it off.
///
/// The first time pins the newest installed version. A plugin that asks for something is enabled with `consent` only:
/// without it, the answer is 409 `consent_required` with `asks`. The data of a module that is switched off is kept.
#[utoipa::path(
    put, path = "/api/v1/modules/{plugin}", tag = "modules", operation_id = "set_module",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    request_body = ModuleBody,
    responses(
        (status = 200, description = "The module as it is now", body = ModuleView),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn set(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
    body: ObjectBody,
) -> Result<Json<ModuleView>, Problem> {
    let mut input = ModuleInput::default();
    let mut faults = Vec::new();
    for (name, value) in body.members {
        match (name.as_str(), value) {
            ("enabled", Value::Bool(value)) => input.enabled = Some(value),
            ("automatic", Value::Bool(value)) => input.automatic = Some(value),
            ("keep_failures", Value::Bool(value)) => input.keep_failures = Some(value),
            ("enabled" | "automatic" | "keep_failures", _) => {
                faults.push(FieldError::new(&name, "wrong_type", "expects true or false"));
            }
            ("record_calls", value) => match serde_json::from_value(value) {
                Ok(calls) => input.record_calls = Some(calls),
                Err(_) => faults.push(FieldError::new("record_calls", "wrong_type", "expects a whole number")),
            },
            ("config", value @ Value::Object(_)) => input.config = Some(value),
            ("config", _) => faults.push(FieldError::new("config", "wrong_type", "expects an object")),
            ("secrets", Value::Object(value)) => input.secrets = value,
            ("secrets", _) => faults.push(FieldError::new("secrets", "wrong_type", "expects an object")),
            ("version", Value::String(value)) => input.version = Some(value),
            ("version", _) => faults.push(FieldError::new("version", "wrong_type", "expects a text")),
            ("consent", value) => match serde_json::from_value::<Vec<String>>(value) {
                Ok(names) => input.consent = Consent::named(names),
                Err(_) => faults.push(FieldError::new("consent", "wrong_type", "expects a list of names")),
            },
            (name, _) => faults.push(FieldError::new(name, "unknown_field", "is no field of a module")),
        }
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults).into());
    }
    Ok(Json(app.set_module(&caller, &plugin, input).await?))
}

/// Remove a module that is switched off, with everything that it keeps.
///
/// It goes at once, and its objects with it. A job then removes their records for good, deleted ones too, takes the
/// values out of their events, and removes keys, secrets, logs, failures and recorded calls. What it did, cost and
/// read stays in the audit trail, in `usage` and in the ledger; so do fields that the tenant added to its objects,
/// without values. Until the job has ended, the plugin cannot be enabled again. Nothing of it can be brought back.
#[utoipa::path(
    delete, path = "/api/v1/modules/{plugin}", tag = "modules", operation_id = "purge_module",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses(
        (status = 202, description = "The job", body = JobView, headers(("Location" = String, description = "Where it is"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn purge(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"purge module", plugin.as_bytes()])?;
    Ok(idempotency::respond(app.purge_module(&caller, &plugin, key, &queued).await?))
}

/// Have a module go back to the version that it had before.
///
/// The version that it leaves is the one that it can go back to then.
#[utoipa::path(
    post, path = "/api/v1/modules/{plugin}/rollback", tag = "modules", operation_id = "roll_back_module",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    responses(
        (status = 200, description = "The module as it is now", body = ModuleView),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn roll_back(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
) -> Result<Json<ModuleView>, Problem> {
    Ok(Json(app.roll_back_module(&caller, &plugin).await?))
}

/// Try another version of a module on recorded calls, before it is switched to.
///
/// Calls of hooks that were recorded (`record_calls`), the newest first, are made again with the other version: what
/// the recorded call was answered answers it, and what that did not ask is answered from what is stored now. What both
/// decided is laid beside each other; nothing is stored of it. It shows what the module saw of records, so it takes
/// the right to export the tenant, and is noted in the audit trail.
#[utoipa::path(
    post, path = "/api/v1/modules/{plugin}/shadow", tag = "modules", operation_id = "shadow_module",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    request_body = ShadowInput,
    responses(
        (status = 200, description = "What both decided", body = ShadowReport),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn shadow(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
    body: ObjectBody,
) -> Result<Json<ShadowReport>, Problem> {
    Ok(Json(app.shadow_module(&caller, &plugin, &body.members).await?))
}
