//! The look at an uploaded component before anything is compiled.

use std::collections::HashSet;

use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::domain::plugin::{Manifest, SCHEMA};

/// Largest component.
const MAX_COMPONENT: usize = 4 << 20;
/// Name of the custom section that holds the manifest.
const MANIFEST_SECTION: &str = "guildhall:manifest";
/// Everything that a plugin can import.
const IMPORTS: &[&str] = &[
    "guildhall:core/types",
    "guildhall:core/log",
    "guildhall:core/config",
    "guildhall:core/clock",
    "guildhall:core/random",
    "guildhall:core/context",
    "guildhall:data/records",
    "guildhall:kv/store",
    "guildhall:http/client",
    "guildhall:events/publish",
    "guildhall:jobs/queue",
    "guildhall:secrets/handle",
    "guildhall:actions/call",
];

/// Why a file is not a plugin that this host can run.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// Checks a component and reads its manifest.
pub fn manifest_of(component: &[u8]) -> Result<Manifest, Invalid> {
    if component.len() > MAX_COMPONENT {
        return Err(Invalid(format!("the component is larger than {MAX_COMPONENT} bytes")));
    }
    // The section is read first, so that a file of another kind is called by its name.
    let manifest = sections(component)?;
    Validator::new_with_features(WasmFeatures::default() & !WasmFeatures::THREADS & !WasmFeatures::MEMORY64)
        .validate_all(component)
        .map_err(|error| Invalid(format!("not a valid component: {error}")))?;
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|error| Invalid(format!("the manifest cannot be read: {error}")))?;
    check(&manifest)?;
    Ok(manifest)
}

/// Finds the manifest section; refuses imports that are not the host's.
fn sections(component: &[u8]) -> Result<&[u8], Invalid> {
    let broken = |error: wasmparser::BinaryReaderError| Invalid(format!("not a WebAssembly component: {error}"));
    let mut manifest = None;
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(broken)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Invalid("this is a core module, not a component".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let name = import.map_err(broken)?.name.name;
                    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
                    if !IMPORTS.contains(&interface) || !matches!(version, "1.0.0" | "1.1.0") {
                        return Err(Invalid(format!("the component imports `{name}`, which this host does not have")));
                    }
                }
            }
            Payload::CustomSection(section)
                if depth == 0 && section.name() == MANIFEST_SECTION && manifest.replace(section.data()).is_some() =>
            {
                return Err(Invalid(format!("the component has more than one `{MANIFEST_SECTION}` section")));
            }
            _ => {}
        }
    }
    manifest.ok_or_else(|| Invalid(format!("the component has no `{MANIFEST_SECTION}` section")))
}

fn check(manifest: &Manifest) -> Result<(), Invalid> {
    if manifest.schema != SCHEMA {
        return Err(Invalid(format!("the manifest has format {}, this host reads {SCHEMA}", manifest.schema)));
    }
    if manifest.api.split('.').next() != Some("1") {
        return Err(Invalid(format!("the plugin needs host API {}, this host has 1.0", manifest.api)));
    }
    let is_id = |id: &str| {
        let parts: Vec<&str> = id.split('.').collect();
        let is_part = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        id.len() <= 80 && parts.len() == 2 && parts.iter().all(is_part)
    };
    if !is_id(&manifest.id) {
        return Err(Invalid(format!("the id `{}` is not of the form publisher.name", manifest.id)));
    }
    if !crate::domain::field::is_name(&manifest.namespace) {
        return Err(Invalid(format!("the namespace `{}` is not lower snake case", manifest.namespace)));
    }
    let mut asked = HashSet::new();
    for permission in &manifest.permissions.records {
        if let Some(op) = permission.ops.iter().find(|op| !asked.insert((&permission.object, **op))) {
            return Err(Invalid(format!("[permissions] asks twice to {op} `{}`", permission.object)));
        }
    }
    crate::domain::plugin::check(manifest).map_err(Invalid)?;
    for hook in &manifest.hooks.before_write {
        if manifest.grants(&hook.object, crate::domain::permission::Action::Read).is_none() {
            return Err(Invalid(format!(
                "the hook on `{}` shows its records: [permissions] must ask to read them",
                hook.object
            )));
        }
    }
    Ok(())
}
