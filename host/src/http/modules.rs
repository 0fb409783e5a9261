//! `/modules`: what a tenant has switched on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;

use super::Problem;
use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::credential::Authenticated;
use crate::app::{App, AppError, ModuleView};
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
pub struct ModuleInput {
    /// Whether its hooks run; as it was when not given, and true the first time.
    enabled: Option<bool>,
    /// Its settings; as they were when not given.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Whether calls that fail are kept with what they saw, to run them again; as it was when not given, and false
    /// the first time.
    keep_failures: Option<bool>,
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

/// Enable an installed plugin for the tenant, change its settings, or switch it off.
///
/// The first time pins the newest installed version. The data of a module that
/// is switched off is kept.
#[utoipa::path(
    put, path = "/api/v1/modules/{plugin}", tag = "modules", operation_id = "set_module",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    request_body = ModuleInput,
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
    let mut enabled = None;
    let mut config = None;
    let mut keep_failures = None;
    let mut faults = Vec::new();
    for (name, value) in body.members {
        match (name.as_str(), value) {
            ("enabled", Value::Bool(value)) => enabled = Some(value),
            ("enabled", _) => faults.push(FieldError::new("enabled", "wrong_type", "expects true or false")),
            ("keep_failures", Value::Bool(value)) => keep_failures = Some(value),
            ("keep_failures", _) => {
                faults.push(FieldError::new("keep_failures", "wrong_type", "expects true or false"));
            }
            ("config", Value::Object(value)) => config = Some(value),
            ("config", _) => faults.push(FieldError::new("config", "wrong_type", "expects an object")),
            (name, _) => faults.push(FieldError::new(name, "unknown_field", "is no field of a module")),
        }
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults).into());
    }
    Ok(Json(app.set_module(&caller, &plugin, enabled, config, keep_failures).await?))
}
