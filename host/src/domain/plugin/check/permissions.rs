//! What a plugin asks for.

use std::collections::HashSet;

use url::Host;

use super::super::caps::KV_BYTES;
use super::super::{Manifest, RecordPermission};
use super::{CORE, Faults};
use crate::domain::event_type::TypePattern;
use crate::domain::object::{OWN_PREFIX, SYSTEM_FIELDS};
use crate::domain::permission::Action;

/// Methods of requests to other servers.
const REQUESTS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// What host calls do with records.
const OPS: [Action; 4] = [Action::Read, Action::Create, Action::Update, Action::Delete];
/// The parts of the permissions: a reason may be for one as a whole.
const KINDS: [&str; 7] = ["records", "kv", "http", "events", "jobs", "secrets", "actions"];

pub fn check(manifest: &Manifest, faults: &mut Faults) {
    let asked = &manifest.permissions;
    for (at, grant) in asked.records.iter().enumerate() {
        records(manifest, &format!("permissions.records[{at}]"), grant, faults);
    }
    for (at, http) in asked.http.iter().enumerate() {
        let path = format!("permissions.http[{at}]");
        if !is_host(&http.host) {
            faults.add(&format!("{path}.host"), format!("`{}` is no name of a host in lower case", http.host));
        }
        for method in http.methods.iter().filter(|method| !REQUESTS.contains(&method.as_str())) {
            faults.add(&format!("{path}.methods"), format!("`{method}` is none of {}", REQUESTS.join(", ")));
        }
    }
    if asked.kv.as_ref().is_some_and(|kv| !(1..=KV_BYTES).contains(&kv.max_bytes)) {
        faults.add("permissions.kv.max_bytes", format!("is 1 to {KV_BYTES}"));
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
    for (at, reason) in asked.reasons.iter().enumerate() {
        if !is_asked(manifest, &reason.permission) {
            let text =
                format!("`{}` is nothing that the plugin asks for, nor one of {}", reason.permission, KINDS.join(", "));
            faults.add(&format!("permissions.reasons[{at}].permission"), text);
        }
    }
}

/// What is asked for of one object: no host call does anything else with a record, and its fields are there.
fn records(manifest: &Manifest, path: &str, grant: &RecordPermission, faults: &mut Faults) {
    if let Some(op) = grant.ops.iter().find(|op| !OPS.contains(op)) {
        let ops = OPS.map(Action::name).join(", ");
        faults.add(&format!("{path}.ops"), format!("`{op}` is nothing that a plugin does with a record: {ops}"));
    }
    faults.known(&format!("{path}.object"), &grant.object);
    let own = manifest.objects.iter().find(|object| object.name == grant.object);
    let own = own.map(|object| object.fields.iter().map(|field| field.name.clone()).collect::<HashSet<_>>());
    // What another plugin brings is known when both are there.
    let Some(there) = CORE.get(&grant.object).or(own.as_ref()) else { return };
    let is_there = |name: &str| {
        name == "*" || there.contains(name) || name.starts_with(OWN_PREFIX) || SYSTEM_FIELDS.contains(&name)
    };
    for name in grant.fields.iter().filter(|name| !is_there(name)) {
        faults.add(&format!("{path}.fields"), format!("`{}` has no field `{name}`", grant.object));
    }
}

/// Whether a reason is for something: a part of the permissions, or one that is asked for by its name.
fn is_asked(manifest: &Manifest, permission: &str) -> bool {
    KINDS.contains(&permission)
        || manifest.capabilities().iter().any(|asked| asked.name == permission)
        || permission.strip_prefix("records:").is_some_and(|rest| {
            let parts: Vec<&str> = rest.split(':').collect();
            manifest.permissions.records.iter().any(|grant| {
                matches!(&*parts, [object, op, field] if grant.object == *object
                    && grant.ops.iter().any(|own| own.name() == *op) && grant.fields.iter().any(|own| own == field))
            })
        })
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
