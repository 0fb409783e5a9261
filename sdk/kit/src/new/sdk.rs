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

/// The macro that it re-exports.
#[derive(RustEmbed)]
#[folder = "../rust-derive"]
#[include = "src/*"]
struct Derive;

/// The interfaces that it is generated from, without those of earlier releases.
#[derive(RustEmbed)]
#[folder = "../../wit"]
#[exclude = "released/*"]
struct Interfaces;

/// What the SDK and its macro say of themselves, and the workspace that they take some of it from.
const CRATE: &str = include_str!("../../../rust/Cargo.toml");
const DERIVE_CRATE: &str = include_str!("../../../rust-derive/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// Unpacks the SDK to `sdk/rust` below a folder, and what it needs to where it looks for it: its macro to
/// `sdk/rust-derive`, and the interfaces to `wit`.
pub fn write_to(folder: &Path) -> Result<()> {
    let sdk = folder.join("sdk");
    write(&sdk.join("rust/Cargo.toml"), alone(CRATE, WORKSPACE)?.as_bytes())?;
    write_all::<Sources>(&sdk.join("rust"))?;
    write(&sdk.join("rust-derive/Cargo.toml"), alone(DERIVE_CRATE, WORKSPACE)?.as_bytes())?;
    write_all::<Derive>(&sdk.join("rust-derive"))?;
    write_all::<Interfaces>(&folder.join("wit"))
}

fn write_all<Files: RustEmbed>(folder: &Path) -> Result<()> {
    for path in Files::iter() {
        let file = Files::get(&path).map(|file| file.data).unwrap_or_default();
        write(&folder.join(path.as_ref()), &file)?;
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
    fn the_crates_stand_without_their_workspace() {
        for (member, dependency) in [(CRATE, "wit-bindgen"), (DERIVE_CRATE, "syn")] {
            let text = alone(member, WORKSPACE).unwrap();
            let table: Table = text.parse().unwrap();
            assert!(!text.contains("workspace"), "{text}");
            assert_eq!(table["package"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
            assert!(table["dependencies"][dependency]["version"].is_str(), "{text}");
        }
        assert!(alone("[package]\nhomepage.workspace = true", WORKSPACE).is_err());
    }

    #[test]
    fn the_macro_and_every_interface_are_there_and_no_released_one() {
        let folder = tempfile::tempdir().unwrap();
        write_to(folder.path()).unwrap();
        assert!(folder.path().join("wit/worlds/worlds.wit").exists());
        assert!(folder.path().join("sdk/rust/src/decimal/text.rs").exists());
        assert!(!folder.path().join("wit/released").exists());
        // The SDK finds its macro where it looks for it.
        let table: Table = CRATE.parse().unwrap();
        let path = table["dependencies"]["guildhall-sdk-derive"]["path"].as_str().unwrap();
        assert!(folder.path().join("sdk/rust").join(path).join("src/expand.rs").exists(), "{path}");
    }
}
