//! How this module reads records and inputs: what the caller may not see is not there.

pub use b2b_rules::ask::{need, today};
use b2b_rules::day::Day;
use guildhall_sdk::{Fault, Record, Value};

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

/// A day of a record.
pub fn day_of(record: &Record, field: &str) -> Option<Day> {
    record.date(field)?.parse().ok()
}
