//! The hook's own share: the module in fresh instances, with a host that answers from memory.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::build::Programs;
use super::disk::probe;

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Hook {
    /// Checking and compiling the component, once per start.
    pub compile_us: f64,
    /// A call that has nothing to do: the engine's share.
    pub idle: Calls,
    /// A call that books the points of an order.
    pub order: Calls,
    /// Taking the compiled component from the disk, and the first call.
    pub cold: Calls,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Calls {
    pub p50_us: f64,
    pub p99_us: f64,
}

pub async fn measure(programs: &Programs) -> Result<Hook> {
    probe(Command::new(&programs.limits).arg("hook").arg(&programs.plugin)).await
}
