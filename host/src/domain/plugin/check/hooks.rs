//! Hooks, tasks and routes.

use super::super::caps::{EVENTS, HOOK_TIMEOUT_MS};
use super::super::{Manifest, Route};
use super::Faults;
use crate::domain::cron::CronLine;
use crate::domain::event_type::TypePattern;
use crate::domain::permission::Action;

/// Methods of routes.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

pub fn check(manifest: &Manifest, faults: &mut Faults) {
    hooked(manifest, faults);
    routes(&manifest.hooks.http_route, faults);
}

fn hooked(manifest: &Manifest, faults: &mut Faults) {
    let hooks = &manifest.hooks;
    for (point, listed) in [("before-write", &hooks.before_write), ("validate", &hooks.validate)] {
        for (at, hook) in listed.iter().enumerate() {
            let path = format!("hooks.{point}[{at}]");
            faults.known(&format!("{path}.object"), &hook.object);
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
        if on_events.types.is_empty() {
            faults.add("hooks.on-events.types", "names no type");
        }
        for (at, text) in on_events.types.iter().enumerate() {
            if let Err(unfit) = TypePattern::parse(text) {
                faults.add(&format!("hooks.on-events.types[{at}]"), format!("`{text}` {}", unfit.of("type").message));
            }
        }
        if on_events.batch.is_some_and(|batch| !(1..=EVENTS).contains(&batch)) {
            faults.add("hooks.on-events.batch", format!("is 1 to {EVENTS}"));
        }
    }
    faults.once("hooks.scheduled", hooks.scheduled.iter().map(|task| task.name.as_str()));
    for (at, task) in hooks.scheduled.iter().enumerate() {
        let path = format!("hooks.scheduled[{at}].cron");
        match task.cron.parse::<CronLine>() {
            Err(reason) => faults.add(&path, format!("`{}` is no cron line: {reason}", task.cron)),
            Ok(line) if !line.comes() => {
                faults.add(&path, format!("`{}` never comes: no month that it names has such a day", task.cron));
            }
            Ok(_) => {}
        }
    }
}

fn timeout(path: &str, timeout_ms: Option<u64>, faults: &mut Faults) {
    if timeout_ms.is_some_and(|asked| !(1..=HOOK_TIMEOUT_MS).contains(&asked)) {
        faults.add(&format!("{path}.timeout_ms"), format!("is 1 to {HOOK_TIMEOUT_MS}"));
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
