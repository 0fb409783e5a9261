//! `cargo xtask bench access`: what decisions, scopes and masks, row-level security and a noisy neighbour cost.

mod decisions;
pub mod neighbour;
mod people;
pub mod print;
mod security;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::build::Programs;
use super::figure::Measured;
use super::installation::Installation;
use super::load::{self, CLIENTS, Line, Load};
use super::records::raw;
use super::rounds::Plan;
use super::server::Server;
use super::spread::Spread;
use super::turns::Turns;
use super::{Engine, Folder};
use decisions::Decisions;
use neighbour::Neighbour;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    turns: Turns,
    /// Which parts
    #[arg(long, value_delimiter = ',', default_value = "decisions,lists,security,neighbour")]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Decisions,
    Lists,
    Security,
    Neighbour,
}

/// The same requests in two ways, in turns.
#[derive(Serialize)]
pub struct Pair {
    what: &'static str,
    aim: Option<f64>,
    /// Of each round: the way that is to be dear, and the other one.
    rounds: Vec<(Measured, Measured)>,
}

impl Pair {
    /// Rate of the dear way as a share of the other's, within a round.
    fn ratio(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|(dear, cheap)| dear.per_s / cheap.per_s))
    }
}

/// What was found out on one engine.
#[derive(Serialize)]
pub struct Report {
    pub engine: Engine,
    pub pairs: Vec<Pair>,
    pub neighbours: Vec<Neighbour>,
}

/// How much there is of everything.
#[derive(Clone, Copy)]
struct Sizes {
    contacts: usize,
    tenants: usize,
    decisions: [usize; 3],
}

/// Measures, and prints the figures of each part when they are there.
pub async fn measure(options: &Options, programs: &Programs) -> Result<()> {
    let has = |part: Part| options.parts.contains(&part);
    let plan = options.turns.plan();
    let sizes = if options.turns.quick {
        Sizes { contacts: 2_000, tenants: 20, decisions: [1, 10, 100] }
    } else {
        Sizes { contacts: 50_000, tenants: 200, decisions: [1, 1_000, 10_000] }
    };
    let mut decisions = Vec::new();
    if has(Part::Decisions) {
        for tenants in sizes.decisions {
            decisions.push(Decisions::measure(programs, tenants).await?);
        }
        print::decisions(&decisions);
    }
    let folder = Folder::make()?;
    let mut reports = Vec::new();
    for engine in options.turns.engines() {
        let mut report = Report { engine: *engine, pairs: Vec::new(), neighbours: Vec::new() };
        let installation = Installation::make(*engine, programs, &folder.0.join(format!("{engine:?}").to_lowercase()))?;
        let done = on(&mut report, options, &installation, sizes, plan).await;
        print::report(&report);
        done.with_context(|| format!("on {engine:?}"))?;
        reports.push(report);
    }
    options.turns.keep(&serde_json::json!({"decisions": decisions, "engines": reports}))
}

async fn on(
    report: &mut Report,
    options: &Options,
    installation: &Installation,
    sizes: Sizes,
    plan: Plan,
) -> Result<()> {
    let has = |part: Part| options.parts.contains(&part);
    let server = installation.serve().await?;
    let shop = people::fill(installation, &server, sizes.contacts).await?;
    println!("{:?}: {} contacts", installation.engine, sizes.contacts);
    if installation.engine == Engine::Postgres {
        // As autovacuum does within a minute: plans that were made for an empty table would stay.
        raw::sql(installation, "vacuum analyze;").await?;
    }
    if has(Part::Lists) {
        for (what, field) in [("list 50 by city, sorted by name", "name"), ("the same, sorted by id", "id")] {
            let list = |key: &str| -> Vec<Line> {
                (0..people::CITIES).map(|city| Line::get(Some(key), people::listing(city, field))).collect()
            };
            let bench = Bench { installation, server: &server, plan, clients: CLIENTS };
            report.pairs.push(bench.pair(what, Some(0.9), list(&shop.restricted), list(&shop.key)).await?);
        }
    }
    if has(Part::Security) {
        let bench = Bench { installation, server: &server, plan, clients: CLIENTS };
        report.pairs.extend(security::measure(&bench, &shop, sizes.tenants).await?);
    }
    server.stop().await?;
    if has(Part::Neighbour) {
        let server = installation.serve_with_limits().await?;
        report.neighbours.extend(neighbour::measure(installation, &server, &shop, plan).await?);
        server.stop().await?;
    }
    Ok(())
}

/// What pairs are measured with.
pub struct Bench<'a> {
    pub installation: &'a Installation,
    pub server: &'a Server,
    pub plan: Plan,
    /// How many ask at the same time.
    pub clients: u32,
}

impl Bench<'_> {
    /// Two lists of requests in turns.
    pub async fn pair(&self, what: &'static str, aim: Option<f64>, dear: Vec<Line>, cheap: Vec<Line>) -> Result<Pair> {
        let mut rounds = Vec::new();
        for round in 0..self.plan.rounds {
            let pair = (self.window(dear.clone()).await?, self.window(cheap.clone()).await?);
            if round > 0 {
                rounds.push(pair);
            }
        }
        Ok(Pair { what, aim, rounds })
    }

    async fn window(&self, lines: Vec<Line>) -> Result<Measured> {
        let file = self.installation.folder.join("access-requests");
        load::write(&file, lines)?;
        let load = Load { file: &file, clients: self.clients, seconds: self.plan.seconds };
        self.installation.gauge().server(self.server, load).await
    }
}
