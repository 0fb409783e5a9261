//! Prints a report as Markdown, as it stands in `docs/performance.md`.

use super::Engine;
use super::report::{Aim, EngineReport, Line, Report};
use super::spread::Spread;

pub fn print(report: &Report) {
    let Report { plan, cores, engines } = report;
    let rounds = plan.rounds - 1;
    println!(
        "\n{cores} cores shared with the load; {rounds} rounds of {} s windows, median (least–most)",
        plan.seconds
    );
    for engine in engines {
        print_engine(engine);
    }
}

fn print_engine(report: &EngineReport) {
    let name = match report.engine {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    };
    println!("\n### {name}\n");
    println!("| figure | req/s | p50 ms | p99 ms | CPU µs | RSS MB | ratio | aim |");
    println!("|---|---|---|---|---|---|---|---|");
    for line in &report.lines {
        println!("{}", row(report.engine, line));
    }
    let disturbed = report.rounds.iter().filter(|round| round.disturbed).count();
    if disturbed > 0 {
        println!("\n{disturbed} of {} rounds count although the machine was disturbed.", report.rounds.len());
    }
    println!("\n| beside it | |\n|---|---|");
    for (what, value) in beside(report) {
        println!("| {what} | {value} |");
    }
    println!("| aims | {} |", aims(&report.aims));
}

fn row(engine: Engine, line: &Line) -> String {
    let cell = |spread: Option<Spread>, places: usize| {
        spread.map_or_else(|| "–".to_owned(), |spread| format!("{:.places$}", spread.median))
    };
    let cpu = match line.database_cpu_us {
        None => cell(line.cpu_us, 0),
        Some(database) if line.cpu_us.is_none() => format!("0 + {:.0}", database.median),
        Some(database) => format!("{} + {:.0}", cell(line.cpu_us, 0), database.median),
    };
    let ratio = line.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
    [
        line.figure.title(engine).to_owned(),
        format!("{:.0}", line.per_s),
        cell(line.p50_ms, 2),
        cell(line.p99_ms, 2),
        cpu,
        cell(line.resident_mb, 0),
        ratio,
        aims(&line.aims),
    ]
    .iter()
    .fold("|".to_owned(), |row, cell| row + " " + cell + " |")
}

fn beside(report: &EngineReport) -> Vec<(&'static str, String)> {
    let of_disk = |pick: fn(&super::disk::Disk) -> f64, places: usize| {
        let spread = Spread::of(report.rounds.iter().map(|round| pick(&round.disk)));
        spread.map_or_else(String::new, |spread| format!("{spread:.places$}"))
    };
    let hook = &report.hook;
    let start = &report.start;
    vec![
        ("fsync of 4 KiB, p50 ms", of_disk(|disk| disk.fsync.p50_us / 1e3, 2)),
        ("fsync of 4 KiB, p99 ms", of_disk(|disk| disk.fsync.p99_us / 1e3, 2)),
        ("SQLite, durable inserts/s, one by one", of_disk(|disk| disk.inserts.single_per_s, 0)),
        ("SQLite, durable inserts/s, 32 in a commit", of_disk(|disk| disk.inserts.grouped_per_s, 0)),
        ("hook in a fresh instance, nothing to do, p50 / p99 µs", calls(hook.idle.p50_us, hook.idle.p99_us)),
        ("hook in a fresh instance, an order, p50 / p99 µs", calls(hook.order.p50_us, hook.order.p99_us)),
        (
            "CPU that a hook with nothing to write adds to an order, µs",
            report.hook_adds_us.map_or_else(String::new, |spread| format!("{spread:.0}")),
        ),
        ("checking and compiling the module, ms", format!("{:.0}", hook.compile_us / 1e3)),
        ("from start to ready, ms", format!("{:.0}", start.ready_ms)),
        ("first request of a tenant with the module, ms", format!("{:.0}", start.first_module_request_ms)),
        ("memory idle, MB", format!("{:.0}", start.idle_mb)),
        ("memory with the module compiled, MB", format!("{:.0}", start.module_mb)),
        ("most memory in the whole run, MB", format!("{:.0}", report.memory.peak_mb)),
        ("memory at the end without pages of the database file, MB", format!("{:.0}", report.memory.private_mb)),
    ]
}

fn calls(p50: f64, p99: f64) -> String {
    format!("{p50:.0} / {p99:.0}")
}

pub fn aims(aims: &[Aim]) -> String {
    let shown = aims.iter().map(|aim| format!("{} {}", aim.text, if aim.reached { "✓" } else { "✗" }));
    shown.collect::<Vec<_>>().join("; ")
}
