//! A whole plugin of a folder: in whatever language, checked, and in its place only when all of it worked.

use std::path::{Path, PathBuf};

use crate::manifest::{self, Manifest};
use crate::toolchain::Toolchain;
use crate::{Error, Result, component, rust, script};

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript, or TypeScript.
    JavaScript,
    /// Python.
    Python,
}

/// A plugin that can be installed.
#[derive(Debug)]
pub struct Built {
    /// The id in its manifest.
    pub id: String,
    /// The version of it.
    pub version: String,
    /// What it is written in.
    pub language: Language,
    /// The component with the manifest inside.
    pub path: PathBuf,
    /// The component.
    pub component: Vec<u8>,
}

impl Language {
    /// Each with the file that a folder of it has.
    const ALL: [(Self, &'static str); 3] =
        [(Self::Rust, "Cargo.toml"), (Self::JavaScript, "package.json"), (Self::Python, "pyproject.toml")];

    /// What the plugin in a folder is written in.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut found = Self::ALL.iter().filter(|(_, file)| folder.join(file).exists());
        let files = Self::ALL.map(|(_, file)| file).join(", ");
        match (found.next(), found.next()) {
            (Some((language, _)), None) => Ok(*language),
            (None, _) => Err(Error::Missing(format!(
                "{} has none of {files}: is it the folder of a plugin? `guildhall plugin new` makes one",
                folder.display()
            ))),
            (Some((_, one)), Some((_, other))) => Err(Error::Build(format!(
                "{} has both {one} and {other}: a plugin is written in one language",
                folder.display()
            ))),
        }
    }

    /// Its name, as components carry it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }
}

/// Builds the plugin in a folder into `target/guildhall/<id>.wasm` there.
pub fn build(folder: &Path) -> Result<Built> {
    let folder = folder.canonicalize().map_err(|error| Error::file(folder, &error))?;
    let manifest = manifest::read(&folder)?;
    let file = format!("{}.wasm", manifest.id());
    build_as(&folder, &manifest, &file)
}

/// Builds it as the next of a row of versions that come before the one in its manifest: `0.1.0-dev.3`.
pub fn build_draft(folder: &Path, turn: u32) -> Result<Built> {
    let folder = folder.canonicalize().map_err(|error| Error::file(folder, &error))?;
    let mut manifest = manifest::read(&folder)?;
    manifest.make_draft(turn);
    let file = format!("{}.dev.wasm", manifest.id());
    build_as(&folder, &manifest, &file)
}

fn build_as(folder: &Path, manifest: &Manifest, file: &str) -> Result<Built> {
    let language = Language::of(folder)?;
    let output = folder.join("target").join("guildhall");
    std::fs::create_dir_all(&output).map_err(|error| Error::file(&output, &error))?;
    // What is half done goes with this folder.
    let draft = tempfile::tempdir_in(&output).map_err(|error| Error::file(&output, &error))?;
    let component = make(folder, manifest, language, &draft.path().join("component.wasm"))?;
    let whole = draft.path().join("plugin.wasm");
    let path = output.join(file);
    std::fs::write(&whole, &component)
        .and_then(|()| std::fs::rename(&whole, &path))
        .map_err(|error| Error::file(&path, &error))?;
    let (id, version) = (manifest.id().to_owned(), manifest.version().to_owned());
    Ok(Built { id, version, language, path, component })
}

fn make(folder: &Path, manifest: &Manifest, language: Language, draft: &Path) -> Result<Vec<u8>> {
    let sdk = match language {
        Language::Rust => {
            let compiled = rust::compile(folder, &Toolchain::find(folder)?)?;
            return component::of_module(&compiled, manifest);
        }
        Language::JavaScript => script::javascript(folder, draft)?,
        Language::Python => script::python(folder, draft)?,
    };
    let made = std::fs::read(draft)
        .map_err(|error| Error::Build(format!("the SDK for {} left no component: {error}", language.name())))?;
    component::complete(made, manifest, language, sdk.as_deref())
}
