//! Installs what a fresh machine lacks, from Debian's packages, and says so first.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Installs packages with apt-get; needs root. `why` completes the sentence "to …".
pub fn install(packages: &[&str], why: &str) -> Result<()> {
    let names = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!("to {why}, please install: sudo apt-get install {names}");
    }
    println!("installing {names} with apt-get, to {why}");
    apt_get(&["update"])?;
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--yes", "--quiet"]).args(arguments).stdin(Stdio::null());
    workspace::output(&mut command).map(drop).context("apt-get could not install what is needed")
}
