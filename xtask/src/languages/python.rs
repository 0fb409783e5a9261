//! The SDK for Python: its packages as its `pyproject.toml` says, its tests, and the components that it makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use guildhall_kit::Language;

use crate::{packages, workspace};

/// Where the SDK is in the repository.
const SDK: &str = "sdk/python";

/// Installs the packages into a virtual environment, and the SDK as it is now.
pub fn install(folder: &Path, tree: &Path) -> Result<()> {
    let sdk = tree.join(SDK);
    let project = std::fs::read(sdk.join("pyproject.toml")).context("reading the SDK's pyproject.toml")?;
    let installed = folder.join("installed-pyproject.toml");
    let pip = || {
        let mut command = Command::new(python(folder));
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        command
    };
    if !std::fs::read(&installed).is_ok_and(|there| there == project) {
        if workspace::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_err() {
            packages::install(&["python3-venv"], "build plugins in Python")?;
        }
        let environment = folder.join("venv");
        println!("fetching what the SDK for Python is made with into {}", environment.display());
        workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        workspace::run(pip().arg(format!("{}[test]", sdk.display())))?;
        std::fs::write(&installed, project).with_context(|| format!("writing {}", installed.display()))?;
    }
    workspace::run(pip().args(["--no-build-isolation", "--no-deps", "--force-reinstall"]).arg(sdk))
}

/// Makes a component of the plugin in a folder; says in which language it is.
pub fn componentize(folder: &Path, plugin: &Path, to: &Path) -> Result<Language> {
    let mut command = Command::new(python(folder));
    workspace::output(command.args(["-m", "guildhall_sdk.componentize", "--out"]).arg(to).current_dir(plugin))
        .map(|_| Language::Python)
}

/// Runs the SDK's tests, and checks its types and those of the example.
pub fn test(folder: &Path, tree: &Path) -> Result<()> {
    let run = |words: &[&str], place: PathBuf| {
        workspace::run(Command::new(python(folder)).arg("-m").args(words).current_dir(place))
    };
    run(&["pytest", "--quiet"], tree.join(SDK))?;
    run(&["mypy"], tree.join(SDK))?;
    run(&["mypy", "plugin.py"], tree.join(super::EXAMPLES).join("tidy-names-python"))
}

fn python(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python3")
}
