//! The look at an uploaded component before anything is compiled: what it is, how much of it there is, what it wants
//! of the host, and what it says of itself.

mod kind;
mod largest;
mod manifest;
mod shape;

use std::iter::once;

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use wasmparser::{Validator, WasmFeatures};

use super::interfaces::{HOOKS, OURS, api, offered};
use crate::domain::plugin::{API, Manifest, Wrong};
pub use largest::Function;
use shape::Shape;

/// Largest component: one in Python brings 19 MB of its own.
pub const MAX_COMPONENT: usize = 24 << 20;
/// Problems of a manifest that one answer tells.
const TOLD: usize = 10;

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
    /// The part of the manifest that says it, when it is one: `hooks.scheduled[0].cron`.
    pub path: Option<String>,
    /// What is wrong there, when it is told beside the path.
    pub message: Option<String>,
    /// What is wrong.
    pub why: Invalid,
}

impl Problem {
    /// Something wrong that no part of the manifest says.
    fn new(name: &'static str, why: Invalid) -> Self {
        Self { name, path: None, message: None, why }
    }

    /// Something wrong in the manifest.
    fn of(name: &'static str, wrong: Wrong) -> Self {
        let why = Invalid::Component(wrong.to_string());
        Self { name, path: Some(wrong.path), message: Some(wrong.message), why }
    }
}

impl Audited {
    /// The largest function, in words.
    pub fn largest_function(&self) -> Option<String> {
        self.largest.first().map(ToString::to_string)
    }
}

/// Checks a component and reads its manifest. The first problem ends it; of a manifest, what else is wrong is told, too.
pub fn audit(component: &[u8]) -> Result<Audited, Invalid> {
    survey(component).map_err(|problems| {
        let mut problems = problems.into_iter();
        let Some(first) = problems.next() else { return nothing() };
        let Invalid::Component(text) = first.why else { return first.why };
        let others = problems.filter(|other| first.path.is_some() && other.path.is_some());
        let told: Vec<String> = once(text).chain(others.map(|other| other.why.to_string())).take(TOLD).collect();
        Invalid::Component(told.join("; "))
    })
}

/// The same for a component that was installed once: rules for manifests that came later do not stop what works.
pub fn audit_again(component: &[u8]) -> Result<Audited, Invalid> {
    let mut problems = Vec::new();
    let audited = look(component, &mut problems);
    let is_rule = |problem: &Problem| problem.path.is_some() && matches!(problem.why, Invalid::Component(_));
    if audited.is_some() {
        problems.retain(|problem| !is_rule(problem));
    }
    match problems.into_iter().next() {
        Some(problem) => Err(problem.why),
        None => audited.ok_or_else(nothing),
    }
}

/// The look for who has to mend it: every problem that does not hide behind another one.
pub fn survey(component: &[u8]) -> Result<Audited, Vec<Problem>> {
    let mut problems = Vec::new();
    let audited = look(component, &mut problems);
    audited.filter(|_| problems.is_empty()).ok_or(problems)
}

/// The look at a manifest alone, before there is a component.
pub fn survey_manifest(section: &[u8]) -> Result<Manifest, Vec<Problem>> {
    let manifest = manifest::read(section).map_err(|problem| vec![problem])?;
    let problems = manifest::problems(&manifest);
    if problems.is_empty() { Ok(manifest) } else { Err(problems) }
}

fn nothing() -> Invalid {
    Invalid::Component("not a WebAssembly component".to_owned())
}

