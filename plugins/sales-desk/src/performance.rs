//! What sellers, teams or everybody won, beside their targets.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_sdk::{Decimal, Fault, Value, filter, json, minor_digits, records};
use sales_rules::day::Period;
use sales_rules::forecast::Forecast;
use sales_rules::{exact, target};

use crate::ask::{self, Periods};
use crate::forecast;

pub fn run(input: &Value) -> Result<Value, Fault> {
    let name = ask::text(input, "period").unwrap_or("month");
    let kind = Period::named(name).unwrap_or(Period::Month);
    let first = ask::day(input, "starts_on")?;
    if first.start_of(kind) != first {
        let message = format!("`starts_on` is the first day of a {name}.");
        return Err(Fault::new("invalid_period", message).with_detail("field", "starts_on"));
    }
    let scope = ask::text(input, "scope").unwrap_or("seller");
    let by = match scope {
        "seller" => Some("owner"),
        "team" => Some("team"),
        _ => None,
    };
    let targets = targets(name, &first.to_string(), scope, by)?;
    let forecasts = forecast::added_up(Periods::one(kind, first), &json!({}), by)?;
    let results: BTreeMap<(String, String), &Forecast> =
        forecasts.iter().map(|((_, whose, currency), one)| ((whose.clone(), currency.clone()), one)).collect();
    let keys: BTreeSet<_> = targets.keys().chain(results.keys()).cloned().collect();
    let nothing = Forecast::default();
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let result = results.get(&key).copied().unwrap_or(&nothing);
        let mut row = row(&key.1, result, targets.get(&key).copied())?;
        if let Some(by) = by {
            row[by] = if key.0.is_empty() { Value::Null } else { json!(key.0) };
        }
        rows.push(row);
    }
    Ok(json!({"rows": rows}))
}

/// The targets of a period, by whose they are and by currency.
fn targets(
    period: &str,
    starts_on: &str,
    scope: &str,
    by: Option<&str>,
) -> Result<BTreeMap<(String, String), Decimal>, Fault> {
    let of_period = [filter::eq("period", period), filter::eq("starts_on", starts_on), filter::eq("scope", scope)];
    let found = records::all("sales.target", Some(&filter::and(of_period)))?;
    let read = found.iter().filter_map(|target| {
        let amount = target.money("amount")?;
        let whose = by.and_then(|by| target.link(by)).unwrap_or_default();
        Some(((whose.to_owned(), amount.currency), amount.amount))
    });
    Ok(read.collect())
}

fn row(currency: &str, result: &Forecast, target: Option<Decimal>) -> Result<Value, Fault> {
    let (won, open) = (result.won(), result.open()?);
    let written = |amount: Decimal| exact::shown(amount, minor_digits(currency));
    let missing = target.and_then(|target| target.checked_sub(won.amount)).map(|missing| missing.max(Decimal::ZERO));
    Ok(json!({
        "currency": currency,
        "won": {"deals": won.deals, "amount": written(won.amount)},
        "open": {"deals": open.deals, "amount": written(open.amount), "weighted": written(open.weighted)},
        "target": target.map(written),
        "attained": target.and_then(|target| target::attained(won.amount, target)),
        "missing": missing.map(written),
    }))
}
