//! Load by wrk: 32 clients that each wait for one answer before they ask again.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

use crate::packages;

/// Clients at the same time.
pub const CLIENTS: u32 = 32;

const SCRIPT: &str = include_str!("load.lua");

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Requests<'a> {
    /// The paths of a file, in turn.
    Get { paths: &'a Path },
    /// Bodies made of a template, for the contacts of a file in turn; each window has a number of its own.
    Post { path: &'a str, body: &'a str, contacts: &'a Path, window: u32 },
}

/// What came of it.
#[derive(Debug, Deserialize, PartialEq)]
pub struct Answered {
    pub requests: u64,
    micros: u64,
    p50_us: u64,
    p99_us: u64,
    refused: u64,
    broken: u64,
    late: u64,
}

impl Answered {
    #[expect(clippy::cast_precision_loss, reason = "requests of some seconds are far below 2^52")]
    pub fn per_second(&self) -> f64 {
        self.requests as f64 * 1e6 / self.micros.max(1) as f64
    }

    pub fn p50_ms(&self) -> f64 {
        std::time::Duration::from_micros(self.p50_us).as_secs_f64() * 1e3
    }

    pub fn p99_ms(&self) -> f64 {
        std::time::Duration::from_micros(self.p99_us).as_secs_f64() * 1e3
    }

    fn expect_all_well(&self) -> Result<()> {
        let Self { requests, refused, broken, late, .. } = self;
        if *requests == 0 || *refused + *broken + *late > 0 {
            bail!(
                "of {requests} requests, {refused} were refused, {broken} connections broke and {late} answers were late: \
                 a figure of failures is none"
            );
        }
        Ok(())
    }
}

/// Gets wrk where there is none.
pub fn ensure_wrk() -> Result<()> {
    let there =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join("wrk").is_file());
    if there { Ok(()) } else { packages::install(&["wrk"], "put load on the servers") }
}

/// Runs one window; any answer but a good one is an error.
pub async fn run(
    address: &str,
    key: Option<&str>,
    requests: Requests<'_>,
    seconds: u32,
    folder: &Path,
) -> Result<Answered> {
    let script = folder.join("load.lua");
    std::fs::write(&script, SCRIPT).with_context(|| format!("writing {}", script.display()))?;
    let mut command = Command::new("wrk");
    command.args([
        "-t1".to_owned(),
        format!("-c{CLIENTS}"),
        format!("-d{seconds}s"),
        "--latency".to_owned(),
        "-s".to_owned(),
    ]);
    command.arg(&script).kill_on_drop(true);
    let key = key.unwrap_or("-");
    match requests {
        Requests::Get { paths } => command.arg(address).args(["--", "get", key]).arg(paths),
        Requests::Post { path, body, contacts, window } => {
            // As long in every window, because bodies must be equally long.
            let window = format!("{window:05}");
            command.arg(format!("{address}{path}")).args(["--", "post", key, body]).arg(contacts).arg(window)
        }
    };
    let output = command.output().await.context("starting wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answered = text.lines().rev().find_map(|line| serde_json::from_str::<Answered>(line).ok());
    let answered =
        answered.with_context(|| format!("wrk did not finish:\n{text}{}", String::from_utf8_lossy(&output.stderr)))?;
    answered.expect_all_well()?;
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> Answered {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_window_with_failures_is_refused() {
        let good = r#"{"requests":3000,"micros":1500000,"p50_us":100,"p99_us":900,"refused":0,"broken":0,"late":0}"#;
        assert!(answered(good).expect_all_well().is_ok());
        assert!((answered(good).per_second() - 2000.0).abs() < 1e-9);
        assert!(answered(&good.replace("\"refused\":0", "\"refused\":1")).expect_all_well().is_err());
        assert!(answered(&good.replace("3000", "0")).expect_all_well().is_err());
    }
}
