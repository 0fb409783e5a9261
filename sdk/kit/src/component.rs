//! Makes a component of a compiled plugin, checks it, and puts the manifest inside.

use serde_json::{Value, json};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{BinaryReaderError, Parser, Payload};
use wit_component::ComponentEncoder;

use crate::build::Language;
use crate::manifest::Manifest;
use crate::rust::Compiled;
use crate::{Error, Result};

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

/// The component of a plugin in Rust, checked, with its manifest inside.
pub fn of_module(compiled: &Compiled, manifest: &Manifest) -> Result<Vec<u8>> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| Error::Component(format!("{what}: {error:#}"));
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&compiled.module)
        .map_err(|error| {
            wrong("the module does not carry Guildhall's interfaces; is its wit-bindgen that of the SDK?", &error)
        })?
        .encode()
        .map_err(|error| wrong("no component can be made of the module", &error))?;
    complete(component, manifest, Language::Rust, compiled.sdk.as_deref())
}

/// A component that an SDK made, checked, with its manifest inside.
pub fn complete(mut component: Vec<u8>, manifest: &Manifest, language: Language, sdk: Option<&str>) -> Result<Vec<u8>> {
    let problems = problems(&component, manifest)?;
    if !problems.is_empty() {
        return Err(Error::Component(problems.join("\n")));
    }
    append(&mut component, MANIFEST_SECTION, manifest.json());
    append(&mut component, SDK_SECTION, &json!({ "language": language.name(), "sdk": sdk, "api": manifest.api() }));
    Ok(component)
}

/// What a plugin wants more than the host gives, and where its extension points are not those of its manifest.
fn problems(component: &[u8], manifest: &Manifest) -> Result<Vec<String>> {
    let Names { imports, exports } = names(component).map_err(|error| unreadable(&error))?;
    let foreign = imports.iter().filter(|import| !import.starts_with(IMPORTS));
    let mut problems: Vec<String> =
        foreign.map(|import| format!("the plugin imports {import}, but only {IMPORTS}* exists")).collect();
    let exported: Vec<&str> = exports.iter().filter_map(|export| point_of(export)).collect();
    let listed = manifest.points();
    let missing = listed.iter().filter(|point| !exported.contains(point));
    problems.extend(missing.map(|point| match manifest.line_of(point) {
        Some(line) => format!("plugin.toml:{line} lists {point}, but the plugin does not register it"),
        None => format!("plugin.toml lists {point}, but the plugin does not register it"),
    }));
    let unlisted = exported.iter().filter(|point| !listed.contains(point) && !UNLISTED.contains(point));
    problems.extend(unlisted.map(|point| format!("the plugin registers {point}, but plugin.toml does not list it")));
    if manifest.queues_jobs() && !exported.contains(&"job") {
        problems.push("plugin.toml asks for jobs, but the plugin does not register Job, which does them".to_owned());
    }
    Ok(problems)
}

fn unreadable(error: &BinaryReaderError) -> Error {
    Error::Component(format!("what was built is no component: {error}"))
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
fn names(component: &[u8]) -> std::result::Result<Names, BinaryReaderError> {
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
        let payload = payload.map_err(|error| unreadable(&error))?;
        if let (0, Some((_, range))) = (depth, payload.as_section()) {
            let whole = end..range.end;
            end = range.end;
            match &payload {
                Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                    let read = serde_json::from_slice(section.data());
                    let read = read.map_err(|error| Error::Component(format!("the manifest is no JSON: {error}")))?;
                    manifest = Some(read);
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
    let mut manifest = manifest.ok_or_else(|| Error::Component("the component has no manifest".to_owned()))?;
    change(&mut manifest);
    append(&mut result, MANIFEST_SECTION, &manifest);
    Ok(result)
}

fn append(component: &mut Vec<u8>, name: &str, data: &Value) {
    let data = data.to_string().into_bytes();
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}
