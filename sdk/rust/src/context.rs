//! Who and what the call is about.

use serde::Deserialize;

use crate::Fault;
use crate::bindings::imports::guildhall::core::context;

/// What is known of the call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Context {
    /// Id of the tenant.
    pub tenant: String,
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Where the host calls it, `before-write`.
    pub extension_point: String,
    /// Id of this call.
    pub invocation: String,
    /// Whose rights bound those of the plugin.
    pub actor: Actor,
    /// Timezone of the tenant, `Europe/Berlin`.
    pub timezone: String,
    /// Whether what is written is thrown away.
    pub dry_run: bool,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Actor {
    /// `user`, `key` or `plugin`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// The context of this call.
pub fn get() -> Result<Context, Fault> {
    serde_json::from_str(&context::get()).map_err(|error| Fault::internal(format!("No context: {error}")))
}
