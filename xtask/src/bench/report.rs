//! What the rounds say together: medians, ratios within each round, and the aims.

use serde::Serialize;

use super::Engine;
use super::figure::{Figure, Measured};
use super::hook::Hook;
use super::load::CLIENTS;
use super::rounds::{Plan, Round};
use super::spread::Spread;
use super::start::Start;

/// Below this an fsync is that of a quiet disk.
pub const QUIET_FSYNC_US: f64 = 1_000.0;

#[derive(Serialize)]
pub struct Report {
    pub plan: Plan,
    pub cores: usize,
    pub engines: Vec<EngineReport>,
}

#[derive(Serialize)]
pub struct EngineReport {
    pub engine: Engine,
    pub lines: Vec<Line>,
    pub hook: Hook,
    /// CPU time of the host that the hook adds to an order.
    pub hook_adds_us: Option<Spread>,
    pub start: Start,
    pub memory: Memory,
    pub aims: Vec<Aim>,
    pub rounds: Vec<Round>,
}

/// Memory of the host that has served the whole run.
#[derive(Serialize)]
pub struct Memory {
    /// The most that it had, with the pages of the database that it looked into.
    pub peak_mb: f64,
    /// What it has at the end without them.
    pub private_mb: f64,
}

/// One figure over all rounds.
#[derive(Serialize)]
pub struct Line {
    pub figure: Figure,
    pub per_s: Spread,
    pub p50_ms: Option<Spread>,
    pub p99_ms: Option<Spread>,
    pub cpu_us: Option<Spread>,
    pub database_cpu_us: Option<Spread>,
    pub resident_mb: Option<Spread>,
    /// To the limit of the same round.
    pub ratio: Option<Spread>,
    pub aims: Vec<Aim>,
}

/// A number that is to be reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Aim {
    pub text: String,
    pub reached: bool,
}

impl Report {
    pub fn new(plan: Plan, engines: Vec<EngineReport>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { plan, cores, engines }
    }
}

impl EngineReport {
    pub fn new(engine: Engine, rounds: Vec<Round>, hook: Hook, start: Start, memory: Memory) -> Self {
        let hook_adds_us = spread(&rounds, hook_adds);
        let lines = Figure::of(engine).iter().filter_map(|figure| Line::new(engine, *figure, &rounds)).collect();
        let aims = vec![
            at_most("P5: the module's own share, µs", hook.order.p50_us, 40.0),
            at_most("P10: ready, ms", start.ready_ms.median, 150.0),
            at_most("P11: idle, MB", start.idle_mb.median, 40.0),
            at_most("P11: peak of the whole run, MB", memory.peak_mb, 150.0),
        ];
        Self { engine, lines, hook, hook_adds_us, start, memory, aims, rounds }
    }
}

impl Line {
    fn new(engine: Engine, figure: Figure, rounds: &[Round]) -> Option<Self> {
        let of = |pick: fn(&Measured) -> Option<f64>| spread(rounds, |round| pick(round.figures.get(&figure)?));
        let line = Self {
            figure,
            per_s: of(|measured| Some(measured.per_s))?,
            p50_ms: of(|measured| measured.p50_ms),
            p99_ms: of(|measured| measured.p99_ms),
            cpu_us: of(|measured| measured.cpu_us),
            database_cpu_us: of(|measured| measured.database_cpu_us),
            resident_mb: of(|measured| measured.resident_mb),
            ratio: spread(rounds, |round| ratio(round, figure)),
            aims: Vec::new(),
        };
        let aims = line.aims(engine, rounds);
        Some(Self { aims, ..line })
    }

