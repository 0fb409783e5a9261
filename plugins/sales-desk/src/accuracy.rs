//! How near a forecast came: a snapshot of a month beside what was won in it.

use std::collections::BTreeMap;

use guildhall_sdk::{Decimal, Fault, Record, Value, filter, json, minor_digits, records};
use sales_rules::day::Period;
use sales_rules::{exact, winning};

use crate::ask::{self, Periods};
use crate::forecast;

/// What a snapshot said of somebody in a currency: by probability, as committed, and at best.
#[derive(Default)]
struct Said {
    weighted: Vec<Decimal>,
    commit: Vec<Decimal>,
    best_case: Vec<Decimal>,
}

impl Said {
    fn add(&mut self, snapshot: &Record) {
        let amount = |field: &str| snapshot.money(field).map_or(Decimal::ZERO, |money| money.amount);
        let won = amount("won_amount");
        self.weighted.extend([won, amount("weighted")]);
        self.commit.extend([won, amount("commit")]);
        self.best_case.extend([won, amount("commit"), amount("best_case"), amount("upside")]);
    }
}

pub fn run(input: &Value) -> Result<Value, Fault> {
    let (month, taken_on) = (ask::day(input, "month")?, ask::day(input, "taken_on")?);
    if month.start_of(Period::Month) != month {
        return Err(Fault::new("invalid_period", "`month` is the first day of a month.").with_detail("field", "month"));
    }
    let by = ask::text(input, "by");
    let of_day = [filter::eq("taken_on", taken_on.to_string()), filter::eq("month", month.to_string())];
    let snapshots = records::all("sales.snapshot", Some(&filter::and(of_day)))?;
    if snapshots.is_empty() {
        return Err(Fault::new("no_snapshot", format!("On {taken_on}, no snapshot of {month} was taken.")));
    }
    let mut said: BTreeMap<(String, String), Said> = BTreeMap::new();
    for snapshot in &snapshots {
        let whose = by.and_then(|by| snapshot.text(by)).unwrap_or_default().to_owned();
        let currency = snapshot.text("currency").unwrap_or_default().to_owned();
        said.entry((whose, currency)).or_default().add(snapshot);
    }
    let actual = forecast::added_up(Periods::one(Period::Month, month), &json!({}), by)?;
    let won: BTreeMap<_, _> = actual
        .iter()
        .map(|((_, whose, currency), one)| ((whose.clone(), currency.clone()), one.won().amount))
        .collect();
    // What was won without having been foreseen counts, too.
    for key in won.keys() {
        said.entry(key.clone()).or_default();
    }
    let rows = said.into_iter().map(|(key, said)| row(&key, said, won.get(&key).copied(), by));
    Ok(json!({"rows": rows.collect::<Result<Vec<_>, _>>()?}))
}

fn row(key: &(String, String), said: Said, won: Option<Decimal>, by: Option<&str>) -> Result<Value, Fault> {
    let (whose, currency) = key;
    let too_large = || Fault::new("out_of_range", "The amounts are too large to be added up.");
    let won = won.unwrap_or(Decimal::ZERO);
    let written = |amount: Decimal| exact::shown(amount, minor_digits(currency));
    let mut row = json!({"currency": currency, "won": written(won)});
    for (name, amounts) in [("weighted", said.weighted), ("commit", said.commit), ("best_case", said.best_case)] {
        let forecast = exact::sum(amounts).ok_or_else(too_large)?;
        row[name] = json!({"forecast": written(forecast), "accuracy": winning::accuracy(forecast, won)});
    }
    if let Some(by) = by {
        row[by] = if whose.is_empty() { Value::Null } else { json!(whose) };
    }
    Ok(row)
}
