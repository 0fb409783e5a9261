//! `cargo xtask bench records`: the record platform on data set M, while it grows, and beside the raw database.

pub mod client;
mod data;
mod fan_out;
pub mod fill;
mod growth;
mod imports;
mod print;
pub mod raw;
mod requests;
mod rounds;
mod work;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::build::Programs;
use super::installation::{Installation, Tenant};
use super::rounds::Plan;
use super::{Engine, Engines, Folder, proc};
use client::Client;
use fan_out::FanOut;
use fill::Filled;
use growth::Step;
use imports::{Import, Kind};
use raw::Raw;
use requests::Requests;
use work::Work;

#[derive(Args)]
pub struct Options {
    /// Rounds on each engine; the first warms up and is dropped
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,
    /// Length of each figure's window in each round
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Contacts of all tenants together; companies, deals and activities follow
    #[arg(long, default_value_t = data::CONTACTS)]
    contacts: usize,
    /// Tenants that share them
    #[arg(long, default_value_t = data::TENANTS)]
    tenants: usize,
    /// The largest size of the tenant that grows
    #[arg(long, default_value_t = 1_000_000)]
    grown: usize,
    /// The largest number of small tenants
    #[arg(long, default_value_t = 10_000)]
    small_tenants: usize,
    /// A small run: to see that it works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Which parts
    #[arg(long, value_delimiter = ',', default_value = "rounds,imports,fan-out,rows,tenants")]
    parts: Vec<Part>,
    /// Which database the host runs on
    #[arg(long, default_value = "both")]
    engine: Engines,
    /// Write everything that was measured to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Rounds,
    Imports,
    FanOut,
    Rows,
    Tenants,
}

/// What was found out on one engine.
#[derive(Serialize)]
struct Report {
    engine: Engine,
    records: usize,
    fill_s: f64,
    lines: Vec<rounds::Line>,
    rounds: Vec<rounds::Round>,
    /// The most memory of the host in the rounds.
    peak_mb: f64,
    imports: Vec<Import>,
    raw_import_s: Option<f64>,
    fan_out: Vec<FanOut>,
    deliveries_per_s: Option<f64>,
    rows: Vec<Step>,
    tenants: Vec<Step>,
}

impl Options {
    fn sized(&self) -> Sizes {
        if self.quick {
            return Sizes { contacts: 5_000, tenants: 20, rows: vec![1_000, 5_000], small: vec![1, 20], import: 2_000 };
        }
        let until = |all: [usize; 3], most: usize| all.into_iter().filter(|size| *size <= most).collect();
        Sizes {
            contacts: self.contacts,
            tenants: self.tenants,
            rows: until([10_000, 100_000, 1_000_000], self.grown),
            small: until([1, 1_000, 10_000], self.small_tenants),
            import: raw::IMPORT,
        }
    }

    fn plan(&self) -> Plan {
        let quick = Plan { rounds: 2, seconds: 1 };
        if self.quick { quick } else { Plan { rounds: self.rounds, seconds: self.seconds } }
    }
}

struct Sizes {
    contacts: usize,
    tenants: usize,
    rows: Vec<usize>,
    small: Vec<usize>,
    import: usize,
}

/// Measures, and prints each engine's figures when they are there.
pub async fn measure(options: &Options, programs: &Programs) -> Result<()> {
    let folder = Folder::make()?;
    let mut reports = Vec::new();
    for engine in options.engine.list() {
        let mut report = Report::of(*engine);
        let done = on(&mut report, options, programs, &folder.0).await;
        // What was measured before an error is worth as much.
        print::report(&report);
        done.with_context(|| format!("on {engine:?}"))?;
        reports.push(report);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&reports)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

impl Report {
    fn of(engine: Engine) -> Self {
        Self {
            engine,
            records: 0,
            fill_s: 0.0,
            lines: Vec::new(),
            rounds: Vec::new(),
            peak_mb: 0.0,
            imports: Vec::new(),
            raw_import_s: None,
            fan_out: Vec::new(),
            deliveries_per_s: None,
            rows: Vec::new(),
            tenants: Vec::new(),
        }
    }
}

async fn on(report: &mut Report, options: &Options, programs: &Programs, folder: &Path) -> Result<()> {
    let engine = report.engine;
    let (sizes, plan) = (options.sized(), options.plan());
    let has = |part: Part| options.parts.contains(&part);
    let folder = folder.join(format!("{engine:?}").to_lowercase());
    let installation = Installation::make(engine, programs, &folder)?;
    let http = reqwest::Client::builder().no_proxy().build()?;

    let server = installation.serve().await?;
    let Filled { tenants, records, seconds } =
        fill::fill(&installation, &server, &data::sizes(sizes.tenants, sizes.contacts)).await?;
    server.stop().await?;
    println!("{engine:?}: {records} records in {seconds:.0} s");
    if engine == Engine::Postgres {
        raw::sql(&installation, "vacuum analyze;").await?;
    }
    (report.records, report.fill_s) = (records, seconds);

    let server = installation.serve().await?;
    if has(Part::Rounds) || has(Part::Imports) {
        let requests = Requests { engine, tenants: &tenants, client: &http, address: server.address() };
        let mut pairs = Vec::new();
        for work in Work::ALL {
            pairs.push((work, requests.of(work).await?));
        }
        let raw = Raw::open(&installation, programs, &pairs, &tenants[0].id).await?;
        if has(Part::Rounds) {
            report.rounds = rounds::run(&installation, programs, &server, &raw, plan).await?;
            report.lines = rounds::lines(engine, &report.rounds);
            report.peak_mb = proc::peak_mb(server.process())?;
        }
        if has(Part::Imports) {
            report.raw_import_s = Some(raw.import(&installation).await?);
            for (nth, kind) in [Kind::Clean, Kind::Dirty].into_iter().enumerate() {
                let Tenant { key, .. } = installation.make_tenant(&format!("import-{nth}")).await?;
                let client = Client::of(&http, server.address(), &key);
                let import = imports::import(&client, &server, 3 * data::TENANTS, 0, sizes.import, kind).await?;
                println!("{engine:?}: {kind:?} import, {:.0} rows/s", import.rows_per_s());
                report.imports.push(import);
            }
        }
    }
    if has(Part::FanOut) {
        for count in [1, 10, 100] {
            let fan_out = fan_out::streams(&installation, &server, &tenants[0], count).await?;
            println!("{engine:?}: {count} streams, the last has it after {:.1} ms", fan_out.last_ms);
            report.fan_out.push(fan_out);
        }
        report.deliveries_per_s = Some(fan_out::webhooks(programs, &folder, &server, &tenants[0]).await?);
    }
    if has(Part::Rows) {
        report.rows = growth::rows(&installation, &server, &sizes.rows, plan.seconds, plan.rounds - 1).await?;
    }
    server.stop().await?;
    if has(Part::Tenants) {
        report.tenants = growth::tenants(&installation, &sizes.small, plan.seconds, plan.rounds - 1).await?;
    }
    Ok(())
}
