//! Modules that stand on other modules.

use std::collections::HashSet;

use crate::app::AppError;
use crate::app::catalog::{Catalog, Module};
use crate::domain::object::OWN_NAMESPACE;

/// Whether every module that is switched on has what it requires, as far as these plugins are concerned: those that
/// were changed. What was wrong before stands in nobody's way.
pub(super) fn check(catalog: &Catalog, changed: &[String]) -> Result<(), AppError> {
    let mut wrong = Vec::new();
    for module in &catalog.modules {
        let manifest = &module.manifest;
        for required in &manifest.requires {
            if !changed.contains(&manifest.id) && !changed.contains(&required.plugin) {
                continue;
            }
            match catalog.module(&required.plugin) {
                None => wrong.push(format!("{} requires {}, which is not switched on", manifest.id, required.plugin)),
                Some(other) if is_older(&other.manifest.version, &required.version) => wrong.push(format!(
                    "{} requires {} {} or newer; the tenant has {}",
                    manifest.id, required.plugin, required.version, other.manifest.version
                )),
                Some(_) => {}
            }
        }
        if changed.contains(&manifest.id) {
            wrong.extend(foreign(catalog, module));
            if let Some(ring) = ring(catalog, module) {
                wrong.push(format!("modules require each other in a ring: {}", ring.join(", ")));
            }
        }
    }
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(AppError::Refused(wrong.join("; "))) }
}

/// Objects of other modules that a module wants to reach, and does not require.
fn foreign(catalog: &Catalog, module: &Module) -> Vec<String> {
    let manifest = &module.manifest;
    let of = |object: &str| {
        let namespace = catalog.whole.object(object)?.namespace.clone()?;
        if namespace == manifest.namespace || namespace == OWN_NAMESPACE {
            return None;
        }
        let other = catalog.modules.iter().find(|other| other.manifest.namespace == namespace)?;
        let is_required = manifest.requires.iter().any(|required| required.plugin == other.manifest.id);
        (!is_required).then(|| {
            format!("{} names `{object}` in its permissions, and does not require {}", manifest.id, other.manifest.id)
        })
    };
    manifest.permissions.records.iter().filter_map(|permission| of(&permission.object)).collect()
}

/// The modules of a ring that a module is part of.
fn ring(catalog: &Catalog, module: &Module) -> Option<Vec<String>> {
    let start = &module.manifest.id;
    let mut seen = HashSet::new();
    let mut paths: Vec<Vec<String>> = vec![vec![start.clone()]];
    while let Some(path) = paths.pop() {
        let Some(last) = path.last().and_then(|last| catalog.module(last)) else { continue };
        for required in &last.manifest.requires {
            if required.plugin == *start {
                return Some(path);
            }
            if seen.insert(required.plugin.clone()) {
                paths.push(path.iter().cloned().chain([required.plugin.clone()]).collect());
            }
        }
    }
    None
}

/// Whether a version is older than one that is asked for. Numbers with dots between, compared part by part.
fn is_older(version: &str, least: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        let release = text.split(['-', '+']).next().unwrap_or_default();
        release.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    !least.is_empty() && parts(version) < parts(least)
}

#[cfg(test)]
mod tests {
    use super::is_older;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, least) in [("1.9.0", "1.10.0"), ("0.9.9", "1.0.0"), ("1.0.0-beta", "1.0.1")] {
            assert!(is_older(version, least) && !is_older(least, version), "{version} {least}");
        }
        assert!(!is_older("1.0.0", "1.0.0") && !is_older("0.0.1", ""));
    }
}
