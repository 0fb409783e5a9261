//! Load by wrk: clients that each wait for one answer before they ask again.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::packages;

/// Clients at the same time, unless a figure is about another number.
pub const CLIENTS: u32 = 32;

/// Windows so far: each has a number of its own, so that no body is sent twice.
static WINDOWS: AtomicU32 = AtomicU32::new(0);

const SCRIPT: &str = include_str!("load.lua");

/// One request of a file for wrk.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    method: &'static str,
    key: Option<String>,
    pub path: String,
    /// JSON in which `@number` becomes a number that is never used again.
    body: String,
}

impl Line {
    pub fn get(key: Option<&str>, path: impl Into<String>) -> Self {
        Self { method: "GET", key: key.map(str::to_owned), path: path.into(), body: String::new() }
    }

    pub fn post(key: Option<&str>, path: impl Into<String>, body: impl Into<String>) -> Self {
        Self { method: "POST", key: key.map(str::to_owned), path: path.into(), body: body.into() }
    }

    pub fn patch(key: Option<&str>, path: impl Into<String>, body: impl Into<String>) -> Self {
        Self { method: "PATCH", ..Self::post(key, path, body) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, key, path, body } = self;
        writeln!(formatter, "{method}\t{}\t{path}\t{body}", key.as_deref().unwrap_or("-"))
    }
}

/// Writes the requests of a file, to be sent in turn.
pub fn write(file: &Path, lines: impl IntoIterator<Item = Line>) -> Result<()> {
    let text: String = lines.into_iter().map(|line| line.to_string()).collect();
    ensure!(!text.is_empty(), "no requests for {}", file.display());
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// What is asked for, by how many, for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// Requests that [`write`] wrote.
    pub file: &'a Path,
    pub clients: u32,
    pub seconds: u32,
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

    /// Of all answers, those that were no good ones.
    #[expect(clippy::cast_precision_loss, reason = "requests of some seconds are far below 2^52")]
    pub fn refused_share(&self) -> f64 {
        self.refused as f64 / self.requests.max(1) as f64
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
pub async fn run(address: &str, load: Load<'_>) -> Result<Answered> {
    let answered = window(address, load, SCRIPT).await?;
    answered.expect_all_well()?;
    Ok(answered)
}

/// Runs one window at about twice the rate that a key has by default, in which requests may be refused.
pub async fn flood(address: &str, load: Load<'_>) -> Result<Answered> {
    window(address, load, &format!("{SCRIPT}\nfunction delay() return 8 end\n")).await
}

async fn window(address: &str, load: Load<'_>, script_text: &str) -> Result<Answered> {
    let Load { file, clients, seconds } = load;
    let window = WINDOWS.fetch_add(1, Ordering::Relaxed);
    let script = file.with_file_name("load.lua");
    std::fs::write(&script, script_text).with_context(|| format!("writing {}", script.display()))?;
    let mut command = Command::new("wrk");
    command.args(["-t1".to_owned(), format!("-c{clients}"), format!("-d{seconds}s"), "--latency".to_owned()]);
    command.arg("-s").arg(&script).kill_on_drop(true);
    // As long in every window, because bodies must be equally long.
    command.arg(address).arg("--").arg(file).arg(format!("{window:05}"));
    let output = command.output().await.context("starting wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answered = text.lines().rev().find_map(|line| serde_json::from_str::<Answered>(line).ok());
    answered.with_context(|| format!("wrk did not finish:\n{text}{}", String::from_utf8_lossy(&output.stderr)))
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
