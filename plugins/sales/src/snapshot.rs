//! The daily snapshot: the forecast of each month, by pipeline, seller and currency, as it stands on the day.

use std::time::Duration;

use guildhall_sdk::{Fault, Record, Value, clock, config, filter, jobs, json, minor_digits, records};
use sales_rules::day::{Day, Period};
use sales_rules::exact;
use sales_rules::forecast::{CATEGORIES, Figure, Forecast, Forecasts};
use sales_rules::moment::Moment;

use crate::settings::Settings;
use crate::{deal, page};

/// Begins the snapshot of a day: each pipeline is a job of its own.
pub fn begin(due: &str) -> Result<(), Fault> {
    let day = day_of(due, &clock::now());
    for pipeline in records::all("sales.pipeline", None)?.iter().take(100) {
        jobs::enqueue("pipeline", &json!({"day": day.to_string(), "pipeline": pipeline.id()}), Duration::ZERO)?;
    }
    Ok(())
}

/// The day of the tenant that a task is about, which is due five minutes after midnight. A module has no time zones, so
/// half a day is added: that is right up to 12 hours ahead of UTC. When the task is late, it is the day of now.
fn day_of(due: &str, now: &str) -> Day {
    let moment = |text: &str| text.parse::<Moment>().ok();
    let now = moment(now).unwrap_or(Moment::midnight(Day::from_number(0)));
    let due = moment(due).unwrap_or(now);
    let is_late = now.seconds_since(due) > 12 * 3600;
    if is_late { now.day() } else { due.plus_seconds(12 * 3600).day() }
}

/// The months of a pipeline, each a job of its own: the one before, this one, and those ahead.
pub fn of_pipeline(input: &Value) -> Result<(), Fault> {
    let settings: Settings = config::get()?;
    let day: Day = text(input, "day")?.parse().map_err(|_| Fault::internal("There is no day."))?;
    for months in -1..=settings.snapshot_months.clamp(0, 24) {
        let month = day.start_after(Period::Month, months).to_string();
        jobs::enqueue(
            "month",
            &json!({"day": input["day"], "pipeline": input["pipeline"], "month": month}),
            Duration::ZERO,
        )?;
    }
    Ok(())
}

fn text<'a>(input: &'a Value, name: &str) -> Result<&'a str, Fault> {
    input[name].as_str().ok_or_else(|| Fault::internal(format!("The job has no {name}.")))
}

/// The snapshot of one month of a pipeline. All of it is one commit, so that a second time finds it and does nothing.
pub fn of_month(input: &Value) -> Result<(), Fault> {
    let (day, pipeline, month) = (text(input, "day")?, text(input, "pipeline")?, text(input, "month")?);
    let same = [filter::eq("taken_on", day), filter::eq("month", month), filter::eq("pipeline", pipeline)];
    if page::any("sales.snapshot", filter::and(same))? {
        return Ok(());
    }
    let forecasts = forecasts(pipeline, month)?;
    let owners = forecasts.iter().map(|((_, owner, _), _)| owner.as_str()).filter(|owner| !owner.is_empty());
    let teams = deal::teams(owners.collect())?;
    for ((_, owner, currency), forecast) in forecasts.iter() {
        let team = teams.get(owner).map(String::as_str);
        let fields = fields(forecast, currency)?
            .set("taken_on", day)
            .set("month", month)
            .set("pipeline", pipeline)
            .set("team", team)
            .set("currency", currency.as_str())
            .set("key", format!("{day}/{month}/{pipeline}/{owner}/{currency}"));
        let owned = if owner.is_empty() { fields.clone() } else { fields.clone().set("owner", owner.as_str()) };
        match records::create("sales.snapshot", owned) {
            // An owner who is gone is in the key only.
            Err(fault) if fault.code() == "validation_failed" => records::create("sales.snapshot", fields)?,
            made => made?,
        };
    }
    Ok(())
}

/// What the host adds up for one month of a pipeline, by owner and currency.
fn forecasts(pipeline: &str, month: &str) -> Result<Forecasts, Fault> {
    let first: Day = month.parse().map_err(|_| Fault::internal("There is no month."))?;
    let last = first.start_after(Period::Month, 1).plus_days(-1).to_string();
    let mut forecasts = Forecasts::default();
    let open =
        json!({"pipeline": {"_eq": pipeline}, "status": {"_eq": "open"}, "close_date": {"_between": [month, last]}});
    for row in figures(&open, &[json!("owner"), json!("forecast_category")])? {
        let category = row.text("forecast_category").unwrap_or("omitted");
        add(&mut forecasts, &row, Some(category), month)?;
    }
    // The host knows where months begin in the tenant's time zone: a day more on both sides, and what it puts there.
    let won = json!({
        "pipeline": {"_eq": pipeline},
        "status": {"_eq": "won"},
        "won_at": {
            "_gte": first.plus_days(-1).to_string(),
            "_lt": first.start_after(Period::Month, 1).plus_days(1).to_string(),
        },
    });
    let by_month = json!({"field": "won_at", "bucket": "month", "as": "month"});
    for row in figures(&won, &[json!("owner"), by_month])? {
        if row.date("month") == Some(month) {
            add(&mut forecasts, &row, None, month)?;
        }
    }
    Ok(forecasts)
}

fn figures(condition: &Value, group_by: &[Value]) -> Result<Vec<Record>, Fault> {
    let answer = records::aggregate("sales.deal", &Figure::question(condition, group_by))?;
    let rows = answer["data"].as_array().into_iter().flatten();
    Ok(rows.filter_map(|row| row.as_object().cloned()).map(Record::from).collect())
}

/// Deals without an amount are in no currency, and in no snapshot.
fn add(forecasts: &mut Forecasts, row: &Record, category: Option<&str>, month: &str) -> Result<(), Fault> {
    let (figure, Some(currency)) = Figure::read(row) else { return Ok(()) };
    let owner = row.link("owner").unwrap_or_default().to_owned();
    forecasts.add((month.to_owned(), owner, currency), category, &figure)
}

fn fields(forecast: &Forecast, currency: &str) -> Result<Record, Fault> {
    let digits = minor_digits(currency);
    let money = |amount| json!({"amount": exact::round(amount, digits), "currency": currency});
    let (open, won) = (forecast.open()?, forecast.won());
    let mut fields = Record::new()
        .set("open_deals", open.deals)
        .set("open_amount", money(open.amount))
        .set("weighted", money(open.weighted))
        .set("won_deals", won.deals)
        .set("won_amount", money(won.amount));
    for category in CATEGORIES {
        let field = if category == "pipeline" { "pipeline_amount" } else { category };
        fields = fields.set(field, money(forecast.of(category).amount));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_tenants() {
        for (due, now, day) in [
            ("2026-11-27T00:05:00.000000Z", "2026-11-27T00:05:03.000000Z", "2026-11-27"),
            // Shanghai: 00:05 of the 27th.
            ("2026-11-26T16:05:00.000000Z", "2026-11-26T16:05:03.000000Z", "2026-11-27"),
            // Los Angeles: 00:05 of the 27th.
            ("2026-11-27T08:05:00.000000Z", "2026-11-27T09:30:00.000000Z", "2026-11-27"),
            // The host was down for two days: what is found is of today.
            ("2026-11-25T00:05:00.000000Z", "2026-11-27T10:00:00.000000Z", "2026-11-27"),
        ] {
            assert_eq!(day_of(due, now).to_string(), day, "{due}");
        }
    }
}
