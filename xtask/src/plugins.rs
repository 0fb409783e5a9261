//! Builds every plugin of the repository into one file each: `target/plugins/<id>.wasm`.

pub mod component;
mod manifest;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::wasm_target::{self, TARGET, WasmToolchain};
use crate::workspace;
use manifest::Manifest;

/// The cargo profile that plugins are built with.
const PROFILE: &str = "plugin";

/// Bytes of heap that an instance has from the start.
const HEAP: usize = 256 << 10;

/// The folders whose subfolders may hold a plugin, by their `plugin.toml`.
const HOMES: [&str; 2] = ["plugins", "host/tests/fixtures"];

/// A plugin that can be installed.
pub struct BuiltPlugin {
    /// The id in its manifest.
    pub id: String,
    /// The component with the manifest inside.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: usize,
}

/// Builds every plugin and says where each one is.
pub fn run() -> Result<()> {
    let toolchain = wasm_target::ensure()?;
    for plugin in build_all(&toolchain)? {
        println!("{} ({} kB): {}", plugin.id, plugin.size.div_ceil(1000), plugin.path.display());
    }
    Ok(())
}

/// Builds every plugin. A file that would not change is not written again; what belongs to no plugin is removed.
pub fn build_all(toolchain: &WasmToolchain) -> Result<Vec<BuiltPlugin>> {
    let target_directory = workspace::target_directory()?;
    let output = target_directory.join("plugins");
    std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    let mut built: Vec<BuiltPlugin> = Vec::new();
    for folder in folders()? {
        let manifest = manifest::read(&folder)?;
        if built.iter().any(|other| other.id == manifest.id()) {
            bail!("{} uses the id {} of another plugin", folder.display(), manifest.id());
        }
        let component = build(&folder, &manifest, toolchain, &target_directory)
            .with_context(|| format!("building {}", folder.display()))?;
        let path = output.join(format!("{}.wasm", manifest.id()));
        write_if_different(&path, &component)?;
        built.push(BuiltPlugin { id: manifest.id().to_owned(), path, size: component.len() });
    }
    remove_others(&output, &built)?;
    Ok(built)
}

/// Builds the plugin in one folder, in Rust, into `<id>.wasm` in another.
pub fn build_into(folder: &Path, toolchain: &WasmToolchain, output: &Path) -> Result<()> {
    let manifest = manifest::read(folder)?;
    let component = build(folder, &manifest, toolchain, &workspace::target_directory()?)
        .with_context(|| format!("building {}", folder.display()))?;
    write_if_different(&output.join(format!("{}.wasm", manifest.id())), &component)
}

/// Puts the component that another SDK made of the plugin in a folder into `<id>.wasm`, its manifest inside.
pub fn complete_into(folder: &Path, component: &[u8], language: &str, output: &Path) -> Result<()> {
    let manifest = manifest::read(folder)?;
    let component = component::complete(component, &manifest, language)
        .with_context(|| format!("completing {}", folder.display()))?;
    write_if_different(&output.join(format!("{}.wasm", manifest.id())), &component)
}

/// The folders of all plugins, in the order of their names.
fn folders() -> Result<BTreeSet<PathBuf>> {
    let mut folders = BTreeSet::new();
    for home in HOMES {
        let home = workspace::root().join(home);
        for entry in home.read_dir().with_context(|| format!("reading {}", home.display()))? {
            let folder = entry?.path();
            if folder.join("plugin.toml").exists() {
                folders.insert(folder);
            }
        }
    }
    Ok(folders)
}

/// Compiles one plugin and makes it a component. Each gets a cargo call of its own: built together, plugins would share
/// the features of their dependencies, and the bytes of one would depend on which others exist.
fn build(folder: &Path, manifest: &Manifest, toolchain: &WasmToolchain, target_directory: &Path) -> Result<Vec<u8>> {
    let package = package_name(folder)?;
    let mut command = toolchain.build(target_directory);
    // What a plugin is must not depend on whose machine built it: no flags of the person's own, no paths of their home.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let flags: Vec<String> =
        remapped_paths().into_iter().chain([format!("-Clink-arg=--initial-heap={HEAP}")]).collect();
    command.arg("--config").arg(format!("target.{TARGET}.rustflags={}", json!(flags)));
    workspace::run(command.args(["--package", &package, "--profile", PROFILE]))?;
    let module = toolchain
        .output(target_directory)
        .join(TARGET)
        .join(PROFILE)
        .join(format!("{}.wasm", package.replace('-', "_")));
    let module =
        std::fs::read(&module).with_context(|| format!("reading {}; is the crate a `cdylib`?", module.display()))?;
    component::make(&module, manifest)
}

/// Compiler flags that shorten the paths of sources which panics name.
fn remapped_paths() -> Vec<String> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    cargo_home
        .map(|home| format!("--remap-path-prefix={}=cargo", home.display()))
        .into_iter()
        .chain([format!("--remap-path-prefix={}=guildhall", workspace::root().display())])
        .collect()
}

/// The name of the crate in a folder.
fn package_name(folder: &Path) -> Result<String> {
    let path = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let cargo: toml::Table = toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let name = cargo.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    Ok(name.with_context(|| format!("{} names no package", path.display()))?.to_owned())
}

fn write_if_different(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Removes components of plugins that do not exist any more: the tests install whatever they find here.
fn remove_others(output: &Path, built: &[BuiltPlugin]) -> Result<()> {
    for entry in output.read_dir().with_context(|| format!("reading {}", output.display()))? {
        let path = entry?.path();
        let is_component = path.extension().is_some_and(|extension| extension == "wasm");
        if is_component && !built.iter().any(|plugin| plugin.path == path) {
            std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}
