//! Brings a compiler for WebAssembly to a machine that has none: by rustup, or from Debian's packages.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use guildhall_kit::toolchain::{Choice, DEBIAN_PACKAGES, TARGET, Toolchain};

use crate::{packages, workspace};

/// A toolchain for the target: the one in use if it has the target, else with what rustup adds, else Debian's.
pub fn ensure() -> Result<Toolchain> {
    match Choice::from_environment()? {
        Choice::Rustup => own(),
        Choice::Debian => debian(),
        Choice::Any => own().or_else(|reason| {
            println!("the Rust toolchain in use cannot build for {TARGET}: {reason:#}");
            println!("trying Debian's packages instead");
            debian().with_context(|| {
                format!("no compiler for {TARGET}; `rustup target add {TARGET}` would be the simplest remedy")
            })
        }),
    }
}

/// The toolchain in use, with the target added when it is missing.
fn own() -> Result<Toolchain> {
    let root = workspace::root();
    if let Ok(toolchain) = Toolchain::own(&root) {
        return Ok(toolchain);
    }
    println!("adding the target {TARGET} to the Rust toolchain in use");
    let mut rustup = Command::new("rustup");
    workspace::output(rustup.current_dir(&root).args(["target", "add", TARGET]))?;
    Toolchain::own(&root).context("rustup added the target to another toolchain than the one in use")
}

/// Debian's toolchain, installed when it is missing.
fn debian() -> Result<Toolchain> {
    let root = workspace::root();
    let toolchain = Toolchain::debian(&root).or_else(|_| {
        if !Path::new("/usr/bin/apt-get").exists() {
            bail!("this machine has no apt-get");
        }
        packages::install(&DEBIAN_PACKAGES, "build plugins with Debian's Rust")?;
        Toolchain::debian(&root).or_else(|_| {
            packages::install(&["lld"], "link WebAssembly")?;
            anyhow::Ok(Toolchain::debian(&root)?)
        })
    })?;
    println!("{}", toolchain.remark().unwrap_or_default());
    Ok(toolchain)
}
