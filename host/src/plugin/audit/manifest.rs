//! What a component says of itself, held to its rules. What is wrong is named by its place.

use std::collections::HashSet;

use semver::Version;
use serde::Serialize;
use serde_json::Value as Json;

use super::{Invalid, Problem, check_api};
use crate::domain::field::is_name;
use crate::domain::permission::Action;
use crate::domain::plugin::caps::{BACKGROUND_CPU_MS, HOOK_CPU_MS, MEMORY_MB, REQUEST_CPU_MS};
use crate::domain::plugin::{ExtensionPoint, Manifest, SCHEMA, WriteHook, Wrong};

/// Longest texts that people read.
const NAME: usize = 100;
const DESCRIPTION: usize = 2_000;

/// Reads a manifest.
pub fn read(section: &[u8]) -> Result<Manifest, Problem> {
    let unread = |path: Option<String>, message: &str| {
        let at = path.as_ref().map(|path| format!(" at `{path}`")).unwrap_or_default();
        let why = Invalid::Component(format!("the manifest cannot be read{at}: {message}"));
        Problem { name: "manifest", message: Some(message.to_owned()).filter(|_| path.is_some()), path, why }
    };
    let mut json = serde_json::Deserializer::from_slice(section);
    let manifest: Manifest = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        unread(Some(path).filter(|path| path != "."), &said(error.inner()))
    })?;
    json.end().map_err(|error| unread(None, &error.to_string()))?;
    if manifest.schema != SCHEMA {
        let text = format!("is format {}, and this host reads {SCHEMA}", manifest.schema);
        return Err(Problem::of("manifest", Wrong::new("schema", text)));
    }
    Ok(manifest)
}

/// What a reader of JSON says, without the line: nobody has written the JSON that travels in a component.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if error.is_data() { text.strip_suffix(&place).unwrap_or(&text).to_owned() } else { text }
}

/// What is wrong with what is said in it.
pub fn problems(manifest: &Manifest) -> Vec<Problem> {
    let mut problems: Vec<Problem> = check_api(&manifest.api).err().into_iter().collect();
    let wrong = [words, limits, permissions, objects].into_iter().filter_map(|check| check(manifest).err());
    let wrong = wrong.chain(crate::domain::plugin::check(manifest));
    problems.extend(wrong.map(|wrong| Problem::of("manifest", wrong)));
    problems
}

/// CPU time that no call of the plugin can have: what is asked for counts where the host calls it.
pub fn cpu(manifest: &Manifest, exported: &dyn Fn(&str) -> bool) -> Result<(), Wrong> {
    use ExtensionPoint as Point;
    let called = |point: &Point| match point {
        Point::Lifecycle => exported("guildhall:hooks/lifecycle"),
        Point::Job => exported("guildhall:jobs/handler"),
        point => manifest.lists(*point),
    };
    let there: Vec<Point> = Point::ALL.into_iter().filter(called).collect();
    let most = match there.as_slice() {
        [] => BACKGROUND_CPU_MS,
        all if all.iter().all(|point| point.is_hook()) => HOOK_CPU_MS,
        all if all.iter().all(|point| point.is_hook() || is_request(*point)) => REQUEST_CPU_MS,
        _ => BACKGROUND_CPU_MS,
    };
    match manifest.limits.cpu_ms {
        Some(asked) if asked > most => {
            Err(Wrong::new("limits.cpu_ms", format!("is 1 to {most} for where the host calls the plugin")))
        }
        _ => Ok(()),
    }
}

const fn is_request(point: ExtensionPoint) -> bool {
    use ExtensionPoint as Point;
    matches!(point, Point::HttpRoute | Point::Action | Point::View | Point::Channel)
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

fn wrong<T>(path: &str, what: &str) -> Result<T, Wrong> {
    Err(Wrong::new(path, what))
}

fn words(manifest: &Manifest) -> Result<(), Wrong> {
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

fn limits(manifest: &Manifest) -> Result<(), Wrong> {
    let limits = &manifest.limits;
    for (path, asked, most) in
        [("limits.memory_mb", limits.memory_mb, MEMORY_MB.into()), ("limits.cpu_ms", limits.cpu_ms, BACKGROUND_CPU_MS)]
    {
        if asked.is_some_and(|asked| !(1..=most).contains(&asked)) {
            return wrong(path, &format!("is 1 to {most}"));
        }
    }
    Ok(())
}

fn permissions(manifest: &Manifest) -> Result<(), Wrong> {
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
fn hooked(manifest: &Manifest, name: &str, hooks: &[WriteHook]) -> Result<(), Wrong> {
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

fn objects(manifest: &Manifest) -> Result<(), Wrong> {
    let mut names = HashSet::new();
    for (at, object) in manifest.objects.iter().enumerate() {
        let name = object.name.as_str();
        if !names.insert(name) {
            return wrong(&format!("objects[{at}].name"), &format!("is `{name}` a second time"));
        }
    }
    Ok(())
}
