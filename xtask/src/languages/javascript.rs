//! The SDK for JavaScript: its packages as its lock file says, its tests, and the components that it makes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use guildhall_kit::Language;

use crate::{packages, workspace};

/// Where the SDK is in the repository, and what npm calls it.
const SDK: &str = "sdk/js";
const NAME: &str = "node_modules/@guildhall/sdk";

/// Installs the packages beside the tree, where node finds them from inside of it, and builds the SDK.
pub fn install(folder: &Path, tree: &Path) -> Result<()> {
    let sdk = tree.join(SDK);
    if workspace::output(Command::new("node").arg("--version")).is_err() {
        packages::install(&["nodejs"], "build plugins in JavaScript")?;
    }
    let lock = std::fs::read(sdk.join("package-lock.json")).context("reading the SDK's lock file")?;
    let installed = folder.join("installed-lock.json");
    if !std::fs::read(&installed).is_ok_and(|there| there == lock) {
        if workspace::output(Command::new("npm").arg("--version")).is_err() {
            packages::install(&["npm"], "fetch what the SDK for JavaScript is made with")?;
        }
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(sdk.join(file), folder.join(file)).with_context(|| format!("copying {file}"))?;
        }
        println!("fetching what the SDK for JavaScript is made with into {}", folder.display());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
        workspace::run(&mut npm)?;
        std::fs::write(&installed, lock).with_context(|| format!("writing {}", installed.display()))?;
    }
    let link = folder.join(NAME);
    let home = link.parent().unwrap_or(folder);
    std::fs::create_dir_all(home).with_context(|| format!("making {}", home.display()))?;
    if link.symlink_metadata().is_err() {
        std::os::unix::fs::symlink(&sdk, &link).with_context(|| format!("making {}", link.display()))?;
    }
    workspace::output(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&sdk)).map(drop)
}

/// Makes a component of the plugin in a folder; says in which language it is.
pub fn componentize(folder: &Path, plugin: &Path, to: &Path) -> Result<Language> {
    let program = folder.join(NAME).join("bin/componentize.mjs");
    workspace::output(Command::new("node").arg(program).arg("--out").arg(to).current_dir(plugin))
        .map(|_| Language::JavaScript)
}

/// Runs the SDK's tests, and checks the types of the example.
pub fn test(folder: &Path, tree: &Path) -> Result<()> {
    workspace::run(Command::new("node").args(["--test", "--test-reporter=dot", "test/"]).current_dir(tree.join(SDK)))?;
    let compiler = folder.join("node_modules/typescript/bin/tsc");
    let example = tree.join(super::EXAMPLES).join("tidy-names-js");
    workspace::run(Command::new("node").arg(compiler).current_dir(example))
}
