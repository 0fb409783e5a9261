//! The settings that the tenant gave this plugin.

use serde::de::DeserializeOwned;

use crate::Fault;
use crate::bindings::imports::guildhall::core::config;

/// The settings, which the host has checked against the schema in the manifest.
///
/// ```no_run
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     greeting: String,
/// }
///
/// let settings: Settings = guildhall_sdk::config::get()?;
/// # Ok::<(), guildhall_sdk::Fault>(())
/// ```
pub fn get<T: DeserializeOwned>() -> Result<T, Fault> {
    serde_json::from_str(&config::get())
        .map_err(|error| Fault::new("invalid_config", format!("Unusable settings: {error}")))
}
