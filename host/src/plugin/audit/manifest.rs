//! What a component says of itself, held to its rules. What is wrong is named by its place.

use std::collections::HashSet;

use semver::Version;
use serde::Serialize;
use serde_json::Value as Json;

use super::{Invalid, check_api};
use crate::domain::field::is_name;
use crate::domain::permission::Action;
use crate::domain::plugin::{Manifest, SCHEMA, WriteHook};

/// What no plan gives more of: the limits of a call are those of the tenant's plan, or less.
const MEMORY_MB: u64 = 64;
const CPU_MS: u64 = 10_000;
const TIMEOUT_MS: u64 = 300_000;
/// Longest texts that people read.
const NAME: usize = 100;
const DESCRIPTION: usize = 2_000;

/// Reads a manifest.
pub fn read(section: &[u8]) -> Result<Manifest, Invalid> {
    let mut json = serde_json::Deserializer::from_slice(section);
    let manifest: Manifest = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { String::new() } else { format!(" at `{path}`") };
        Invalid::Component(format!("the manifest cannot be read{at}: {}", error.inner()))
    })?;
    json.end().map_err(|error| Invalid::Component(format!("the manifest cannot be read: {error}")))?;
    if manifest.schema != SCHEMA {
        return wrong("schema", &format!("is format {}, and this host reads {SCHEMA}", manifest.schema));
    }
    Ok(manifest)
}

/// What is said in it, part by part, each with the name of the look at it.
pub fn checks(manifest: &Manifest) -> impl Iterator<Item = (&'static str, Result<(), Invalid>)> {
    type Check = fn(&Manifest) -> Result<(), Invalid>;
    const CHECKS: [(&str, Check); 6] = [
        ("api", |manifest| check_api(&manifest.api)),
        ("manifest", words),
        ("manifest", limits),
        ("manifest", permissions),
        ("manifest", objects),
        ("manifest", |manifest| crate::domain::plugin::check(manifest).map_err(Invalid::Component)),
    ];
    CHECKS.iter().map(|(name, check)| (*name, check(manifest)))
}

/// The names of those parts of something in the manifest that are not empty.
pub fn parts(of: &impl Serialize) -> Vec<String> {
    let json = serde_json::to_value(of).unwrap_or_default();
    json.as_object().into_iter().flatten().filter(|(_, value)| is_said(value)).map(|(name, _)| name.clone()).collect()
}

fn is_said(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Array(items) => !items.is_empty(),
        Json::Object(members) => members.values().any(is_said),
        _ => true,
    }
}

/// Whether the permissions ask for something there.
pub fn asks(permissions: &impl Serialize, part: &str) -> bool {
    parts(permissions).iter().any(|name| name == part)
}

fn wrong<T>(path: &str, what: &str) -> Result<T, Invalid> {
    Err(Invalid::Component(format!("the manifest: `{path}` {what}")))
}

fn words(manifest: &Manifest) -> Result<(), Invalid> {
    let parts: Vec<&str> = manifest.id.split('.').collect();
    let is_part = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if manifest.id.len() > 80 || parts.len() != 2 || !parts.iter().all(is_part) {
        return wrong("id", "is not of the form publisher.name");
    }
    if !is_name(&manifest.namespace) {
        return wrong("namespace", "is not lower snake case");
    }
    if manifest.version.len() > 50 || Version::parse(&manifest.version).is_err() {
        return wrong("version", "is not a semantic version such as 1.0.0");
    }
    if manifest.name.trim().is_empty() || manifest.name.chars().count() > NAME {
        return wrong("name", &format!("is 1 to {NAME} characters"));
    }
    if manifest.description.chars().count() > DESCRIPTION {
        return wrong("description", &format!("is at most {DESCRIPTION} characters"));
    }
    Ok(())
}

fn limits(manifest: &Manifest) -> Result<(), Invalid> {
    let bounds = [
        ("limits.memory_mb".to_owned(), manifest.limits.memory_mb, MEMORY_MB),
        ("limits.cpu_ms".to_owned(), manifest.limits.cpu_ms, CPU_MS),
    ];
    let mut bounds = Vec::from(bounds);
    let json = serde_json::to_value(manifest).unwrap_or_default();
    timeouts(&json, "", &mut bounds);
    for (path, asked, most) in bounds {
        if asked.is_some_and(|asked| asked == 0 || asked > most) {
            return wrong(&path, &format!("is 1 to {most}"));
        }
    }
    Ok(())
}

/// Every `timeout_ms`, wherever a hook, an action or a route has one.
fn timeouts(json: &Json, path: &str, bounds: &mut Vec<(String, Option<u64>, u64)>) {
    match json {
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                timeouts(item, &format!("{path}[{at}]"), bounds);
            }
        }
        Json::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != "config" && *name != "objects") {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match value {
                    Json::Number(number) if name == "timeout_ms" => bounds.push((path, number.as_u64(), TIMEOUT_MS)),
                    _ => timeouts(value, &path, bounds),
                }
            }
        }
        _ => {}
    }
}

fn permissions(manifest: &Manifest) -> Result<(), Invalid> {
    let mut asked = HashSet::new();
    for (at, permission) in manifest.permissions.records.iter().enumerate() {
        if permission.ops.is_empty() || permission.fields.is_empty() {
            return wrong(&format!("permissions.records[{at}]"), "asks for nothing");
        }
        if let Some(op) = permission.ops.iter().find(|op| !asked.insert((&permission.object, **op))) {
            return wrong(
                &format!("permissions.records[{at}].ops"),
                &format!("asks twice to {op} `{}`", permission.object),
            );
        }
    }
    for (name, hooks) in [("before-write", &manifest.hooks.before_write), ("validate", &manifest.hooks.validate)] {
        hooked(manifest, name, hooks)?;
    }
    Ok(())
}

/// What hooks over changes are shown: what they may read, and each change once.
fn hooked(manifest: &Manifest, name: &str, hooks: &[WriteHook]) -> Result<(), Invalid> {
    let mut seen = HashSet::new();
    for (at, hook) in hooks.iter().enumerate() {
        let path = format!("hooks.{name}[{at}].object");
        if manifest.grants(&hook.object, Action::Read).is_none() {
            return wrong(&path, &format!("is `{}`: [permissions] must ask to read what a hook is shown", hook.object));
        }
        let all = [Action::Create, Action::Update, Action::Delete];
        let operations = if hook.operations.is_empty() { &all[..] } else { &hook.operations };
        if let Some(op) = operations.iter().find(|op| !seen.insert((&hook.object, **op))) {
            return wrong(&path, &format!("is `{}`, whose {op} this hook sees already", hook.object));
        }
    }
    Ok(())
}

fn objects(manifest: &Manifest) -> Result<(), Invalid> {
    let mut names = HashSet::new();
    for (at, object) in manifest.objects.iter().enumerate() {
        let name = object.name.as_str();
        if !names.insert(name) {
            return wrong(&format!("objects[{at}].name"), &format!("is `{name}` a second time"));
        }
    }
    Ok(())
}
