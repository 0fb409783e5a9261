//! The look at an uploaded component before anything is compiled: what it is, how much of it there is, what it wants
//! of the host, and what it says of itself.

mod kind;
mod largest;
mod manifest;
mod shape;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use wasmparser::{Validator, WasmFeatures};

use super::interfaces::{HOOKS, api, offered};
use crate::domain::plugin::{API, Manifest};
pub use largest::Function;

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
    /// What running it takes to know.
    pub found: Found,
    /// What it exports.
    pub exports: Vec<String>,
    /// The largest functions, for who has to make it smaller.
    pub largest: Vec<Function>,
    /// What it says that it was built with.
    pub sdk: Option<Json>,
}

/// What is known of a component that passed, as far as running it takes that.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Found {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The interfaces of the host that it calls.
    pub imports: Vec<String>,
}

/// Something that is wrong with a component.
#[derive(Debug)]
pub struct Problem {
    /// A stable word for what was looked at.
    pub name: &'static str,
    /// What is wrong.
    pub why: Invalid,
}

impl Audited {
    /// The largest function, in words.
    pub fn largest_function(&self) -> Option<String> {
        self.largest.first().map(ToString::to_string)
    }
}

/// Checks a component and reads its manifest. The first problem ends it.
pub fn audit(component: &[u8]) -> Result<Audited, Invalid> {
    let mut first = None;
    let audited = look(component, &mut |problem| {
        first = Some(problem.why);
        false
    });
    match (first, audited) {
        (Some(why), _) => Err(why),
        (None, Some(audited)) => Ok(audited),
        (None, None) => Err(Invalid::Component("not a WebAssembly component".to_owned())),
    }
}

/// The same for who has to mend it: every problem that does not hide behind another one.
pub fn survey(component: &[u8]) -> Result<Audited, Vec<Problem>> {
    let mut problems = Vec::new();
    let audited = look(component, &mut |problem| {
        problems.push(problem);
        true
    });
    audited.filter(|_| problems.is_empty()).ok_or(problems)
}

/// Looks at a component. Each problem is told; who is told says whether to go on. Nothing when it cannot be read.
fn look(component: &[u8], tell: &mut dyn FnMut(Problem) -> bool) -> Option<Audited> {
    let mut may_go_on =
        |name, looked: Result<(), Invalid>| looked.map_or_else(|why| tell(Problem { name, why }), |()| true);
    // First of all, so that a file of another kind is called by its name.
    if let Err(why) = kind::check(component) {
        may_go_on("file", Err(why));
        return None;
    }
    if component.len() > MAX_COMPONENT {
        may_go_on("size", Err(Invalid::Component(format!("the component is larger than {MAX_COMPONENT} bytes"))));
        return None;
    }
    let shape = match shape::of(component) {
        Ok(shape) => shape,
        Err(why) => {
            may_go_on("shape", Err(why));
            return None;
        }
    };
    let valid = Validator::new_with_features(features())
        .validate_all(component)
        .map(drop)
        .map_err(|error| Invalid::Component(format!("not a valid component: {error}")));
    if !may_go_on("validation", valid) {
        return None;
    }
    let manifest = match manifest::read(shape.manifest) {
        Ok(manifest) => manifest,
        Err(why) => {
            may_go_on("manifest", Err(why));
            return None;
        }
    };
    for (name, checked) in manifest::checks(&manifest) {
        if !may_go_on(name, checked) {
            return None;
        }
    }
    for import in &shape.imports {
        if !may_go_on("import", imported(import, &manifest)) {
            return None;
        }
    }
    for hook in manifest::parts(&manifest.hooks) {
        if !may_go_on("hook", exported(&hook, &shape.exports)) {
            return None;
        }
    }
    let sdk = shape.sdk.and_then(|section| serde_json::from_slice(section).ok());
    let found = Found { manifest, imports: shape.imports };
    Some(Audited { found, exports: shape.exports, largest: shape.largest.into_list(), sdk })
}

/// Whether the host has an interface, and the manifest asks for what it is good for.
fn imported(import: &str, manifest: &Manifest) -> Result<(), Invalid> {
    let interface = offered(import, &manifest.api)?;
    match interface.needs.filter(|part| !manifest::asks(&manifest.permissions, part)) {
        None => Ok(()),
        Some(part) => Err(Invalid::Component(format!(
            "the component imports `{import}`, and `permissions.{part}` of the manifest asks for nothing"
        ))),
    }
}

/// Whether a hook of the manifest is among the exports.
fn exported(hook: &str, exports: &[String]) -> Result<(), Invalid> {
    let is_it = |export: &String| export.strip_prefix(HOOKS).and_then(|rest| rest.split('@').next()) == Some(hook);
    if exports.iter().any(is_it) {
        return Ok(());
    }
    Err(Invalid::Component(format!("the manifest names a hook in `hooks.{hook}` that the component does not export")))
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
