//! A plugin ready to run, shared by all tenants that have it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

use super::Invalid;
use super::audit::Found;
use super::compiler::Artefact;
use super::engine::PluginEngine;
use super::exports::Exports;
use super::host::Guest;
use crate::domain::plugin::{ExtensionPoint, Manifest};

/// A compiled and linked component.
pub struct Compiled {
    /// What it says of itself.
    pub manifest: Arc<Manifest>,
    /// The interfaces of the host that it calls.
    pub imports: Vec<String>,
    /// Bytes of memory that it takes while nobody calls it.
    pub size: usize,
    pub(super) instance: InstancePre<Guest>,
    pub(super) exports: Arc<Exports>,
}

impl Compiled {
    /// Whether the component has this extension point.
    pub fn has(&self, point: ExtensionPoint) -> bool {
        self.exports.has(point)
    }
}

impl PluginEngine {
    /// Loads and links a component that was compiled. Takes a while: not on a thread that serves.
    pub fn load(&self, found: Found, artefact: &Artefact) -> Result<Compiled, Invalid> {
        let refused = |error: wasmtime::Error| Invalid::Component(format!("the component cannot be used: {error:#}"));
        #[expect(unsafe_code, reason = "there is no other way to load what another process compiled")]
        // SAFETY: an `Artefact` is what our own compiler answered, as it was: see there. Nobody else makes one.
        let component = unsafe { Component::deserialize(&self.engine, artefact.bytes()) }.map_err(refused)?;
        component.initialize_copy_on_write_image().map_err(refused)?;
        // The names of its imports fit: what does not is their form.
        let instance = self.linker.instantiate_pre(&component).map_err(|error| {
            Invalid::Api(format!("the component does not fit the interfaces of this host: {error:#}"))
        })?;
        let exports = Arc::new(Exports::of(&instance));
        for point in ExtensionPoint::ALL {
            if found.manifest.lists(point) && !exports.has(point) {
                let name = point.name();
                return Err(Invalid::Component(format!(
                    "the manifest names `{name}`, which the component does not export in the form of this host"
                )));
            }
        }
        let size = artefact.bytes().len();
        let Found { manifest, imports } = found;
        Ok(Compiled { manifest: Arc::new(manifest), imports, size, instance, exports })
    }

    /// What artefacts have in common that this engine can load.
    pub(super) fn compatibility(&self) -> [u8; 32] {
        let mut hash = Sum(Sha256::new());
        self.engine.precompile_compatibility_hash().hash(&mut hash);
        hash.0.finalize().into()
    }
}

/// SHA-256 for those who only know how to feed a hasher.
struct Sum(Sha256);

impl Hasher for Sum {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
