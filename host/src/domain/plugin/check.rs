//! The look at a manifest as a whole: what its parts say of each other. Each
//! thing that is wrong is named by its path.

use std::collections::HashSet;

use serde_json::Value as Json;
use url::Host;

use super::{Manifest, Route};
use crate::domain::cron::CronLine;
use crate::domain::event_type::TypePattern;
use crate::domain::field::is_name;
use crate::domain::permission::Action;

/// Methods of routes.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Methods of requests to other servers.
const REQUESTS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// Most of anything that a manifest lists.
const MOST: usize = 100;
/// Largest schema of an action.
const MAX_SCHEMA: usize = 64 << 10;

/// What is wrong, with its path in front.
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, path: &str, message: impl std::fmt::Display) {
        self.0.push(format!("{path}: {message}"));
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
            if at == MOST {
                self.add(path, format!("there are more than {MOST}"));
            }
        }
    }
}

/// Checks a manifest; everything that is wrong is told.
pub fn check(manifest: &Manifest) -> Result<(), String> {
    let mut faults = Faults(Vec::new());
    hooks(manifest, &mut faults);
    routes(&manifest.hooks.http_route, &mut faults);
    actions(manifest, &mut faults);
    views(manifest, &mut faults);
    permissions(manifest, &mut faults);
    requires(manifest, &mut faults);
    let limits = &manifest.limits;
    for (name, value) in [("memory_mb", limits.memory_mb), ("cpu_ms", limits.cpu_ms)] {
        if value == Some(0) {
            faults.add(&format!("limits.{name}"), "nothing runs with 0");
        }
    }
    if faults.0.is_empty() { Ok(()) } else { Err(format!("the manifest is wrong at {}", faults.0.join("; "))) }
}

fn hooks(manifest: &Manifest, faults: &mut Faults) {
    let hooks = &manifest.hooks;
    for (point, listed) in [("before-write", &hooks.before_write), ("validate", &hooks.validate)] {
        for (at, hook) in listed.iter().enumerate() {
            let path = format!("hooks.{point}[{at}]");
            if let Some(other) = hook
                .operations
                .iter()
                .find(|operation| !matches!(operation, Action::Create | Action::Update | Action::Delete))
            {
                faults.add(&format!("{path}.operations"), format!("`{other}` is no change of a record"));
            }
            timeout(&path, hook.timeout_ms, faults);
        }
    }
    for (at, hook) in hooks.computed_field.iter().enumerate() {
        let path = format!("hooks.computed-field[{at}]");
        timeout(&path, hook.timeout_ms, faults);
        let Some(object) = manifest.objects.iter().find(|object| object.name == hook.object) else {
            faults.add(&format!("{path}.object"), format!("`{}` is no object that the plugin brings", hook.object));
            continue;
        };
        if hook.fields.is_empty() {
            faults.add(&format!("{path}.fields"), "names no field");
        }
        for name in &hook.fields {
            if !object.fields.iter().any(|field| field.name == *name) {
                faults.add(&format!("{path}.fields"), format!("`{}` has no field `{name}`", hook.object));
            }
        }
        if manifest.grants(&hook.object, Action::Read).is_none() {
            faults.add(&path, format!("it shows records: [permissions] must ask to read `{}`", hook.object));
        }
    }
    if let Some(on_events) = &hooks.on_events {
        if on_events.types.is_empty() || on_events.types.len() > MOST {
            faults.add("hooks.on-events.types", format!("names 1 to {MOST} types"));
        }
        for (at, text) in on_events.types.iter().enumerate() {
            if let Err(unfit) = TypePattern::parse(text) {
                faults.add(&format!("hooks.on-events.types[{at}]"), format!("`{text}` {}", unfit.of("type").message));
            }
        }
        if on_events.batch == Some(0) {
            faults.add("hooks.on-events.batch", "nothing comes in batches of 0");
        }
    }
    faults.once("hooks.scheduled", hooks.scheduled.iter().map(|task| task.name.as_str()));
    for (at, task) in hooks.scheduled.iter().enumerate() {
        if let Err(reason) = task.cron.parse::<CronLine>() {
            faults.add(&format!("hooks.scheduled[{at}].cron"), format!("`{}` is no cron line: {reason}", task.cron));
        }
    }
}

fn timeout(path: &str, timeout_ms: Option<u64>, faults: &mut Faults) {
    if timeout_ms == Some(0) {
        faults.add(&format!("{path}.timeout_ms"), "nothing runs in 0 ms");
    }
}

