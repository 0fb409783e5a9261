//! Rounds: every figure once, side by side in time, so that what disturbs the machine disturbs all of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::build::Programs;
use super::disk::{self, Disk};
use super::figure::{Figure, Measured};
use super::proc;
use super::site::Site;
use super::spread::Spread;
use super::window::Window;

/// A round is disturbed when more of the machine's time than this went to others on the same hardware …
const MOST_STOLEN: f64 = 0.02;
/// … or when the bare route did less than this share of its median.
const LEAST_HELLO: f64 = 0.8;
/// Disturbed rounds that are run again; after that they count as they are.
const REPEATS: usize = 3;
/// Between two windows, so that one does not pay for what the one before left to do.
const PAUSE: Duration = Duration::from_millis(200);

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Plan {
    /// Rounds, with the first one that is dropped.
    pub rounds: u32,
    /// Length of a window.
    pub seconds: u32,
}

/// Everything once.
#[derive(Debug, Serialize)]
pub struct Round {
    pub figures: BTreeMap<Figure, Measured>,
    pub disk: Disk,
    /// Share of the machine's time that went to others on the same hardware.
    pub stolen: f64,
    /// Whether it counts although it was disturbed.
    pub disturbed: bool,
}

/// The rounds that count.
pub async fn run(site: &Site, programs: &Programs, plan: Plan) -> Result<Vec<Round>> {
    let wanted = plan.rounds as usize - 1;
    let mut rounds = Vec::new();
    let mut repeats = 0;
    let mut number = 0;
    loop {
        let start = Instant::now();
        let round = one(site, programs, plan).await?;
        number += 1;
        let took = start.elapsed().as_secs_f64();
        let hello = round.figures.get(&Figure::Hello).map_or(0.0, |hello| hello.per_s);
        let fsync = round.disk.fsync.p50_us / 1e3;
        let note = if number == 1 { ", the warm-up" } else { "" };
        println!(
            "{:?}: round {number} in {took:.0} s: bare route {hello:.0}/s, fsync {fsync:.2} ms, stolen {:.1} %{note}",
            site.engine(),
            round.stolen * 100.0
        );
        if number == 1 {
            continue;
        }
        rounds.push(round);
        mark_disturbed(&mut rounds);
        if rounds.len() == wanted {
            let disturbed = rounds.iter().filter(|round| round.disturbed).count();
            if disturbed == 0 || repeats + disturbed > REPEATS {
                return Ok(rounds);
            }
            println!("{:?}: running {disturbed} disturbed rounds again", site.engine());
            rounds.retain(|round| !round.disturbed);
            repeats += disturbed;
        }
    }
}

fn mark_disturbed(rounds: &mut [Round]) {
    let hello = |round: &Round| round.figures.get(&Figure::Hello).map_or(0.0, |hello| hello.per_s);
    let usual = Spread::of(rounds.iter().map(hello)).map_or(0.0, |spread| spread.median);
    for round in rounds {
        round.disturbed = round.stolen > MOST_STOLEN || hello(round) < LEAST_HELLO * usual;
    }
}

async fn one(site: &Site, programs: &Programs, plan: Plan) -> Result<Round> {
    let before = proc::Machine::now()?;
    let disk = disk::measure(programs, &site.installation.folder).await?;
    let mut figures = BTreeMap::new();
    for figure in Figure::of(site.engine()) {
        tokio::time::sleep(PAUSE).await;
        let window = Window { site, seconds: plan.seconds };
        let measured = window.measure(*figure).await.with_context(|| format!("measuring {figure:?}"))?;
        figures.insert(*figure, measured);
    }
    let stolen = proc::Machine::now()?.stolen_since(before);
    Ok(Round { figures, disk, stolen, disturbed: false })
}
