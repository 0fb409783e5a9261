//! What the benchmarks of parts have in common on the command line.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use super::rounds::Plan;
use super::{Engine, Engines};

#[derive(Args)]
pub struct Turns {
    /// Rounds of each part; the first warms up and is dropped
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,
    /// Length of each window in each round
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// A small run: to see that it works, not how fast it is
    #[arg(long)]
    pub quick: bool,
    /// Which database the host runs on
    #[arg(long, default_value = "both")]
    engine: Engines,
    /// Write everything that was measured to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Turns {
    /// How often, and how long.
    pub fn plan(&self) -> Plan {
        if self.quick { Plan { rounds: 2, seconds: 1 } } else { Plan { rounds: self.rounds, seconds: self.seconds } }
    }

    /// The databases, one after the other.
    pub fn engines(&self) -> &'static [Engine] {
        self.engine.list()
    }

    /// Writes what was measured, when a file is named.
    pub fn keep(&self, measured: &Value) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        std::fs::write(path, serde_json::to_vec_pretty(measured)?)
            .with_context(|| format!("writing {}", path.display()))
    }
}
