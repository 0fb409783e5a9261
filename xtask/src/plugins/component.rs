//! Makes a component of a compiled plugin, checks it, and puts the manifest inside.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::manifest::Manifest;

/// What every import must begin with: a plugin reaches nothing but the host's own interfaces.
const IMPORTS: &str = "guildhall:";

/// What the export of a hook begins with; its name and `@version` follow.
const HOOKS: &str = "guildhall:hooks/";
/// Exports of the other extension points, and what these are called.
const OTHERS: [(&str, &str); 4] = [
    ("guildhall:jobs/handler", "job"),
    ("guildhall:actions/action", "action"),
    ("guildhall:views/view", "view"),
    ("guildhall:channel/channel", "channel"),
];
/// Extension points that need no word in `plugin.toml`: the export will do.
const UNLISTED: [&str; 2] = ["job", "lifecycle"];

/// The section with the manifest, and the one that says what the plugin was built with.
const MANIFEST_SECTION: &str = "guildhall:manifest";
const SDK_SECTION: &str = "guildhall:sdk";

/// A component with this manifest.
pub fn of_manifest(component: &[u8], manifest: &Value) -> Vec<u8> {
    let mut result = component.to_vec();
    append(&mut result, MANIFEST_SECTION, manifest);
    result
}

/// The component of a plugin, with its manifest in a custom section.
pub fn make(module: &[u8], manifest: &Manifest) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .context("the module does not carry Guildhall's interfaces; is its wit-bindgen that of the SDK?")?
        .encode()
        .context("making a component of the module")?;
    complete(&component, manifest, "rust")
}

/// A component that an SDK made, checked, with its manifest inside. The SDKs carry the version of the workspace, as
/// this program does.
pub fn complete(component: &[u8], manifest: &Manifest, language: &str) -> Result<Vec<u8>> {
    check(component, manifest)?;
    let mut component = of_manifest(component, manifest.json());
    let sdk = json!({ "language": language, "sdk": env!("CARGO_PKG_VERSION"), "api": manifest.api() });
    append(&mut component, SDK_SECTION, &sdk);
    Ok(component)
}

/// Refuses a plugin that wants more than the host gives, or whose hooks are not those of its manifest.
fn check(component: &[u8], manifest: &Manifest) -> Result<()> {
    let Names { imports, exports } = names(component)?;
    if let Some(import) = imports.iter().find(|import| !import.starts_with(IMPORTS)) {
        bail!("the plugin imports {import}, but only {IMPORTS}* exists");
    }
    let mut exported: Vec<&str> = exports.iter().filter_map(|export| point_of(export)).collect();
    exported.sort_unstable();
    let listed = manifest.points();
    if let Some(point) = listed.iter().find(|point| !exported.contains(point)) {
        bail!("plugin.toml lists {point}, but the plugin does not register it");
    }
    if let Some(point) = exported.iter().find(|point| !listed.contains(point) && !UNLISTED.contains(point)) {
        bail!("the plugin registers {point}, but plugin.toml does not list it");
    }
    if manifest.queues_jobs() && !exported.contains(&"job") {
        bail!("plugin.toml asks for jobs, but the plugin does not register Job, which does them");
    }
    Ok(())
}

/// The extension point that an export is.
fn point_of(export: &str) -> Option<&str> {
    let name = export.split('@').next()?;
    let other = OTHERS.iter().find(|(other, _)| *other == name).map(|(_, point)| *point);
    other.or_else(|| name.strip_prefix(HOOKS))
}

/// What a component imports and exports.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Reads the names of the outermost component, not those of the modules and components inside.
fn names(component: &[u8]) -> Result<Names> {
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// The same component with another manifest.
pub fn with_manifest(component: &[u8], change: impl FnOnce(&mut Value)) -> Result<Vec<u8>> {
    let mut end = 8;
    let mut result = component[..end].to_vec();
    let mut manifest: Option<Value> = None;
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let (0, Some((_, range))) = (depth, payload.as_section()) {
            let whole = end..range.end;
            end = range.end;
            match &payload {
                Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                    manifest = Some(serde_json::from_slice(section.data())?);
                }
                _ => result.extend_from_slice(&component[whole]),
            }
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let mut manifest = manifest.context("the component has no manifest")?;
    change(&mut manifest);
    append(&mut result, MANIFEST_SECTION, &manifest);
    Ok(result)
}

fn append(component: &mut Vec<u8>, name: &str, data: &Value) {
    let data = data.to_string().into_bytes();
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}
