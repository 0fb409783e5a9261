//! Actions of modules: what they do when they are asked to.
//!
//! An action is an operation like the change of a record: it has the same
//! unit of work, the same retries, the same dry run and the same kept answer.

use std::sync::Arc;

use serde_json::Value as Json;

use super::unit_of_work::Work;
use super::{App, AppError};
use crate::access::Create;
use crate::domain::caller::Caller;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::plugin::{ActionDef, Input, Manifest, Output};
use crate::plugin::Failure;

/// A call of an action.
#[derive(Clone, Debug)]
pub struct ActionCall {
    /// The plugin.
    pub plugin: String,
    /// The action.
    pub name: String,
    /// What it is given: valid by the schema in the manifest.
    pub input: Json,
}

impl ActionCall {
    /// Has the module do it, inside a unit of work.
    pub(super) async fn run(&self, work: &Arc<Work>) -> Result<Json, AppError> {
        let missing = || no_action(&self.plugin, &self.name);
        let module = work.catalog.module(&self.plugin).ok_or_else(missing)?;
        let action = module.manifest.action(&self.name).ok_or_else(missing)?;
        work.app.access.check_area::<Create>(&work.caller, Area::Actions)?;
        check_input(&module.manifest, action, &self.input)?;
        let input = Input::Action { name: self.name.clone(), input: self.input.to_string() };
        let told = |failure| AppError::Hook { plugin: self.plugin.clone(), failure };
        let before = work.before_call().await;
        let output = work.app.invoke(work, module, None, input).await.map_err(told)?;
        if let Some(before) = before {
            work.explain_effects(&module.manifest, before, &[], &[]).await;
        }
        let Output::Json(text) = output else { return Err(told(Failure::HostFault)) };
        serde_json::from_str(&text).map_err(|_| told(Failure::HostFault))
    }
}

impl App {
    /// Whether there is such an action, for this caller.
    pub async fn check_action(&self, caller: &Caller, call: &ActionCall) -> Result<(), AppError> {
        self.access.check_area::<Create>(caller, Area::Actions)?;
        let catalog = self.catalog_of(caller).await?;
        let missing = || no_action(&call.plugin, &call.name);
        let module = catalog.module(&call.plugin).ok_or_else(missing)?;
        module.manifest.action(&call.name).map(drop).ok_or_else(missing)
    }
}

/// The same for a module that is not there, one that is switched off, and one without the action.
fn no_action(plugin: &str, name: &str) -> AppError {
    AppError::NotFound { what: "action".to_owned(), id: format!("{name} of {plugin}") }
}

/// Checks what an action is given against the schema in the manifest.
pub(super) fn check_input(manifest: &Manifest, action: &ActionDef, input: &Json) -> Result<(), AppError> {
    if !input.is_object() {
        return Err(AppError::invalid("", "wrong_type", "the input of an action is a JSON object"));
    }
    let Some(schema) = &action.input else { return Ok(()) };
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| AppError::InvalidPlugin(format!("{} {}: {error}", manifest.id, action.name)))?;
    let faults: Vec<FieldError> = validator
        .iter_errors(input)
        .map(|error| {
            let path = error.instance_path().to_string().trim_start_matches('/').replace('/', ".");
            FieldError::new(path, "wrong_input", error.to_string())
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(AppError::Invalid(faults)) }
}
