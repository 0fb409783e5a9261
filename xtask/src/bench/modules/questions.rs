//! Questions over much: the critical path of a large project, the forecast over many deals.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Site, create};
use crate::bench::records::client::Client;
use crate::bench::spread::Spread;

/// How often each is asked; the first time warms up.
const TIMES: usize = 8;
/// Days on which deals are to be closed.
const DAYS: usize = 360;

/// How long a question takes.
#[derive(Serialize)]
pub struct Question {
    what: String,
    ms: Spread,
    /// CPU of a call of the module.
    cpu_ms: f64,
    /// What it may take.
    most_cpu_ms: f64,
}

pub fn print(questions: &[Question]) {
    if questions.is_empty() {
        return;
    }
    println!("\n| what | ms | CPU of the module, ms | it may take |\n|---|---|---|---|");
    for Question { what, ms, cpu_ms, most_cpu_ms } in questions {
        let reached = if cpu_ms <= most_cpu_ms { "✓" } else { "✗" };
        println!("| {what} | {ms:.0} | {cpu_ms:.0} | {most_cpu_ms:.0} {reached} |");
    }
}

/// The critical path of stored tasks, each of which waits for the two before it, in all four ways.
pub async fn schedule(site: &Site<'_>, tasks: usize) -> Result<Question> {
    let desk = "guildhall.b2b-desk";
    let modules = ["guildhall.sales", "guildhall.b2b-projects", desk];
    let client = site.client(&site.tenant("projects", &modules).await?.key);
    let company = client.post("/api/v1/records/company", &json!({"name": "Acme"})).await?;
    let engagement = json!({"name": "Works", "company": company["id"], "starts_on": "2026-01-05"});
    let engagement = client.post("/api/v1/records/b2b.engagement", &engagement).await?["id"].clone();
    let ids = create(
        &client,
        "b2b.task",
        tasks,
        |at| json!({"engagement": engagement, "name": format!("Task {at}"), "duration_days": at % 5 + 1}),
    )
    .await?;
    let ties: Vec<Value> = (2..ids.len())
        .flat_map(|at| {
            let tie = |before: usize, kind: &str, lag: u8| {
                json!({"engagement": engagement, "predecessor": ids[before], "successor": ids[at], "kind": kind, "lag_days": lag})
            };
            [tie(at - 1, ["fs", "ss", "ff", "sf"][at % 4], 1), tie(at - 2, "fs", 0)]
        })
        .collect();
    create(&client, "b2b.dependency", ties.len(), |at| ties[at].clone()).await?;
    let what = format!("critical path of {tasks} tasks, {} dependencies", ties.len());
    asked(&client, what, desk, "schedule", &json!({"engagement": engagement}), |answer| {
        ensure!(answer["rows"].as_array().is_some_and(|rows| rows.len() == tasks), "a schedule without all tasks");
        Ok(())
    })
    .await
}

/// The forecast of a year over open deals.
pub async fn forecast(site: &Site<'_>, deals: usize) -> Result<Question> {
    let desk = "guildhall.sales-desk";
    let client = site.client(&site.tenant("sellers", &["guildhall.sales", desk]).await?.key);
    let began = Instant::now();
    create(&client, "sales.deal", deals, |at| {
        let day = chrono::NaiveDate::from_yo_opt(2027, u32::try_from(at % DAYS).unwrap_or_default() + 1);
        json!({
            "name": format!("Deal {at}"), "amount": {"amount": format!("{}.00", at % 900 + 100), "currency": "EUR"},
            "close_date": day,
        })
    })
    .await?;
    println!("{deals} deals in {:.0} s", began.elapsed().as_secs_f64());
    let input = json!({"from": "2027-01-01", "periods": 12});
    asked(&client, format!("forecast over {deals} deals, 12 months"), desk, "forecast", &input, |answer| {
        let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let counted: u64 = rows.iter().filter_map(|row| row["open"]["deals"].as_u64()).sum();
        ensure!(counted == deals as u64, "a forecast of {counted} deals: {answer}");
        Ok(())
    })
    .await
}

async fn asked(
    client: &Client,
    what: String,
    module: &str,
    action: &str,
    input: &Value,
    check: impl Fn(&Value) -> Result<()>,
) -> Result<Question> {
    let mut times = Vec::new();
    for time in 0..TIMES {
        let began = Instant::now();
        let answer = client.post(&format!("/api/v1/modules/{module}/actions/{action}"), input).await?;
        if time > 0 {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        check(&answer["result"])?;
    }
    let usage = client.get(&format!("/api/v1/modules/{module}/usage")).await?;
    let rows = usage["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |name: &str| {
        rows.iter().filter(|row| row["extension_point"] == "action").filter_map(|row| row[name].as_f64()).sum::<f64>()
    };
    Ok(Question {
        what,
        ms: Spread::of(times).context("nothing was asked")?,
        cpu_ms: sum("cpu_us") / sum("calls").max(1.0) / 1e3,
        most_cpu_ms: 2_000.0,
    })
}
