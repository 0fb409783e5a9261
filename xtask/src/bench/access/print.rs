//! The figures as tables for `docs/performance.md`.

use super::decisions::{Decisions, Times};
use super::{Pair, Report};
use crate::bench::figure::Measured;
use crate::bench::spread::Spread;

pub fn decisions(all: &[Decisions]) {
    println!(
        "\n| tenants | cached µs, p50 (p99) | cached, team scope | uncached | KB a tenant |\n|---|---|---|---|---|"
    );
    let times = |times: Times| format!("{:.2} ({:.2})", times.p50_us, times.p99_us);
    for one in all {
        let Decisions { tenants, cached, cached_team, uncached, tenant_kb } = one;
        let (cached, team, uncached) = (times(*cached), times(*cached_team), times(*uncached));
        println!("| {tenants} | {cached} | {team} | {uncached} | {tenant_kb:.0} |");
    }
}

pub fn report(report: &Report) {
    println!("\n{:?}\n", report.engine);
    println!("| what | req/s | beside | ratio | CPU µs | beside | aim |\n|---|---|---|---|---|---|---|");
    for pair in &report.pairs {
        let Some(ratio) = pair.ratio() else { continue };
        let (rate, rate_beside) = (middle(pair, |one| Some(one.per_s)), middle_beside(pair, |one| Some(one.per_s)));
        let (cpu, cpu_beside) = (middle(pair, cost), middle_beside(pair, cost));
        let aim = pair
            .aim
            .map_or_else(String::new, |aim| format!("≥ {aim:.2} {}", if ratio.median >= aim { "✓" } else { "✗" }));
        println!("| {} | {rate} | {rate_beside} | {ratio:.2} | {cpu} | {cpu_beside} | {aim} |", pair.what);
    }
    if report.neighbours.is_empty() {
        return;
    }
    println!(
        "\n| the other tenant's flood | it gets req/s | refused | quiet p99 ms, calm | in the flood | ratio | aim |"
    );
    println!("|---|---|---|---|---|---|---|");
    for of in &report.neighbours {
        let (Some(ratio), Some(rate), Some(refused)) =
            (of.ratio(), Spread::of(of.flood_per_s.iter().copied()), Spread::of(of.refused.iter().copied()))
        else {
            continue;
        };
        let calm = Spread::of(of.rounds.iter().map(|(calm, _)| *calm)).map_or(0.0, |spread| spread.median);
        let flooded = Spread::of(of.rounds.iter().map(|(_, flooded)| *flooded)).map_or(0.0, |spread| spread.median);
        let reached = if ratio.median <= 2.0 { "✓" } else { "✗" };
        println!(
            "| {} | {:.0} | {:.0} % | {calm:.2} | {flooded:.2} | {ratio:.2} | ≤ 2 {reached} |",
            of.flood,
            rate.median,
            refused.median * 100.0
        );
    }
}

/// CPU of the host and of the database together.
fn cost(one: &Measured) -> Option<f64> {
    Some(one.cpu_us? + one.database_cpu_us.unwrap_or_default())
}

fn middle(pair: &Pair, of: impl Fn(&Measured) -> Option<f64>) -> String {
    text(Spread::of(pair.rounds.iter().filter_map(|(dear, _)| of(dear))))
}

fn middle_beside(pair: &Pair, of: impl Fn(&Measured) -> Option<f64>) -> String {
    text(Spread::of(pair.rounds.iter().filter_map(|(_, cheap)| of(cheap))))
}

fn text(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| format!("{:.0}", spread.median))
}
