//! `cargo xtask bench`: the host beside what this machine can do at most, measured in turns in one run.

mod access;
mod build;
mod check;
mod disk;
mod figure;
mod gauge;
mod hook;
mod installation;
mod load;
mod modules;
mod pgbench;
mod plugins;
mod proc;
mod records;
mod report;
mod rounds;
mod sdk;
pub mod server;
mod site;
mod spread;
mod start;
mod table;
mod turns;
mod window;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::interrupt::Interrupt;
use crate::{wasm_target, workspace};
use build::Programs;
use installation::Installation;
use report::{EngineReport, Report};
use rounds::Plan;
use site::Site;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    of: Option<Of>,
    /// Rounds on each engine; the first warms up and is dropped [default: 7]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: Option<u32>,
    /// Length of each figure's window in each round [default: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Three rounds of one second: to see that it works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Which database the host runs on
    #[arg(long, default_value = "both")]
    engine: Engines,
    /// Write everything that was measured to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Of {
    /// The record platform on a million contacts in a thousand tenants
    Records(records::Options),
    /// What decisions, scopes and masks, row-level security and a noisy neighbour cost
    Access(access::Options),
    /// What hooks cost, and a loop in one tenant another tenant
    Plugins(plugins::Options),
    /// What loyalty costs orders, how fast lots expire, a critical path, a forecast
    Modules(modules::Options),
    /// The same plugin in each language: size, build, a fresh call
    Sdk(sdk::Options),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

/// A database that the host runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engines {
    fn list(self) -> &'static [Engine] {
        match self {
            Self::Sqlite => &[Engine::Sqlite],
            Self::Postgres => &[Engine::Postgres],
            Self::Both => &[Engine::Sqlite, Engine::Postgres],
        }
    }
}

/// Builds, measures, prints.
pub fn run(options: &Options) -> Result<()> {
    load::ensure_wrk()?;
    let programs = build::programs(&wasm_target::ensure()?)?;
    let plan = Plan {
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 7 }),
        seconds: options.seconds.unwrap_or(if options.quick { 1 } else { 3 }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen()?;
        // Dropping the work ends every server that it has started.
        tokio::select! {
            done = measured(options, &programs, plan) => done,
            () = interrupt.received() => bail!("interrupted"),
        }
    })
}

async fn measured(options: &Options, programs: &Programs, plan: Plan) -> Result<()> {
    match &options.of {
        Some(Of::Records(options)) => records::measure(options, programs).await,
        Some(Of::Access(options)) => access::measure(options, programs).await,
        Some(Of::Plugins(options)) => plugins::measure(options, programs).await,
        Some(Of::Modules(options)) => modules::measure(options, programs).await,
        Some(Of::Sdk(options)) => sdk::measure(options, programs).await,
        None => measure(options, programs, plan).await,
    }
}

async fn measure(options: &Options, programs: &Programs, plan: Plan) -> Result<()> {
    let folder = Folder::make()?;
    let mut engines = Vec::new();
    for engine in options.engine.list() {
        engines.push(on(*engine, programs, plan, &folder.0).await.with_context(|| format!("on {engine:?}"))?);
    }
    let report = Report::new(plan, engines);
    table::print(&report);
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

async fn on(engine: Engine, programs: &Programs, plan: Plan, folder: &Path) -> Result<EngineReport> {
    println!("{engine:?}: seeding");
    let hook = hook::measure(programs).await?;
    let folder = folder.join(format!("{engine:?}").to_lowercase());
    let installation = Installation::make(engine, programs, &folder)?;
    let tenants = installation.populate(programs).await?;
    let start = start::measure(&installation, &tenants[1]).await?;
    let site = Site::open(installation, tenants, programs).await?;
    check::answers(&site).await?;
    let rounds = rounds::run(&site, programs, plan).await?;
    let memory = report::Memory {
        peak_mb: proc::peak_mb(site.host.process())?,
        private_mb: proc::private_mb(site.host.process())?,
    };
    site.close().await?;
    Ok(EngineReport::new(engine, rounds, hook, start, memory))
}

/// A folder on the disk of the build, where an fsync costs what it costs; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let path = workspace::target_directory()?.join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            println!("could not remove {}: {error}", self.0.display());
        }
    }
}
