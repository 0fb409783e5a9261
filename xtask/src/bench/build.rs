//! Builds what is measured, as it would be shipped.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use guildhall_kit::toolchain::Toolchain;
use serde_json::Value;

use crate::{plugins, workspace};

/// The module whose hook is measured.
pub const MODULE: &str = "guildhall.retail-loyalty";

pub struct Programs {
    /// The host.
    pub host: PathBuf,
    /// The bare servers and probes of `host/benches/limits`.
    pub limits: PathBuf,
    /// The component of [`MODULE`].
    pub plugin: PathBuf,
}

/// Builds the host, the limits and the plugins with optimisation.
pub fn programs(toolchain: &Toolchain) -> Result<Programs> {
    let plugins = plugins::build_all(toolchain)?;
    let plugin = plugins.into_iter().find(|plugin| plugin.id == MODULE);
    let plugin = plugin.with_context(|| format!("no plugin is {MODULE}"))?.path;
    println!("building the host with optimisation (the first time takes some minutes)");
    let mut cargo = workspace::cargo();
    // Together, so that both have the same dependencies.
    cargo.args(["build", "--release", "--package", "guildhall", "--bin", "guildhall", "--bench", "limits"]);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = cargo.output().context("starting cargo")?;
    if !output.status.success() {
        bail!("cargo build ended with {}", output.status);
    }
    let messages = String::from_utf8(output.stdout)?;
    Ok(Programs { host: executable(&messages, "guildhall")?, limits: executable(&messages, "limits")?, plugin })
}

/// Where cargo says that it put the program of a target.
fn executable(messages: &str, target: &str) -> Result<PathBuf> {
    let built = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == target;
        message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
    });
    built.with_context(|| format!("cargo built no program `{target}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"limits"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/other"}
{"reason":"compiler-artifact","target":{"name":"limits"},"executable":"/t/limits-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "limits").unwrap(), PathBuf::from("/t/limits-1"));
        assert!(executable(messages, "guildhall").is_err());
    }
}
