//! Decisions alone, by the program of `host/benches/limits`.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::bench::build::Programs;
use crate::bench::disk::probe;

/// Times of one decision, in microseconds.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Times {
    pub p50_us: f64,
    pub p99_us: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Decisions {
    /// Tenants whose policies are loaded.
    pub tenants: usize,
    /// Of a role that sees every record, decided before.
    pub cached: Times,
    /// Of a role that sees its team's, decided before: the filter is made each time.
    pub cached_team: Times,
    /// Decided for the first time.
    pub uncached: Times,
    /// Memory of one more tenant's policy.
    pub tenant_kb: f64,
}

impl Decisions {
    pub async fn measure(programs: &Programs, tenants: usize) -> Result<Self> {
        probe(Command::new(&programs.limits).args(["decisions", "--tenants", &tenants.to_string()])).await
    }
}
