//! Compiles a plugin that is written in Rust, the same bytes wherever that is done.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::process::output;
use crate::toolchain::{TARGET, Toolchain};
use crate::{Error, Result};

/// Bytes of heap that an instance has from the start: to ask for more changes the address space of the host.
const HEAP: usize = 256 << 10;

/// The cargo profile that plugins are built with: small, and with the names that a trap's backtrace shows.
const PROFILE: &str = "plugin";
const SETTINGS: [&str; 7] = [
    r#"inherits="release""#,
    r#"opt-level="s""#,
    "lto=true",
    "codegen-units=1",
    r#"panic="abort""#,
    "debug=false",
    r#"strip="debuginfo""#,
];

/// The crate that plugins in Rust are built on.
const SDK: &str = "guildhall_sdk";

/// A compiled plugin.
#[derive(Debug)]
pub struct Compiled {
    /// The core module.
    pub module: Vec<u8>,
    /// The version of the SDK in it.
    pub sdk: Option<String>,
}

/// What cargo says of a crate.
struct Package {
    name: String,
    file: PathBuf,
    workspace: PathBuf,
    target_directory: PathBuf,
}

/// Compiles the crate in a folder. Each gets a cargo call of its own: built together, plugins would share the features
/// of their dependencies, and the bytes of one would depend on which others exist.
pub fn compile(folder: &Path, toolchain: &Toolchain) -> Result<Compiled> {
    let package = package(folder, toolchain)?;
    let mut command = toolchain.build(folder, &package.target_directory);
    // What a plugin is must not depend on whose machine built it: no flags of the person's own, no paths of their home.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let flags: Vec<String> =
        remapped_paths(&package.workspace).into_iter().chain([format!("-Clink-arg=--initial-heap={HEAP}")]).collect();
    let flags = json!(flags);
    command.arg("--config").arg(format!("target.{TARGET}.rustflags={flags}"));
    for setting in SETTINGS {
        command.arg("--config").arg(format!("profile.{PROFILE}.{setting}"));
    }
    command.args(["--package", &package.name, "--lib", "--profile", PROFILE]);
    command.args(["--message-format", "json-render-diagnostics"]);
    let said = output(&mut command, "install Rust with https://rustup.rs", true)?;
    let artifacts: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .collect();
    let is_own = |artifact: &&Value| artifact["manifest_path"].as_str().is_some_and(|p| Path::new(p) == package.file);
    let files = artifacts.iter().filter(is_own);
    let files = files.filter_map(|artifact| artifact["filenames"].as_array()).flatten().filter_map(Value::as_str);
    let Some(path) = files.map(Path::new).find(|file| file.extension().is_some_and(|end| end == "wasm")) else {
        return Err(Error::Build(format!(
            "{}: the crate makes no WebAssembly; it needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`",
            package.file.display()
        )));
    };
    let module = std::fs::read(path).map_err(|error| Error::file(path, &error))?;
    let sdk = artifacts.iter().find(|artifact| artifact["target"]["name"] == SDK);
    let sdk = sdk.and_then(|artifact| version_of(artifact["package_id"].as_str()?));
    Ok(Compiled { module, sdk })
}

/// The version in an id such as `path+file:///a/sdk#guildhall-sdk@0.1.0`.
fn version_of(id: &str) -> Option<String> {
    let (_, end) = id.rsplit_once('#')?;
    Some(end.rsplit_once('@').map_or(end, |(_, version)| version).to_owned())
}

/// The crate in a folder.
fn package(folder: &Path, toolchain: &Toolchain) -> Result<Package> {
    let file = folder.join("Cargo.toml");
    let file = file.canonicalize().map_err(|error| Error::file(&file, &error))?;
    let mut command = toolchain.cargo(folder);
    let text = output(
        command.args(["metadata", "--no-deps", "--format-version", "1"]),
        "install Rust with https://rustup.rs",
        false,
    )?;
    let unread = || Error::Build(format!("{}: cargo does not say what it is", file.display()));
    let metadata: Value = serde_json::from_str(&text).map_err(|_| unread())?;
    let path = |name: &str| metadata[name].as_str().map(PathBuf::from).ok_or_else(unread);
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut own = packages.filter_map(|package| {
        let is_own = package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == file);
        is_own.then(|| package["name"].as_str().map(str::to_owned)).flatten()
    });
    let Some(name) = own.next() else {
        return Err(Error::Build(format!("{} names no package", file.display())));
    };
    let (workspace, target_directory) = (path("workspace_root")?, path("target_directory")?);
    Ok(Package { name, file, workspace, target_directory })
}

/// Compiler flags that shorten the paths of sources which panics name.
fn remapped_paths(workspace: &Path) -> Vec<String> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    cargo_home
        .map(|home| format!("--remap-path-prefix={}=cargo", home.display()))
        .into_iter()
        .chain([format!("--remap-path-prefix={}=plugin", workspace.display())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_sdk_is_read_from_each_form_of_an_id() {
        assert_eq!(version_of("path+file:///a/sdk/rust#guildhall-sdk@0.1.0").unwrap(), "0.1.0");
        assert_eq!(version_of("path+file:///a/guildhall-sdk#1.2.0").unwrap(), "1.2.0");
        assert_eq!(version_of("registry+https://example.com/index#guildhall-sdk@1.2.0-rc.1").unwrap(), "1.2.0-rc.1");
        assert_eq!(version_of("guildhall-sdk"), None);
    }
}
