//! Builds every plugin of the repository into one file each: `target/plugins/<id>.wasm`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use guildhall_kit::toolchain::Toolchain;
use guildhall_kit::{Language, Manifest, compile, component, read_manifest};

use crate::{wasm_target, workspace};

/// The folders whose subfolders may hold a plugin in Rust, by their `plugin.toml` and `Cargo.toml`.
const HOMES: [&str; 3] = ["plugins", "examples/plugins", "host/tests/fixtures"];

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
pub fn build_all(toolchain: &Toolchain) -> Result<Vec<BuiltPlugin>> {
    let output = workspace::target_directory()?.join("plugins");
    std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    let mut built: Vec<BuiltPlugin> = Vec::new();
    for folder in folders()? {
        let manifest = read_manifest(&folder)?;
        if built.iter().any(|other| other.id == manifest.id()) {
            bail!("{} uses the id {} of another plugin", folder.display(), manifest.id());
        }
        let component = build(&folder, &manifest, toolchain)?;
        let path = output.join(format!("{}.wasm", manifest.id()));
        write_if_different(&path, &component)?;
        built.push(BuiltPlugin { id: manifest.id().to_owned(), path, size: component.len() });
    }
    remove_others(&output, &built)?;
    Ok(built)
}

/// Builds the plugin in one folder, in Rust, into `<id>.wasm` in another.
pub fn build_into(folder: &Path, toolchain: &Toolchain, output: &Path) -> Result<()> {
    let manifest = read_manifest(folder)?;
    write_if_different(&output.join(format!("{}.wasm", manifest.id())), &build(folder, &manifest, toolchain)?)
}

/// Puts the component that another SDK made of the plugin in a folder into `<id>.wasm`, its manifest inside.
pub fn complete_into(folder: &Path, component: Vec<u8>, language: Language, output: &Path) -> Result<()> {
    let manifest = read_manifest(folder)?;
    // The SDKs carry the version of the workspace, as this program does.
    let component = component::complete(component, &manifest, language, Some(env!("CARGO_PKG_VERSION")))
        .with_context(|| format!("completing {}", folder.display()))?;
    write_if_different(&output.join(format!("{}.wasm", manifest.id())), &component)
}

fn build(folder: &Path, manifest: &Manifest, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let compiled = compile(folder, toolchain);
    let component = compiled.and_then(|compiled| component::of_module(&compiled, manifest));
    component.with_context(|| format!("building {}", folder.display()))
}

/// The folders of all plugins in Rust, in the order of their names.
fn folders() -> Result<BTreeSet<PathBuf>> {
    let mut folders = BTreeSet::new();
    for home in HOMES {
        let home = workspace::root().join(home);
        for entry in home.read_dir().with_context(|| format!("reading {}", home.display()))? {
            let folder = entry?.path();
            if ["plugin.toml", "Cargo.toml"].iter().all(|file| folder.join(file).exists()) {
                folders.insert(folder);
            }
        }
    }
    Ok(folders)
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