fn routes(routes: &[Route], faults: &mut Faults) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let path = format!("hooks.http-route[{at}]");
        if !is_route(&route.path) {
            faults.add(&format!("{path}.path"), format!("`{}` is no path of a route, such as /files/*", route.path));
        }
        if route.methods.is_empty() {
            faults.add(&format!("{path}.methods"), "names no method");
        }
        for method in &route.methods {
            if !METHODS.contains(&method.as_str()) {
                faults.add(&format!("{path}.methods"), format!("`{method}` is none of {}", METHODS.join(", ")));
            }
            // Of two routes that take the same request, nobody could say which one it is.
            let clash = seen.iter().find(|(other, of)| of == method && overlap(other, &route.path));
            if let Some((other, _)) = clash {
                let text = format!("`{method} {}` is also taken by `{other}`", route.path);
                faults.add(&format!("{path}.path"), text);
            }
            seen.push((&route.path, method));
        }
    }
    if routes.len() > MOST {
        faults.add("hooks.http-route", format!("there are more than {MOST}"));
    }
}

/// A path of parts that need no escaping, the last of which may be `*`.
fn is_route(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let is_plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let (last, first) = parts.split_last().unwrap_or((&"", &[]));
    path.len() <= 200 && first.iter().all(|part| is_plain(part)) && (*last == "*" || is_plain(last))
}

/// Whether there is a path that both routes take.
fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_suffix("/*"), other.strip_suffix("/*")) {
        (None, None) => one == other,
        (Some(start), None) => other.strip_prefix(start).is_some_and(|rest| rest.starts_with('/')),
        (None, Some(start)) => one.strip_prefix(start).is_some_and(|rest| rest.starts_with('/')),
        (Some(one), Some(other)) => {
            format!("{one}/").starts_with(&format!("{other}/")) || format!("{other}/").starts_with(&format!("{one}/"))
        }
    }
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
            faults.add(&path, format!("is no JSON Schema: {error}"));
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
    }
}

fn permissions(manifest: &Manifest, faults: &mut Faults) {
    let asked = &manifest.permissions;
    for (at, http) in asked.http.iter().enumerate() {
        let path = format!("permissions.http[{at}]");
        if !is_host(&http.host) {
            faults.add(&format!("{path}.host"), format!("`{}` is no name of a host in lower case", http.host));
        }
        for method in http.methods.iter().filter(|method| !REQUESTS.contains(&method.as_str())) {
            faults.add(&format!("{path}.methods"), format!("`{method}` is none of {}", REQUESTS.join(", ")));
        }
    }
    if asked.kv.as_ref().is_some_and(|kv| kv.max_bytes == 0) {
        faults.add("permissions.kv.max_bytes", "nothing is kept in 0 bytes");
    }
    for (at, text) in asked.events.publish.iter().enumerate() {
        let path = format!("permissions.events.publish[{at}]");
        let begins = [&manifest.namespace, &manifest.id]
            .iter()
            .any(|own| text.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('.')));
        let stars = text.matches('*').count();
        if !begins || TypePattern::parse(text).is_err() || stars > 1 || (stars == 1 && !text.ends_with(".*")) {
            let own = format!("`{}.` or `{}.`", manifest.namespace, manifest.id);
            faults.add(&path, format!("`{text}` does not begin with {own}, or has `*` elsewhere than at its end"));
        }
    }
    let mut names = HashSet::new();
    for (at, name) in asked.secrets.iter().enumerate() {
        let is_plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.len() > 100 || !name.bytes().all(is_plain) {
            faults.add(&format!("permissions.secrets[{at}]"), format!("`{name}` is not of the form EXAMPLE_KEY"));
        }
        if !names.insert(name) {
            faults.add(&format!("permissions.secrets[{at}]"), format!("`{name}` is there twice"));
        }
    }
    for (at, other) in asked.actions.iter().enumerate() {
        if !manifest.requires.iter().any(|required| required.plugin == other.plugin) {
            let text = format!("{} is not among those that the plugin requires", other.plugin);
            faults.add(&format!("permissions.actions[{at}].plugin"), text);
        }
    }
}

/// A name as it stands in an address, or `*.` and one: no address in numbers.
fn is_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let is_part = |part: &str| !part.is_empty() && part.len() <= 63;
    name.len() <= 253
        && name.bytes().all(is_plain)
        && name.split('.').all(is_part)
        && (host == name || name.contains('.'))
        && matches!(Host::parse(name), Ok(Host::Domain(_)))
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
