//! The forecast: what is open and what was won, by period, by whose it is, and by currency.

use std::collections::BTreeMap;

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Query, Record, Value, json, minor_digits, records};
use sales_rules::exact;
use sales_rules::forecast::{Figure, Forecast, Forecasts};
use sales_rules::rate::Rates;

use crate::ask::{self, Periods};
use crate::figures;

/// The most exchange rates that are looked through.
const MOST_RATES: u32 = 500;

pub fn run(input: &Value) -> Result<Value, Fault> {
    let periods = Periods::read(input)?;
    let forecasts = added_up(periods, input, ask::text(input, "by"))?;
    let mut rows = Vec::new();
    for ((period, whose, currency), forecast) in forecasts.iter() {
        let mut row = forecast.to_json(currency)?;
        row["period"] = json!(period);
        if let Some(by) = ask::text(input, "by") {
            row[by] = if whose.is_empty() { Value::Null } else { json!(whose) };
        }
        rows.push(row);
    }
    let totals = forecasts.totals()?;
    let answered =
        totals.iter().map(|(currency, forecast)| forecast.to_json(currency)).collect::<Result<Vec<_>, _>>()?;
    let mut answer = json!({"rows": rows, "totals": answered});
    if let Some(base) = ask::text(input, "base") {
        answer["base"] = in_base(base, input, &totals)?;
    }
    Ok(answer)
}

/// The figures of all periods. Each period is asked for by itself, so that each has room for all whom it is by.
pub fn added_up(periods: Periods, input: &Value, by: Option<&str>) -> Result<Forecasts, Fault> {
    let narrowed: Vec<Filter> = ["pipeline", "owner", "team"]
        .iter()
        .filter_map(|field| Some(filter::eq(field, ask::text(input, field)?)))
        .collect();
    let mut forecasts = Forecasts::default();
    for first in periods.starts() {
        let period = Periods::one(periods.kind, first);
        let (from, to) = (first.to_string(), period.last_day().to_string());
        let open =
            [filter::eq("status", "open"), filter::gte("close_date", from.as_str()), filter::lte("close_date", to)];
        let whose = by.map(|by| json!(by));
        let groups: Vec<Value> = whose.clone().into_iter().chain([json!("forecast_category")]).collect();
        for row in figures::deals(filter::and(open.into_iter().chain(narrowed.clone())), &groups)? {
            let category = row.text("forecast_category").unwrap_or("omitted").to_owned();
            add(&mut forecasts, &row, by, &from, Some(&category))?;
        }
        let won = [filter::eq("status", "won"), figures::around("won_at", first, period.last_day())];
        let groups: Vec<Value> = whose.into_iter().chain([figures::bucket("won_at", periods.kind)]).collect();
        for row in figures::deals(filter::and(won.into_iter().chain(narrowed.clone())), &groups)? {
            if row.date("period") == Some(from.as_str()) {
                add(&mut forecasts, &row, by, &from, None)?;
            }
        }
    }
    Ok(forecasts)
}

fn add(
    forecasts: &mut Forecasts,
    row: &Record,
    by: Option<&str>,
    period: &str,
    category: Option<&str>,
) -> Result<(), Fault> {
    // Deals without an amount are in no currency: a forecast is of money.
    let (figure, Some(currency)) = Figure::read(row) else { return Ok(()) };
    let whose = by.and_then(|by| row.text(by)).unwrap_or_default().to_owned();
    forecasts.add((period.to_owned(), whose, currency), category, &figure)
}

/// All currencies together in one, by the rates of a day. Each currency is rounded once.
fn in_base(base: &str, input: &Value, totals: &BTreeMap<&str, Forecast>) -> Result<Value, Fault> {
    let on = if ask::text(input, "rates_on").is_some() { ask::day(input, "rates_on")? } else { ask::now()?.day() };
    let known = Query::new().sort(["-valid_from"]).limit(MOST_RATES);
    let rates = Rates::read(base, &records::query("sales.rate", known)?);
    let mut sums = [("open", Vec::new()), ("weighted", Vec::new()), ("won", Vec::new()), ("expected", Vec::new())];
    let mut missing = Vec::new();
    for (currency, forecast) in totals {
        let open = forecast.open()?;
        let amounts = [open.amount, open.weighted, forecast.won().amount, forecast.expected()?];
        if rates.on(currency, on).is_none() {
            missing.push(*currency);
            continue;
        }
        for ((_, sum), amount) in sums.iter_mut().zip(amounts) {
            let too_large = || Fault::new("out_of_range", "The amounts are too large to be converted.");
            sum.push(rates.convert(amount, currency, on).ok_or_else(too_large)?.amount);
        }
    }
    let mut answer = json!({"currency": base, "rates_on": on.to_string(), "missing_rates": missing});
    if missing.is_empty() {
        for (name, amounts) in sums {
            let sum = exact::sum(amounts).and_then(|sum| exact::written(sum, minor_digits(base)));
            answer[name] = json!(sum);
        }
    }
    Ok(answer)
}
