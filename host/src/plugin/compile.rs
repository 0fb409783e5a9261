//! A plugin ready to run, shared by all tenants that have it.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre};

use super::bindings::before_write::HBeforeWriteIndices;
use super::engine::PluginEngine;
use super::host::Guest;
use super::{Invalid, manifest_of};
use crate::domain::plugin::Manifest;

/// A compiled and linked component.
pub struct Compiled {
    /// What it says of itself.
    pub manifest: Arc<Manifest>,
    pub(super) instance: InstancePre<Guest>,
    pub(super) before_write: Option<HBeforeWriteIndices>,
}

impl PluginEngine {
    /// Checks, compiles and links a component. Takes a while: not on a thread that serves.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, Invalid> {
        let manifest = manifest_of(bytes)?;
        let refused = |error: wasmtime::Error| Invalid(format!("the component cannot be used: {error:#}"));
        let component = Component::from_binary(&self.engine, bytes).map_err(refused)?;
        component.initialize_copy_on_write_image().map_err(refused)?;
        let instance = self.linker.instantiate_pre(&component).map_err(refused)?;
        let before_write = HBeforeWriteIndices::new(&instance).ok();
        if before_write.is_none() && !manifest.hooks.before_write.is_empty() {
            return Err(Invalid(
                "the manifest names a before-write hook that the component does not export".to_owned(),
            ));
        }
        Ok(Compiled { manifest: Arc::new(manifest), instance, before_write })
    }
}
