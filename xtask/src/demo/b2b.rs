//! A seller of projects: deals, a contract with its payment plan, the work and what it costs, by sales and B2B projects.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use chrono::{Days, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Api, Created};
use crate::workspace;

/// The sample, in `examples/data`.
const FILE: &str = "b2b.json";
const CONTRACT: &str = "DEMO-1";
/// Paid in part by the last step: when that is there, so is everything.
const INVOICE: &str = "2027-0001";

/// One record of the sample, or a change of one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// What others call it by.
    #[serde(rename = "as")]
    name: String,
    object: String,
    /// The record that changes.
    change: Option<String>,
    fields: Map<String, Value>,
}

/// Makes the sample, and shows the pipeline, the plan of the work and where the money stands.
pub async fn run(api: &Api) -> Result<()> {
    let filter = json!({"invoice": {"number": {"_eq": INVOICE}}}).to_string();
    if api.page("b2b.receipt_match", &[("filter", &filter)]).await?.0.is_empty() {
        make(api).await?;
    } else {
        println!("The sample is there already.");
    }
    let filter = json!({"number": {"_eq": CONTRACT}}).to_string();
    let (found, _) = api.page("b2b.contract", &[("filter", &filter)]).await?;
    let contract = found.first().with_context(|| format!("contract {CONTRACT} is not there"))?;
    let engagement = shown(&contract["engagement"]);
    print_forecast(api).await?;
    print_schedule(api, &engagement).await?;
    print_value(api, &engagement).await?;
    print_plan(api).await
}

async fn make(api: &Api) -> Result<()> {
    let path = workspace::root().join("examples/data").join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let steps: Vec<Step> = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let today = today();
    let mut ids = BTreeMap::new();
    for step in &steps {
        let fields = step.fields.iter().map(|(name, value)| Ok((name.clone(), filled(value, &ids, today)?)));
        let fields = Value::Object(fields.collect::<Result<_>>()?);
        let key = format!("demo-b2b-{}", step.name);
        if let Some(of) = &step.change {
            let id = filled(&json!(of), &ids, today)?;
            api.change(&step.object, id.as_str().unwrap_or_default(), &key, &fields).await?;
            continue;
        }
        let (Created::New(made) | Created::Before(made)) = api.create(&step.object, &key, &fields).await? else {
            bail!("{} {fields} is there already, and the rest of the sample is not", step.object);
        };
        ids.insert(step.name.clone(), made["id"].clone());
    }
    println!("{} records and changes of the sample", steps.len());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "what is shown is of the day on which it is shown")]
fn today() -> NaiveDate {
    Utc::now().date_naive()
}

/// A value with ids for `@names`, and days for `today+20`.
fn filled(value: &Value, ids: &BTreeMap<String, Value>, today: NaiveDate) -> Result<Value> {
    match value {
        Value::Array(values) => values.iter().map(|value| filled(value, ids, today)).collect(),
        Value::String(text) => {
            if let Some(name) = text.strip_prefix('@') {
                return ids.get(name).cloned().with_context(|| format!("nothing is called `{name}` before"));
            }
            let Some(days) = text.strip_prefix("today") else { return Ok(value.clone()) };
            let days: i64 = days.parse().with_context(|| format!("`{text}` is no day"))?;
            let by = Days::new(days.unsigned_abs());
            let day = if days < 0 { today.checked_sub_days(by) } else { today.checked_add_days(by) };
            Ok(json!(day.context("a day out of reach")?))
        }
        other => Ok(other.clone()),
    }
}

async fn print_forecast(api: &Api) -> Result<()> {
    let from = today().format("%Y-%m-01").to_string();
    let answer = api.act("guildhall.sales-desk", "forecast", &json!({"from": from, "periods": 3})).await?;
    println!("\nForecast of three months");
    println!("  {:<10} {:>14} {:>14} {:>14}", "month", "open", "weighted", "won");
    for row in answer["rows"].as_array().into_iter().flatten() {
        let figure = |value: &Value| format!("{} {}", shown(value), shown(&row["currency"]));
        let [open, weighted, won] =
            [&row["open"]["amount"], &row["open"]["weighted"], &row["won"]["amount"]].map(figure);
        println!("  {:<10} {open:>14} {weighted:>14} {won:>14}", shown(&row["period"]));
    }
    Ok(())
}

async fn print_schedule(api: &Api, engagement: &str) -> Result<()> {
    let mut names = BTreeMap::new();
    let filter = json!({"engagement": {"_eq": engagement}}).to_string();
    api.visit("b2b.task", &[("filter", &filter)], |task| {
        names.insert(shown(&task["id"]), shown(&task["name"]));
        Ok(())
    })
    .await?;
    let answer = api.act("guildhall.b2b-desk", "schedule", &json!({"engagement": engagement})).await?;
    println!("\nSchedule, {} working days, done on {}", answer["duration_days"], shown(&answer["finishes_on"]));
    println!("  {:<24} {:<10}  {:<10} {:>6}", "task", "from", "to", "slack");
    for row in answer["rows"].as_array().into_iter().flatten() {
        let [id, from, to, slack] = [0, 1, 2, 7].map(|at| shown(&row[at]));
        let name = names.get(&id).unwrap_or(&id);
        println!("  {name:<24} {from:<10}  {to:<10} {slack:>6}{}", if slack == "0" { "  critical" } else { "" });
    }
    Ok(())
}

async fn print_value(api: &Api, engagement: &str) -> Result<()> {
    let answer = api.act("guildhall.b2b-desk", "earned_value", &json!({"engagement": engagement})).await?;
    let amount = |name: &str| shown(&answer[name]["amount"]);
    println!("\nEarned value: planned {}, earned {}, spent {}", amount("pv"), amount("ev"), amount("ac"));
    println!("  CPI {}, SPI {}", shown(&answer["cpi"]), shown(&answer["spi"]));
    Ok(())
}

async fn print_plan(api: &Api) -> Result<()> {
    let filter = json!({"contract": {"number": {"_eq": CONTRACT}}}).to_string();
    println!("\nPayment plan of contract {CONTRACT}");
    println!("  {:<18} {:<10} {:>12} {:>12} {:>12}  status", "part", "trigger", "amount", "invoiced", "received");
    api.visit("b2b.plan_line", &[("filter", &filter), ("sort", "position")], |line| {
        let [name, trigger, status] = ["name", "trigger", "status"].map(|field| shown(&line[field]));
        let [amount, invoiced, received] =
            ["amount", "invoiced", "received"].map(|field| shown(&line[field]["amount"]));
        println!("  {name:<18} {trigger:<10} {amount:>12} {invoiced:>12} {received:>12}  {status}");
        Ok(())
    })
    .await
    .map(drop)
}

/// A value as people read it; nothing, when there is none.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_days_are_filled_in() {
        let today = NaiveDate::from_ymd_opt(2027, 3, 1).unwrap();
        let ids = BTreeMap::from([("deal".to_owned(), json!("0192"))]);
        let filled = |value: Value| filled(&value, &ids, today);
        assert_eq!(filled(json!(["@deal"])).unwrap(), json!(["0192"]));
        assert_eq!(filled(json!("today-1")).unwrap(), json!("2027-02-28"));
        assert_eq!(filled(json!("today+31")).unwrap(), json!("2027-04-01"));
        assert_eq!(filled(json!({"amount": "@deal"})).unwrap(), json!({"amount": "@deal"}));
        assert!(filled(json!("@other")).is_err() && filled(json!("today?")).is_err());
    }
}
