//! How this module reads records and inputs: what the caller may not see is not there.

use b2b_rules::day::Day;
use guildhall_sdk::{Fault, Record, Value, clock, records};

/// The record with this id, which has to be there for the caller.
pub fn need(object: &str, id: &str) -> Result<Record, Fault> {
    records::get(object, id)?
        .ok_or_else(|| Fault::new("not_found", format!("There is no {object} {id}.")).with_detail("id", id))
}

/// A text of an input.
pub fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name)?.as_str()
}

/// A day of an input.
pub fn day(input: &Value, name: &str) -> Result<Option<Day>, Fault> {
    let Some(text) = text(input, name) else { return Ok(None) };
    let wrong = |_| Fault::invalid(format!("{text} is no day.")).with_detail("field", name);
    text.parse().map(Some).map_err(wrong)
}

/// The day in UTC.
pub fn today() -> Result<Day, Fault> {
    Day::of_moment(&clock::now()).map_err(|_| Fault::internal("The host's clock shows no day."))
}

/// A day of a record.
pub fn day_of(record: &Record, field: &str) -> Option<Day> {
    record.date(field)?.parse().ok()
}
