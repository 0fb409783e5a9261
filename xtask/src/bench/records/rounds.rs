//! Rounds over data set M: every kind of work once on the raw database and once on the host.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::raw::Raw;
use super::work::{Figures, Work};
use crate::bench::build::Programs;
use crate::bench::disk;
use crate::bench::figure::Measured;
use crate::bench::installation::Installation;
use crate::bench::load::{CLIENTS, Load};
use crate::bench::report::{Aim, QUIET_FSYNC_US};
use crate::bench::rounds::Plan;
use crate::bench::server::Server;
use crate::bench::spread::Spread;

/// Between two windows, so that one does not pay for what the one before left to do.
const PAUSE: Duration = Duration::from_millis(300);

/// Everything once.
#[derive(Debug, Serialize)]
pub struct Round {
    pub host: BTreeMap<Work, Measured>,
    pub raw: BTreeMap<Work, Measured>,
    pub fsync_us: f64,
}

/// Runs the rounds, and drops the first.
pub async fn run(
    installation: &Installation,
    programs: &Programs,
    server: &Server,
    raw: &Raw,
    plan: Plan,
) -> Result<Vec<Round>> {
    let gauge = installation.gauge();
    let folder = &installation.folder;
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        let fsync_us = disk::measure(programs, folder).await?.fsync.p50_us;
        let mut round = Round { host: BTreeMap::new(), raw: BTreeMap::new(), fsync_us };
        for work in Work::ALL {
            if work.has_raw() {
                tokio::time::sleep(PAUSE).await;
                let measured = raw.measure(&gauge, folder, work, plan.seconds).await;
                round.raw.insert(work, measured.with_context(|| format!("the raw database, {work:?}"))?);
            }
            tokio::time::sleep(PAUSE).await;
            let file = folder.join(work.file());
            let load = Load { file: &file, clients: work.clients(), seconds: plan.seconds };
            let measured = gauge.server(server, load).await.with_context(|| format!("the host, {work:?}"))?;
            round.host.insert(work, measured);
        }
        println!("{:?}: round {number}", installation.engine);
        if number > 0 {
            rounds.push(round);
        }
    }
    Ok(rounds)
}

/// One kind of work over all rounds.
#[derive(Serialize)]
pub struct Line {
    pub work: Work,
    pub raw_per_s: Option<Spread>,
    pub per_s: Option<Spread>,
    pub p50_ms: Option<Spread>,
    pub p99_ms: Option<Spread>,
    pub cpu_us: Option<Spread>,
    pub database_cpu_us: Option<Spread>,
    /// To the raw database of the same round.
    pub ratio: Option<Spread>,
    pub aims: Vec<Aim>,
}

pub fn lines(engine: crate::bench::Engine, rounds: &[Round]) -> Vec<Line> {
    Work::ALL.into_iter().map(|work| line(engine, work, rounds)).collect()
}

fn line(engine: crate::bench::Engine, work: Work, rounds: &[Round]) -> Line {
    let of =
        |pick: fn(&Measured) -> Option<f64>| Spread::of(rounds.iter().filter_map(|round| pick(round.host.get(&work)?)));
    let raw = |round: &Round| Some(round.raw.get(&work)?.per_s);
    let ratio = |round: &Round| {
        // What is made durable cannot come faster than the disk says that it is.
        let by_disk = f64::from(CLIENTS) / (round.fsync_us / 1e6);
        let limit = if work == Work::Create { raw(round)?.min(by_disk) } else { raw(round)? };
        Some(round.host.get(&work)?.per_s / limit)
    };
    let line = Line {
        work,
        raw_per_s: Spread::of(rounds.iter().filter_map(raw)),
        per_s: of(|measured| Some(measured.per_s)),
        p50_ms: of(|measured| measured.p50_ms),
        p99_ms: of(|measured| measured.p99_ms),
        cpu_us: of(|measured| measured.cpu_us),
        database_cpu_us: of(|measured| measured.database_cpu_us),
        ratio: Spread::of(rounds.iter().filter_map(ratio)),
        aims: Vec::new(),
    };
    let median = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
    let fsync = median(Spread::of(rounds.iter().map(|round| round.fsync_us)));
    let figures = Figures {
        per_s: median(line.per_s),
        ratio: median(line.ratio),
        cpu_us: median(line.cpu_us),
        p50_ms: median(line.p50_ms),
        p99_ms: median(line.p99_ms),
        quiet_disk: fsync < QUIET_FSYNC_US,
    };
    Line { aims: work.aims(engine, &figures), ..line }
}
