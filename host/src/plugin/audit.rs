//! The look at an uploaded component before anything is compiled: what it is, how much of it there is, what it wants
//! of the host, and what it says of itself.

mod kind;
mod manifest;
mod shape;

use wasmparser::{Validator, WasmFeatures};

use super::interfaces::{HOOKS, api, offered};
use crate::domain::plugin::{API, Manifest};
pub(super) use shape::Largest;

/// Largest component: one in Python brings 19 MB of its own.
pub const MAX_COMPONENT: usize = 24 << 20;

/// Why a file is not a plugin that this host can run.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// It is none, or breaks a rule.
    #[error("{0}")]
    Component(String),
    /// It was built for another host.
    #[error("{0}")]
    Api(String),
}

/// A component that keeps the rules, as far as that can be seen without compiling it.
#[derive(Debug)]
pub struct Audited {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The interfaces of the host that it calls.
    pub imports: Vec<String>,
    /// The largest function, for who has to make it smaller.
    pub(super) largest: Option<Largest>,
}

impl Audited {
    /// What was found before.
    pub fn before(manifest: Manifest, imports: Vec<String>) -> Self {
        Self { manifest, imports, largest: None }
    }

    /// The largest function, in words.
    pub fn largest_function(&self) -> Option<String> {
        self.largest.as_ref().map(ToString::to_string)
    }
}

/// Checks a component and reads its manifest.
pub fn audit(component: &[u8]) -> Result<Audited, Invalid> {
    // First of all, so that a file of another kind is called by its name.
    kind::check(component)?;
    if component.len() > MAX_COMPONENT {
        return Err(Invalid::Component(format!("the component is larger than {MAX_COMPONENT} bytes")));
    }
    let shape = shape::of(component)?;
    Validator::new_with_features(features())
        .validate_all(component)
        .map_err(|error| Invalid::Component(format!("not a valid component: {error}")))?;
    let manifest = manifest::read(shape.manifest)?;
    crate::domain::plugin::check(&manifest).map_err(Invalid::Component)?;
    for import in &shape.imports {
        let interface = offered(import, &manifest.api)?;
        if let Some(part) = interface.needs.filter(|part| !manifest::asks(&manifest.permissions, part)) {
            return Err(Invalid::Component(format!(
                "the component imports `{import}`, and `permissions.{part}` of the manifest asks for nothing"
            )));
        }
    }
    for hook in manifest::parts(&manifest.hooks) {
        let is_it = |export: &String| export.strip_prefix(HOOKS).and_then(|rest| rest.split('@').next()) == Some(&hook);
        if !shape.exports.iter().any(is_it) {
            return Err(Invalid::Component(format!(
                "the manifest names a hook in `hooks.{hook}` that the component does not export"
            )));
        }
    }
    Ok(Audited { manifest, imports: shape.imports, largest: shape.largest })
}

/// What of WebAssembly a component may use: what the engine is set up for, and nothing that is still in the making.
pub(super) fn features() -> WasmFeatures {
    WasmFeatures::WASM2.difference(WasmFeatures::GC_TYPES)
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXTENDED_CONST
}

/// Refuses an API that this host does not have.
fn check_api(asked: &str) -> Result<(), Invalid> {
    let read = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let Some(least) = read(asked) else {
        return Err(Invalid::Component(format!("the manifest: `api` is `{asked}`, not of the form 1.0")));
    };
    if least.0 != API.0 || least.1 > API.1 {
        return Err(Invalid::Api(format!("built for API {asked}, this host has {}", api())));
    }
    Ok(())
}
