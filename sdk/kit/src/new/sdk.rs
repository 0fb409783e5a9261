//! The SDK for Rust and the interfaces of the host, carried along until a registry has them.

use std::path::Path;

use rust_embed::RustEmbed;
use toml::{Table, Value};

use super::write;
use crate::{Error, Result};

/// The SDK.
#[derive(RustEmbed)]
#[folder = "../rust"]
#[include = "src/*"]
struct Sources;

/// The interfaces that it is generated from, without those of earlier releases.
#[derive(RustEmbed)]
#[folder = "../../wit"]
#[exclude = "released/*"]
struct Interfaces;

/// What the SDK says of itself, and the workspace that it takes some of it from.
const CRATE: &str = include_str!("../../../rust/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// Unpacks the SDK to `sdk/rust` below a folder, and the interfaces to `wit`, where it looks for them.
pub fn write_to(folder: &Path) -> Result<()> {
    let sdk = folder.join("sdk").join("rust");
    write(&sdk.join("Cargo.toml"), alone(CRATE, WORKSPACE)?.as_bytes())?;
    for path in Sources::iter() {
        let file = Sources::get(&path).map(|file| file.data).unwrap_or_default();
        write(&sdk.join(path.as_ref()), &file)?;
    }
    for path in Interfaces::iter() {
        let file = Interfaces::get(&path).map(|file| file.data).unwrap_or_default();
        write(&folder.join("wit").join(path.as_ref()), &file)?;
    }
    Ok(())
}

/// `Cargo.toml` of a crate with what it takes from its workspace written out. Its lints stay behind: they are ours.
fn alone(member: &str, workspace: &str) -> Result<String> {
    let wrong = |what: &dyn std::fmt::Display| Error::Build(format!("the SDK in this program cannot be used: {what}"));
    let mut member: Table = member.parse().map_err(|error| wrong(&error))?;
    let workspace: Table = workspace.parse().map_err(|error| wrong(&error))?;
    member.remove("lints");
    for part in ["package", "dependencies"] {
        let shared = workspace.get("workspace").and_then(|table| table.get(part));
        let Some(Value::Table(own)) = member.get_mut(part) else { continue };
        for (name, value) in own.iter_mut() {
            if value.get("workspace").is_some() {
                let found = shared.and_then(|table| table.get(name)).cloned();
                *value = found.ok_or_else(|| wrong(&format!("the workspace has no {part}.{name}")))?;
            }
        }
    }
    toml::to_string(&member).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_stands_without_its_workspace() {
        let text = alone(CRATE, WORKSPACE).unwrap();
        let table: Table = text.parse().unwrap();
        assert!(!text.contains("workspace"), "{text}");
        assert_eq!(table["package"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
        assert!(table["dependencies"]["wit-bindgen"]["version"].is_str(), "{text}");
        assert!(alone("[package]\nhomepage.workspace = true", WORKSPACE).is_err());
    }

    #[test]
    fn every_interface_is_there_and_no_released_one() {
        let folder = tempfile::tempdir().unwrap();
        write_to(folder.path()).unwrap();
        assert!(folder.path().join("wit/worlds/worlds.wit").exists());
        assert!(folder.path().join("sdk/rust/src/decimal/text.rs").exists());
        assert!(!folder.path().join("wit/released").exists());
    }
}
