//! What is read of an input, and of what is stored.

use guildhall_sdk::{Fault, Record, Value, clock, records};
use sales_rules::day::{Day, Period};
use sales_rules::moment::Moment;

/// A text of the input, when it has it.
pub fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input[name].as_str()
}

/// A text that the schema demands.
pub fn required<'a>(input: &'a Value, name: &str) -> Result<&'a str, Fault> {
    text(input, name).ok_or_else(|| Fault::invalid(format!("`{name}` is missing.")).with_detail("field", name))
}

/// A day of the calendar.
pub fn day(input: &Value, name: &str) -> Result<Day, Fault> {
    let day = required(input, name)?.parse::<Day>();
    day.map_err(|_| Fault::new("invalid_date", format!("`{name}` is no day.")).with_detail("field", name))
}

/// A record that the caller may read. One that is not there, and one out of reach, are the same.
pub fn record(object: &str, id: &str) -> Result<Record, Fault> {
    let missing = || Fault::new("not_found", format!("There is no {object} {id}.")).with_detail("object", object);
    records::get(object, id)?.ok_or_else(missing)
}

/// When the call is made.
pub fn now() -> Result<Moment, Fault> {
    clock::now().parse().map_err(|_| Fault::internal("The host's clock is none."))
}

/// Periods in a row.
#[derive(Debug, Clone, Copy)]
pub struct Periods {
    pub kind: Period,
    first: Day,
    count: i64,
}

impl Periods {
    /// `period`, `from` and `periods` of the input; `from` has to be the first day of a period.
    pub fn read(input: &Value) -> Result<Self, Fault> {
        let name = text(input, "period").unwrap_or("month");
        let kind = Period::named(name).unwrap_or(Period::Month);
        let first = day(input, "from")?;
        if first.start_of(kind) != first {
            let message = format!("`from` is the first day of a {name}.");
            return Err(Fault::new("invalid_period", message).with_detail("field", "from"));
        }
        let count = input["periods"].as_i64().unwrap_or(3);
        Ok(Self { kind, first, count })
    }

    /// One period alone.
    pub fn one(kind: Period, first: Day) -> Self {
        Self { kind, first, count: 1 }
    }

    /// The first days of all periods.
    pub fn starts(self) -> impl Iterator<Item = Day> {
        (0..self.count).map(move |number| self.first.start_after(self.kind, number))
    }

    /// The last day of all.
    pub fn last_day(self) -> Day {
        self.first.start_after(self.kind, self.count).plus_days(-1)
    }
}
