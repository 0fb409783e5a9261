//! The `OpenID` Connect provider of the tests: npm's `oidc-provider`, below `target/`, as its lock file says.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{packages, workspace};

/// What is copied beside the packages.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "provider.js"];

/// Has the provider ready; says in which folder. Nothing is fetched when it is there already.
pub fn ensure() -> Result<PathBuf> {
    let from = workspace::root().join("host/tests/oidc");
    let folder = workspace::target_directory()?.join("oidc");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let lock = std::fs::read(from.join("package-lock.json")).context("reading the provider's lock file")?;
    let installed = folder.join("installed-lock.json");
    let is_there = std::fs::read(&installed).is_ok_and(|there| there == lock);
    for file in FILES {
        std::fs::copy(from.join(file), folder.join(file)).with_context(|| format!("copying {file}"))?;
    }
    if workspace::output(Command::new("node").arg("--version")).is_err() {
        packages::install(&["nodejs"], "run an OpenID Connect provider in the tests")?;
    }
    if !is_there {
        if workspace::output(Command::new("npm").arg("--version")).is_err() {
            packages::install(&["npm"], "fetch an OpenID Connect provider for the tests")?;
        }
        println!("fetching the OpenID Connect provider of the tests into {}", folder.display());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
        workspace::run(&mut npm)?;
        std::fs::write(&installed, lock).with_context(|| format!("writing {}", installed.display()))?;
    }
    Ok(folder)
}
