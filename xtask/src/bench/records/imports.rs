//! Imports of CSV files: how long they take, and how much memory.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::client::Client;
use super::data;
use crate::bench::proc;
use crate::bench::server::Server;

/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(50);
const COLUMNS: [&str; 12] = [
    "name",
    "job_title",
    "email",
    "phone",
    "city",
    "country",
    "language",
    "birthday",
    "source",
    "lifecycle",
    "external_id",
    "address",
];

/// How clean a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// UTF-8 with commas.
    Clean,
    /// A byte order mark, CRLF, semicolons, quotes, formulas, 3 % rows that are refused.
    Dirty,
}

/// What an import took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Import {
    pub kind: Kind,
    pub rows: usize,
    pub megabytes: f64,
    pub seconds: f64,
    /// Memory before it, and the most that the host had during it.
    pub before_mb: f64,
    pub peak_mb: f64,
    /// CPU time of the host.
    pub cpu_s: f64,
}

impl Import {
    pub fn rows_per_s(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "millions")]
        let rows = self.rows as f64;
        rows / self.seconds
    }
}

/// Uploads a file, waits for the job, and checks that every good row has arrived.
pub async fn import(
    client: &Client,
    server: &Server,
    series: usize,
    from: usize,
    to: usize,
    kind: Kind,
) -> Result<Import> {
    let (text, bad) = csv(series, from, to, kind);
    let bytes = text.len();
    let before_mb = proc::resident_mb(server.process())?;
    proc::forget_peak(server.process())?;
    let cpu = proc::cpu_time(server.process())?;
    let start = Instant::now();
    let path = "/api/v1/imports?object=contact&start=true";
    let made = client.send(Method::POST, path, "text/csv", text.into_bytes()).await?;
    let id = made["id"].as_str().with_context(|| format!("an import without an id: {made}"))?;
    let done = finished(client, id).await?["job"].take();
    let seconds = start.elapsed().as_secs_f64();
    let counts = &done["result"]["counts"];
    let count = |name: &str| counts[name].as_u64().and_then(|count| usize::try_from(count).ok());
    let (created, failed) = (count("created").unwrap_or(0), count("failed").unwrap_or(0));
    ensure!(created + bad == to - from && failed == bad, "{created} rows arrived, {failed} were refused: {done}");
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let megabytes = bytes as f64 / 1e6;
    Ok(Import {
        kind,
        rows: to - from,
        megabytes,
        seconds,
        before_mb,
        peak_mb: proc::peak_mb(server.process())?,
        cpu_s: proc::cpu_time(server.process())?.saturating_sub(cpu).as_secs_f64(),
    })
}

async fn finished(client: &Client, id: &str) -> Result<Value> {
    loop {
        let import = client.get(&format!("/api/v1/imports/{id}")).await?;
        match import["job"]["state"].as_str() {
            Some("done") => return Ok(import),
            Some("failed" | "cancelled") | None => bail!("the import ended: {import}"),
            Some(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// A file of contacts, and how many of its rows are bad.
fn csv(series: usize, from: usize, to: usize, kind: Kind) -> (String, usize) {
    let (separator, end) = match kind {
        Kind::Clean => (",", "\n"),
        Kind::Dirty => (";", "\r\n"),
    };
    let mut text = if kind == Kind::Dirty { "\u{feff}".to_owned() } else { String::new() };
    text += &COLUMNS.join(separator);
    text += end;
    let mut bad = 0;
    for number in from..to {
        let mut contact = data::contact(series, number, &[]);
        if kind == Kind::Dirty {
            if number % 100 < 3 {
                contact.insert("email".to_owned(), "not an address".into());
                bad += 1;
            }
            if number % 10 == 5 {
                contact.insert("job_title".to_owned(), "=1+1".into());
                contact.insert("source".to_owned(), "a \"quoted\"; one".into());
            }
        }
        for (nth, column) in COLUMNS.iter().enumerate() {
            let value = contact.get(*column).and_then(Value::as_str).unwrap_or_default();
            let lead = if nth == 0 { "" } else { separator };
            if value.contains([',', ';', '"', '\n']) {
                let _ = write!(text, "{lead}\"{}\"", value.replace('"', "\"\""));
            } else {
                let _ = write!(text, "{lead}{value}");
            }
        }
        text += end;
    }
    (text, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dirty_file_has_bad_rows() {
        let (clean, none) = csv(1, 0, 200, Kind::Clean);
        let (dirty, some) = csv(1, 0, 200, Kind::Dirty);
        assert_eq!((none, some), (0, 6));
        assert!(clean.starts_with("name,") && dirty.starts_with("\u{feff}name;"));
        assert_eq!(dirty.matches("not an address").count(), 6);
    }
}