    fn aims(&self, engine: Engine, rounds: &[Round]) -> Vec<Aim> {
        let median = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
        let (ratio, cpu, p99) = (median(self.ratio), median(self.cpu_us), median(self.p99_ms));
        match (self.figure, engine) {
            (Figure::Read, Engine::Sqlite) => {
                vec![at_least("P1: ratio", ratio, 0.33), at_most("CPU", cpu, 40.0), at_most("p99", p99, 5.0)]
            }
            (Figure::List, Engine::Sqlite) => {
                vec![at_least("P2: ratio", ratio, 0.3), at_most("CPU", cpu, 300.0), at_most("p99", p99, 15.0)]
            }
            (Figure::Read | Figure::List, Engine::Postgres) => vec![at_least("P16: ratio", ratio, 0.6)],
            (Figure::Create, _) => {
                let fsync = median(spread(rounds, |round| Some(round.disk.fsync.p50_us)));
                let rate = if fsync < QUIET_FSYNC_US { 6_000.0 } else { 3_000.0 };
                vec![at_least("P4: ratio", ratio, 0.5), at_least("req/s", self.per_s.median, rate)]
            }
            (Figure::OrderLookedAt, _) => {
                let added = median(spread(rounds, hook_adds));
                vec![at_least("P5: ratio", ratio, 0.9), at_most("CPU added", added, 60.0)]
            }
            _ => Vec::new(),
        }
    }
}

/// Throughput against what it is to be held against, in the same round.
fn ratio(round: &Round, figure: Figure) -> Option<f64> {
    let rate = |figure: Figure| Some(round.figures.get(&figure)?.per_s);
    let against = match figure {
        Figure::Read => rate(Figure::LimitRead)?,
        Figure::List | Figure::LimitListOwn => rate(Figure::LimitList)?,
        Figure::Create | Figure::Order => {
            let by_disk = f64::from(CLIENTS) / (round.disk.fsync.p50_us / 1e6);
            rate(Figure::LimitCreate)?.min(by_disk)
        }
        Figure::OrderLookedAt | Figure::OrderHooked => rate(Figure::Order)?,
        Figure::OrderOneMember => rate(Figure::OrderHooked)?,
        Figure::Hello | Figure::LimitRead | Figure::LimitList | Figure::LimitCreate => return None,
    };
    Some(rate(figure)? / against)
}

fn hook_adds(round: &Round) -> Option<f64> {
    let cpu = |figure: Figure| round.figures.get(&figure)?.cpu_us;
    Some(cpu(Figure::OrderLookedAt)? - cpu(Figure::Order)?)
}

fn spread(rounds: &[Round], pick: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
    Spread::of(rounds.iter().filter_map(pick))
}

pub fn at_least(name: &str, value: f64, aim: f64) -> Aim {
    Aim { text: format!("{name} ≥ {aim}"), reached: value >= aim }
}

pub fn at_most(name: &str, value: f64, aim: f64) -> Aim {
    Aim { text: format!("{name} ≤ {aim}"), reached: value <= aim }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::disk::{Disk, Fsync, Inserts};
    use super::*;

    fn round(figures: &[(Figure, f64)], fsync_us: f64) -> Round {
        let measured = |per_s| Measured {
            per_s,
            p50_ms: None,
            p99_ms: Some(1.0),
            cpu_us: Some(1e6 / per_s),
            database_cpu_us: None,
            resident_mb: None,
        };
        Round {
            figures: figures.iter().map(|(figure, per_s)| (*figure, measured(*per_s))).collect::<BTreeMap<_, _>>(),
            disk: Disk {
                fsync: Fsync { p50_us: fsync_us, p99_us: fsync_us },
                inserts: Inserts { single_per_s: 1.0, grouped_per_s: 1.0 },
            },
            stolen: 0.0,
            disturbed: false,
        }
    }

    #[test]
    fn a_durable_write_is_held_against_the_disk_when_that_is_slower() {
        let figures = [(Figure::LimitCreate, 20_000.0), (Figure::Create, 6_400.0)];
        assert_eq!(ratio(&round(&figures, 100.0), Figure::Create), Some(0.32));
        assert_eq!(ratio(&round(&figures, 2_500.0), Figure::Create), Some(0.5));
    }

    #[test]
    fn aims_are_reached_or_not() {
        let rounds = [round(&[(Figure::LimitRead, 60_000.0), (Figure::Read, 24_000.0)], 100.0)];
        let line = Line::new(Engine::Sqlite, Figure::Read, &rounds).unwrap();
        let reached: Vec<bool> = line.aims.iter().map(|aim| aim.reached).collect();
        assert_eq!(reached, [true, false, true], "{:?}", line.aims);
    }
}
