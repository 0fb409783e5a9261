//! Lots that are past their last day, and the night in which they go.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Timelike as _, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{BATCH, MODULE, Site, contact, create, set_module};
use crate::bench::proc;
use crate::bench::records::client::Client;

/// What lots should go in a second.
const AIM: f64 = 20_000.0;
/// How often it is looked whether the night is over.
const LOOK: Duration = Duration::from_millis(200);
/// The longest that a task of a minute may be in coming.
const PATIENCE: Duration = Duration::from_mins(3);

/// How fast they go.
#[derive(Serialize)]
pub struct Expiry {
    lots: usize,
    seconds: f64,
    /// CPU of the host for each.
    cpu_us: f64,
}

impl Expiry {
    fn per_second(&self) -> f64 {
        count(self.lots) / self.seconds
    }
}

pub fn print(expiry: &Expiry) {
    let reached = if expiry.per_second() >= AIM { "✓" } else { "✗" };
    println!("\n| lots that expire | seconds | a second | CPU of the host each, µs | aim |\n|---|---|---|---|---|");
    println!(
        "| {} | {:.1} | {:.0} | {:.0} | ≥ {AIM:.0} {reached} |",
        expiry.lots,
        expiry.seconds,
        expiry.per_second(),
        expiry.cpu_us
    );
}

/// Fills a tenant with orders of long ago, and waits for the night.
pub async fn measure(site: &Site<'_>, lots: usize) -> Result<Expiry> {
    let tenant = site.tenant("old", &[MODULE]).await?;
    let client = site.client(&tenant.key);
    set_module(&client, MODULE, &json!({"config": {"currency": "USD", "expires_after": "1M"}})).await?;
    let began = Instant::now();
    // Ten lots a member.
    let contacts = create(&client, "contact", lots.div_ceil(10), contact).await?;
    let order = |at: usize| {
        json!({
            "contact": contacts[at % contacts.len()], "placed_at": "2025-01-01T12:00:00Z",
            "total": {"amount": "20.00", "currency": "USD"}, "external_id": format!("old-{at}"),
        })
    };
    create(&client, "order", lots, order).await?;
    println!("{lots} lots in {:.0} s, {BATCH} in a commit", began.elapsed().as_secs_f64());
    let minute = next_minute();
    site.install_variant("0.1.999", |manifest| {
        manifest["hooks"]["scheduled"][0]["cron"] = json!(format!("{} {} * * *", minute.minute(), minute.hour()));
    })
    .await?;
    set_module(&client, MODULE, &json!({"version": "0.1.999", "consent": ["*"]})).await?;
    // What it does because of its new version is over by then.
    tokio::time::sleep(until(minute)).await;
    let waiting = Instant::now();
    while !is_at_work(&client).await? {
        ensure!(waiting.elapsed() < PATIENCE, "the night does not begin");
        tokio::time::sleep(LOOK).await;
    }
    let (began, cpu) = (Instant::now(), proc::cpu_time(site.server.process())?);
    while is_at_work(&client).await? {
        tokio::time::sleep(LOOK).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu_us = proc::cpu_time(site.server.process())?.saturating_sub(cpu).as_secs_f64() * 1e6 / count(lots);
    let question = json!({"filter": {"kind": {"_eq": "expire"}}});
    let expired = client.post("/api/v1/records/loyalty.entry/aggregate", &question).await?;
    ensure!(expired["data"][0]["count"] == json!(lots), "of {lots} lots, these have expired: {expired}");
    Ok(Expiry { lots, seconds, cpu_us })
}

/// The moment at which a minute begins, soon.
#[expect(clippy::disallowed_methods, reason = "the host's clock is that of the machine")]
fn next_minute() -> DateTime<Utc> {
    let soon = Utc::now() + Duration::from_secs(90);
    soon - Duration::from_secs(u64::from(soon.second()))
}

#[expect(clippy::disallowed_methods, reason = "the host's clock is that of the machine")]
fn until(moment: DateTime<Utc>) -> Duration {
    (moment - Utc::now()).to_std().unwrap_or_default()
}

/// Whether anything of a module waits or runs.
async fn is_at_work(client: &Client) -> Result<bool> {
    for kind in ["module_task", "module_job"] {
        for state in ["queued", "running"] {
            let page = client.get(&format!("/api/v1/jobs?kind={kind}&state={state}&limit=1")).await?;
            let jobs: &Vec<Value> = page["data"].as_array().context("a page of jobs")?;
            if !jobs.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[expect(clippy::cast_precision_loss, reason = "lots are far fewer than 2^52")]
fn count(lots: usize) -> f64 {
    lots as f64
}
