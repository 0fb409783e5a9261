//! `cargo xtask deny`: licences, advisories and sources of all dependencies, by cargo-deny and deny.toml.

use anyhow::{Context as _, Result};

use crate::workspace;

/// Runs cargo-deny, building it first where it is missing.
pub fn run() -> Result<()> {
    if workspace::output(workspace::cargo().args(["deny", "--version"])).is_err() {
        println!("cargo-deny is missing: installing it from source, which takes some minutes");
        workspace::run(workspace::cargo().args(["install", "--locked", "cargo-deny"]))
            .context("installing cargo-deny")?;
    }
    workspace::run(workspace::cargo().args(["deny", "check"]))
}
