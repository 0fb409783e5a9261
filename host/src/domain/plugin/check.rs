//! The look at a manifest as a whole: what its parts say of each other. Each thing that is wrong is named by its path.

mod counts;
mod hooks;
mod permissions;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::Manifest;
use crate::domain::core_objects::CORE_OBJECTS;
use crate::domain::field::is_name;
use crate::domain::object::ObjectDef;
pub use words::steers;

/// Largest schema of an action.
const MAX_SCHEMA: usize = 64 << 10;

/// The objects that every tenant has, and the names of their fields.
static CORE: LazyLock<HashMap<String, HashSet<String>>> = LazyLock::new(|| {
    let objects = CORE_OBJECTS.iter().filter_map(|text| serde_json::from_str::<ObjectDef>(text).ok());
    objects.map(|object| (object.name, object.fields.into_iter().map(|field| field.name).collect())).collect()
});

/// Something that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where: `hooks.scheduled[0].cron`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl Wrong {
    /// Something wrong at this path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the manifest: `{}`: {}", self.path, self.message)
    }
}

/// What is wrong.
struct Faults(Vec<Wrong>);

impl Faults {
    fn add(&mut self, path: &str, message: impl std::fmt::Display) {
        self.0.push(Wrong::new(path, message.to_string()));
    }

    /// Names that may be there once.
    fn once<'a>(&mut self, path: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for (at, name) in names.enumerate() {
            if !is_name(name) {
                self.add(&format!("{path}[{at}].name"), format!("`{name}` is not lower snake case"));
            }
            if !seen.insert(name) {
                self.add(&format!("{path}[{at}].name"), format!("`{name}` is there twice"));
            }
        }
    }

    /// A name without a namespace is one of the objects that every tenant has.
    fn known(&mut self, path: &str, object: &str) {
        if !object.contains('.') && !CORE.contains_key(object) {
            self.add(
                path,
                format!("`{object}` is no object of this host, and one of a plugin has its namespace in front"),
            );
        }
    }
}

/// Checks a manifest; everything that is wrong is told. Where there is too much of something, that alone: what is in it
/// is not worth the time.
pub fn check(manifest: &Manifest) -> Vec<Wrong> {
    let mut faults = Faults(Vec::new());
    counts::check(manifest, &mut faults);
    if !faults.0.is_empty() {
        return faults.0;
    }
    words::check(manifest, &mut faults);
    if CORE.contains_key(&manifest.namespace) {
        let text = format!(
            "`{}` is an object of the host: its events and those of the plugin would be the same",
            manifest.namespace
        );
        faults.add("namespace", text);
    }
    hooks::check(manifest, &mut faults);
    actions(manifest, &mut faults);
    views(manifest, &mut faults);
    permissions::check(manifest, &mut faults);
    requires(manifest, &mut faults);
    faults.0
}

fn actions(manifest: &Manifest, faults: &mut Faults) {
    faults.once("actions", manifest.actions.iter().map(|action| action.name.as_str()));
    for (at, action) in manifest.actions.iter().enumerate() {
        let Some(schema) = &action.input else { continue };
        let path = format!("actions[{at}].input");
        if schema.to_string().len() > MAX_SCHEMA {
            faults.add(&path, format!("has more than {MAX_SCHEMA} bytes"));
        } else if let Some(reference) = outside(schema) {
            faults.add(&path, format!("refers to `{reference}`, which is not in it"));
        } else if let Err(error) = jsonschema::validator_for(schema) {
            let inside = error.instance_path().to_string().replace('/', ".");
            faults.add(&format!("{path}{inside}"), format!("is no JSON Schema: {error}"));
        }
    }
}

/// A reference to something outside of the schema: nothing is fetched.
fn outside(schema: &Json) -> Option<&str> {
    match schema {
        Json::Object(members) => members.iter().find_map(|(name, member)| match (name.as_str(), member) {
            ("$ref" | "$dynamicRef", Json::String(to)) if !to.starts_with('#') => Some(to.as_str()),
            _ => outside(member),
        }),
        Json::Array(items) => items.iter().find_map(outside),
        _ => None,
    }
}

fn views(manifest: &Manifest, faults: &mut Faults) {
    faults.once("views", manifest.views.iter().map(|view| view.name.as_str()));
    for (at, view) in manifest.views.iter().enumerate() {
        let is_panel = view.kind == super::ViewKind::Panel;
        if is_panel != view.object.is_some() {
            faults.add(&format!("views[{at}].object"), "a panel names its object, and nothing else does");
        }
        if let Some(object) = &view.object {
            faults.known(&format!("views[{at}].object"), object);
        }
    }
}

fn requires(manifest: &Manifest, faults: &mut Faults) {
    let mut seen = HashSet::new();
    for (at, required) in manifest.requires.iter().enumerate() {
        let path = format!("requires[{at}]");
        if required.plugin == manifest.id {
            faults.add(&path, "a plugin does not require itself");
        }
        if !seen.insert(&required.plugin) {
            faults.add(&path, format!("{} is there twice", required.plugin));
        }
        let is_number = |part: &str| part.parse::<u32>().is_ok();
        if !required.version.is_empty() && !required.version.split('.').all(is_number) {
            faults.add(&format!("{path}.version"), format!("`{}` is no version, such as 1.4.0", required.version));
        }
    }
}

#[cfg(test)]
mod tests;
