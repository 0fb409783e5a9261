//! `cargo xtask bench sdk`: the same plugin in each language: its size, a build after a change, a call in a fresh instance.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use guildhall_kit::Language;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;

use super::build::Programs;
use super::disk::probe;
use super::hook::Calls;
use crate::languages::{self, Timed};

#[derive(Args)]
pub struct Options {
    /// Write everything that was measured to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What a plugin should be at most: bytes, seconds of a build, microseconds of a call.
const fn aims(language: Language) -> (u64, Option<f64>, f64) {
    match language {
        Language::Rust => (150_000, Some(5.0), 60.0),
        Language::JavaScript => (2_000_000, None, 400.0),
        Language::Python => (20_000_000, None, 1_500.0),
    }
}

/// What the program of the limits says.
#[derive(Deserialize)]
struct Said {
    compile_us: f64,
    call: Calls,
}

/// The figures of one language.
#[derive(Serialize)]
struct Figures {
    language: &'static str,
    bytes: u64,
    build_s: f64,
    compile_ms: f64,
    call: Calls,
}

/// Measures and prints.
pub async fn measure(options: &Options, programs: &Programs) -> Result<()> {
    let mut all = Vec::new();
    println!("| | component, MB | build after a change, s | compiled by a host, ms | fresh call, µs (p99) |");
    println!("|---|---|---|---|---|");
    for Timed { language, seconds, component } in languages::timed()? {
        let bytes = std::fs::metadata(&component).with_context(|| format!("reading {}", component.display()))?.len();
        let said: Said = probe(Command::new(&programs.limits).arg("contact").arg(&component)).await?;
        let (most_bytes, most_seconds, most_us) = aims(language);
        let aim = most_seconds.map(|most| format!(", aim {most:.0}")).unwrap_or_default();
        println!(
            "| {} | {:.2} (aim {:.2}) | {seconds:.1}{aim} | {:.0} | {:.0} ({:.0}; aim {most_us:.0}) |",
            language.name(),
            megabytes(bytes),
            megabytes(most_bytes),
            said.compile_us / 1e3,
            said.call.p50_us,
            said.call.p99_us,
        );
        let compile_ms = said.compile_us / 1e3;
        all.push(Figures { language: language.name(), bytes, build_s: seconds, compile_ms, call: said.call });
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&json!({"languages": all}))?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a component has far fewer bytes than 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
