//! Actions of other modules of the same tenant, which the manifest names and requires.

use serde_json::Value;

use crate::Fault;
use crate::bindings::imports::guildhall::actions::call;

/// Runs an action that another plugin exports, inside the same unit of work, with the rights of that plugin.
pub fn call(plugin: &str, name: &str, input: &Value) -> Result<Value, Fault> {
    let result = call::run(plugin, name, &input.to_string())?;
    serde_json::from_str(&result).map_err(|error| Fault::internal(format!("{name} answered no JSON: {error}")))
}
