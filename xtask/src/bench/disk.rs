//! The disk's part: how long it takes to be sure, and the durable inserts that this leaves to SQLite.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::build::Programs;

/// Of one round.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Disk {
    pub fsync: Fsync,
    pub inserts: Inserts,
}

/// Times of an append of 4 KiB that reaches the disk.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Fsync {
    pub p50_us: f64,
    pub p99_us: f64,
}

/// Durable inserts by SQLite without a server around it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Inserts {
    pub single_per_s: f64,
    pub grouped_per_s: f64,
}

pub async fn measure(programs: &Programs, folder: &Path) -> Result<Disk> {
    Ok(Disk {
        fsync: probe(Command::new(&programs.limits).arg("fsync").arg(folder)).await?,
        inserts: probe(Command::new(&programs.limits).arg("sqlite-insert").arg(folder)).await?,
    })
}

/// Runs a program that prints its result as one line of JSON.
pub async fn probe<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let output = command.kill_on_drop(true).output().await.context("starting a probe")?;
    if !output.status.success() {
        bail!("a probe ended with {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    serde_json::from_slice(&output.stdout).context("reading what a probe printed")
}