/// Looks at a component. Nothing when it cannot be read; nor when it is not valid, as what is in it says little then.
fn look(component: &[u8], problems: &mut Vec<Problem>) -> Option<Audited> {
    let shape = match shape_of(component) {
        Ok(shape) => shape,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let manifest = match manifest::read(shape.manifest) {
        Ok(manifest) => manifest,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    problems.extend(manifest::problems(&manifest));
    let exports = |name: &str| shape.exports.iter().any(|export| export.split('@').next() == Some(name));
    problems.extend(manifest::cpu(&manifest, &exports).err().map(|wrong| Problem::of("manifest", wrong)));
    problems.extend(shape.imports.iter().filter_map(|import| imported(import, &manifest).err()));
    problems.extend(later(&shape, &manifest));
    for hook in manifest::parts(&manifest.hooks).into_iter().filter(|hook| !exports(&format!("{HOOKS}{hook}"))) {
        let path = format!("hooks.{hook}");
        let text = format!("the manifest names a hook in `{path}` that the component does not export");
        let message = Some("the component does not export it".to_owned());
        problems.push(Problem { name: "hook", path: Some(path), message, why: Invalid::Component(text) });
    }
    let sdk = shape.sdk.and_then(|section| serde_json::from_slice(section).ok());
    let found = Found { manifest, imports: shape.imports };
    Some(Audited { found, exports: shape.exports, largest: shape.largest.into_list(), sdk })
}

/// What a file is, how much of it there is, and whether it is valid. The first problem ends it, so that a file of
/// another kind is called by its name.
fn shape_of(component: &[u8]) -> Result<Shape<'_>, Problem> {
    kind::check(component).map_err(|why| Problem::new("file", why))?;
    if component.len() > MAX_COMPONENT {
        let why = Invalid::Component(format!("the component is larger than {MAX_COMPONENT} bytes"));
        return Err(Problem::new("size", why));
    }
    let shape = shape::of(component).map_err(|why| Problem::new("shape", why))?;
    Validator::new_with_features(features())
        .validate_all(component)
        .map_err(|error| Problem::new("validation", Invalid::Component(format!("not a valid component: {error}"))))?;
    Ok(shape)
}

/// Interfaces of the host that are newer than the API that the manifest names: an older host would be told that it has
/// all that the plugin needs.
fn later(shape: &Shape<'_>, manifest: &Manifest) -> Option<Problem> {
    let least = read_api(&manifest.api)?;
    let newer = |name: &&String| {
        let version = name.strip_prefix(OURS)?.split_once('@')?.1.parse::<Version>().ok()?;
        ((version.major, version.minor) > (u64::from(least.0), u64::from(least.1))).then_some(version)
    };
    let names = shape.imports.iter().chain(&shape.exports);
    let (version, name) =
        names.filter_map(|name| Some((newer(&name)?, name))).max_by(|one, other| one.0.cmp(&other.0))?;
    let of_this_host = u64::from(API.0) == version.major && version.minor <= u64::from(API.1);
    let text = format!(
        "is {}, and the component is built with `{name}`: say {}.{}",
        manifest.api, version.major, version.minor
    );
    // What this host does not have at all is told as that.
    of_this_host.then(|| Problem::of("api", Wrong::new("api", text)))
}

/// Whether the host has an interface, and the manifest asks for what it is good for.
fn imported(import: &str, manifest: &Manifest) -> Result<(), Problem> {
    let interface = offered(import, &manifest.api).map_err(|why| Problem::new("import", why))?;
    match interface.needs.filter(|part| !manifest::asks(&manifest.permissions, part)) {
        None => Ok(()),
        Some(part) => {
            let path = format!("permissions.{part}");
            let text = format!("the component imports `{import}`, and `{path}` of the manifest asks for nothing");
            let message = Some(format!("asks for nothing, and the component imports `{import}`"));
            Err(Problem { name: "import", path: Some(path), message, why: Invalid::Component(text) })
        }
    }
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

fn read_api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Refuses an API that this host does not have.
fn check_api(asked: &str) -> Result<(), Problem> {
    let Some(least) = read_api(asked) else {
        return Err(Problem::of("api", Wrong::new("api", format!("is `{asked}`, not of the form 1.0"))));
    };
    if least.0 != API.0 || least.1 > API.1 {
        let text = format!("built for API {asked}, this host has {}", api());
        let (path, message) = (Some("api".to_owned()), Some(text.clone()));
        return Err(Problem { name: "api", path, message, why: Invalid::Api(text) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An empty component with this manifest.
    fn component(manifest: &Json) -> Vec<u8> {
        let number = |mut rest: usize| {
            let mut bytes = Vec::new();
            loop {
                let low = u8::try_from(rest & 0x7f).unwrap();
                rest >>= 7;
                bytes.push(if rest == 0 { low } else { low | 0x80 });
                if rest == 0 {
                    return bytes;
                }
            }
        };
        let name = b"guildhall:manifest";
        let data = [&number(name.len())[..], name, manifest.to_string().as_bytes()].concat();
        [&b"\0asm\x0d\0\x01\0\0"[..], &number(data.len()), &data].concat()
    }

    #[test]
    fn what_is_installed_is_not_held_to_rules_that_came_later() {
        let good =
            json!({"schema": 1, "id": "acme.old", "namespace": "old", "name": "Old", "version": "1.0.0", "api": "1.0"});
        let changed = |change: fn(&mut Json)| {
            let mut manifest = good.clone();
            change(&mut manifest);
            component(&manifest)
        };
        assert!(audit(&changed(|_| {})).is_ok());
        for later in [
            changed(|manifest| manifest["limits"] = json!({"cpu_ms": 1_000_000})),
            changed(|manifest| manifest["name"] = json!("Bell\u{7}")),
            changed(|manifest| manifest["permissions"] = json!({"records": [{"object": "gone", "ops": ["share"]}]})),
        ] {
            assert!(matches!(audit(&later), Err(Invalid::Component(_))));
            assert_eq!(audit_again(&later).unwrap().found.manifest.id, "acme.old");
        }
        // What cannot be read, or needs another host, does not run all the same.
        assert!(matches!(
            audit_again(&changed(|manifest| manifest["surprise"] = json!(1))),
            Err(Invalid::Component(_))
        ));
        assert!(matches!(audit_again(&changed(|manifest| manifest["api"] = json!("9.0"))), Err(Invalid::Api(_))));
        assert!(audit_again(b"no plugin").is_err());
    }
}
