//! A plugin ready to run, shared by all tenants that have it.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre};

use super::engine::PluginEngine;
use super::exports::Exports;
use super::host::Guest;
use super::{Invalid, manifest_of};
use crate::domain::plugin::{ExtensionPoint, Manifest};

/// A compiled and linked component.
pub struct Compiled {
    /// What it says of itself.
    pub manifest: Arc<Manifest>,
    pub(super) instance: InstancePre<Guest>,
    pub(super) exports: Exports,
}

impl Compiled {
    /// Whether the component has this extension point.
    pub const fn has(&self, point: ExtensionPoint) -> bool {
        self.exports.has(point)
    }
}

impl PluginEngine {
    /// Checks, compiles and links a component. Takes a while: not on a thread that serves.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, Invalid> {
        let manifest = manifest_of(bytes)?;
        let refused = |error: wasmtime::Error| Invalid(format!("the component cannot be used: {error:#}"));
        let component = Component::from_binary(&self.engine, bytes).map_err(refused)?;
        component.initialize_copy_on_write_image().map_err(refused)?;
        let instance = self.linker.instantiate_pre(&component).map_err(refused)?;
        let exports = Exports::of(&instance);
        for point in ExtensionPoint::ALL {
            if manifest.lists(point) && !exports.has(point) {
                let name = point.name();
                return Err(Invalid(format!("the manifest names `{name}`, which the component does not export")));
            }
        }
        Ok(Compiled { manifest: Arc::new(manifest), instance, exports })
    }
}
