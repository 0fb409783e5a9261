//! Prints a report as Markdown, as it stands in `docs/performance.md`.

use super::growth::Step;
use super::{Report, work::Work};
use crate::bench::figure::Measured;
use crate::bench::spread::Spread;
use crate::bench::table;

pub fn report(report: &Report) {
    println!("\n### {:?}: {} records, filled in {:.0} s\n", report.engine, report.records, report.fill_s);
    if !report.lines.is_empty() {
        println!(
            "| figure | raw req/s | req/s | p50 ms | p99 ms | CPU µs | ratio | aim |\n|---|---|---|---|---|---|---|---|"
        );
    }
    for line in &report.lines {
        let cell = |spread: Option<Spread>, places: usize| {
            spread.map_or_else(|| "–".to_owned(), |spread| format!("{:.places$}", spread.median))
        };
        let ratio = line.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let database = line.database_cpu_us.map_or_else(String::new, |spread| format!(" + {:.0}", spread.median));
        println!(
            "| {} | {} | {} | {} | {} | {}{database} | {ratio} | {} |",
            line.work.title(),
            cell(line.raw_per_s, 0),
            line.per_s.map_or_else(String::new, |spread| format!("{spread:.0}")),
            cell(line.p50_ms, 2),
            cell(line.p99_ms, 2),
            cell(line.cpu_us, 0),
            table::aims(&line.aims),
        );
    }
    if report.peak_mb > 0.0 {
        println!("\nMost memory of the host in the rounds: {:.0} MB.", report.peak_mb);
    }
    imports(report);
    fan_out(report);
    steps("contacts of one tenant", &report.rows);
    steps("tenants of 100 contacts", &report.tenants);
}

fn imports(report: &Report) {
    if report.imports.is_empty() {
        return;
    }
    println!("\n| import | rows | MB | s | rows/s | CPU s | memory before → most, MB |\n|---|---|---|---|---|---|---|");
    for import in &report.imports {
        println!(
            "| {:?} | {} | {:.0} | {:.1} | {:.0} | {:.1} | {:.0} → {:.0} |",
            import.kind,
            import.rows,
            import.megabytes,
            import.seconds,
            import.rows_per_s(),
            import.cpu_s,
            import.before_mb,
            import.peak_mb
        );
    }
    if let Some(seconds) = report.raw_import_s {
        println!("| the raw database, one commit | | | {seconds:.1} | | | |");
    }
}

fn fan_out(report: &Report) {
    if report.fan_out.is_empty() {
        return;
    }
    println!("\n| streams | create, ms | until the last stream has it, ms |\n|---|---|---|");
    for fan_out in &report.fan_out {
        println!("| {} | {:.2} | {:.2} |", fan_out.streams, fan_out.create_ms, fan_out.last_ms);
    }
    if let Some(rate) = report.deliveries_per_s {
        println!("\nDeliveries to 10 webhooks: {rate:.0}/s.");
    }
}

fn steps(what: &str, steps: &[Step]) {
    let Some(first) = steps.first() else { return };
    println!(
        "\n| {what} | work | req/s | p50 ms | p99 ms | CPU µs | p99 to that of {} |\n|---|---|---|---|---|---|---|",
        first.size
    );
    for step in steps {
        for (work, measured) in &step.works {
            let of = |pick: fn(&Measured) -> Option<f64>| Spread::of(measured.iter().filter_map(pick));
            let p99 = |step: &Step| {
                let found = step.works.iter().find(|(other, _)| other == work)?;
                Some(Spread::of(found.1.iter().filter_map(|one| one.p99_ms))?.median)
            };
            let against = p99(step).zip(p99(first)).map_or(f64::NAN, |(now, then)| now / then);
            let cell =
                |spread: Option<Spread>| spread.map_or_else(String::new, |spread| format!("{:.2}", spread.median));
            println!(
                "| {} | {} | {} | {} | {} | {} | {against:.2} |",
                step.size,
                Work::title(*work),
                of(|one| Some(one.per_s)).map_or_else(String::new, |spread| format!("{:.0}", spread.median)),
                cell(of(|one| one.p50_ms)),
                cell(of(|one| one.p99_ms)),
                of(|one| one.cpu_us).map_or_else(String::new, |spread| format!("{:.0}", spread.median)),
            );
        }
        if let Some(import) = step.import {
            println!(
                "| {} | import up to here | {:.0} rows/s | | | memory {:.0} → {:.0} MB | |",
                step.size,
                import.rows_per_s(),
                import.before_mb,
                import.peak_mb
            );
        }
        if let Some(first) = step.first_request_ms {
            println!("| {} | first request of a tenant after a start, ms | | {first:.1} | | | |", step.size);
        }
        println!("| {} | memory of the host, MB | {:.0} | | | | |", step.size, step.resident_mb);
    }
}
