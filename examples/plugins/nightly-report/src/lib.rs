//! Adds up each night what was ordered on each of the last days, on the calendar of the tenant.

use guildhall_sdk::{
    Decimal, Fault, Money, Query, Record, Scheduled, TypedRecord, config, filter, json, records, register,
};
use serde::Deserialize;

struct NightlyReport;

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { days: 7 }
    }
}

/// What was ordered on a day in one currency: as it is kept, and as the host adds it up.
#[derive(Record)]
#[record(object = "report.day")]
struct Day {
    id: Option<String>,
    date: String,
    currency: Option<String>,
    orders: i64,
    total: Money,
}

impl Scheduled for NightlyReport {
    fn run_task(name: &str, _due: &str) -> Result<(), Fault> {
        if name != "report" {
            return Err(Fault::internal(format!("There is no task {name}.")));
        }
        // The host knows where midnight is in the tenant's time zone.
        let from = format!("$start_of(day,-{})", config::get::<Settings>()?.days);
        let mut kept = Day::query().filter(filter::gte("date", from.as_str())).limit(Query::MOST).all()?;
        for day in added_up(&from)? {
            match kept.iter().position(|kept| kept.is_of(&day)) {
                Some(place) => kept.swap_remove(place).becomes(&day)?,
                None => drop(day.create()?),
            }
        }
        // Of these, all orders have been cancelled since, or moved to another day.
        kept.into_iter().try_for_each(|kept| {
            let nothing = kept.without_orders();
            kept.becomes(&nothing)
        })
    }
}

/// What was ordered on the days from one on, up to yesterday.
fn added_up(from: &str) -> Result<Vec<Day>, Fault> {
    let answer = records::aggregate(
        "order",
        &json!({
            "filter": {"_and": [
                {"placed_at": {"_gte": from, "_lt": "$today"}},
                {"status": {"_nin": ["draft", "cancelled"]}},
            ]},
            "group_by": [{"field": "placed_at", "bucket": "day", "as": "date"}],
            "measures": [{"fn": "count", "as": "orders"}, {"fn": "sum", "field": "total", "as": "total"}],
            "limit": 1000,
        }),
    )?;
    let rows = answer["data"].as_array().into_iter().flatten().filter_map(|row| row.as_object().cloned());
    rows.map(|row| Day::from_record(&Record::from(row)).map(Day::with_currency)).collect()
}

impl Day {
    fn with_currency(self) -> Self {
        Self { currency: Some(self.total.currency.clone()), ..self }
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.date, &self.currency) == (&other.date, &other.currency)
    }

    fn without_orders(&self) -> Self {
        let total = Money { amount: Decimal::ZERO, ..self.total.clone() };
        Self { id: None, date: self.date.clone(), currency: self.currency.clone(), orders: 0, total }
    }

    /// Writes what has changed of a day that is kept.
    fn becomes(self, now: &Self) -> Result<(), Fault> {
        if let Some(id) = self.id.filter(|_| (self.orders, &self.total) != (now.orders, &now.total)) {
            now.update(&id)?;
        }
        Ok(())
    }
}

register!(NightlyReport: Scheduled);
