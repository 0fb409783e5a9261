//! The registry of OCI artefacts that the tests push to: Debian's `docker-registry`.

use std::process::Command;

use anyhow::Result;

use crate::{packages, workspace};

/// Has it ready.
pub fn ensure() -> Result<()> {
    if workspace::output(Command::new("docker-registry").arg("--version")).is_err() {
        packages::install(&["docker-registry"], "push plugins to a registry in the tests")?;
    }
    Ok(())
}
