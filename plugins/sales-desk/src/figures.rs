//! Figures that the host adds up, over what the caller may see.

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Record, Value, json, records};
use sales_rules::day::{Day, Period};
use sales_rules::forecast::Figure;

/// The rows of an answer of the host.
pub fn rows(object: &str, question: &Value) -> Result<Vec<Record>, Fault> {
    let answer = records::aggregate(object, question).map_err(|fault| {
        let is_too_many =
            fault.details().get("errors").is_some_and(|errors| errors.to_string().contains("too_many_groups"));
        if is_too_many {
            Fault::new("too_many_groups", "That is more than 1,000 groups: ask for less at once.")
        } else {
            fault
        }
    })?;
    let rows = answer["data"].as_array().into_iter().flatten();
    Ok(rows.filter_map(|row| row.as_object().cloned()).map(Record::from).collect())
}

/// What is asked of deals: how many they are, and what they are worth.
pub fn deals(condition: Filter, group_by: &[Value]) -> Result<Vec<Record>, Fault> {
    rows("sales.deal", &Figure::question(&Value::from(condition), group_by))
}

/// Groups of a moment by the periods of the tenant's place.
pub fn bucket(field: &str, kind: Period) -> Value {
    let name = match kind {
        Period::Month => "month",
        Period::Quarter => "quarter",
        Period::Year => "year",
    };
    json!({"field": field, "bucket": name, "as": "period"})
}

/// Holds of moments on these days, wherever that is: a day more on both sides. The period tells what is meant.
pub fn around(field: &str, first: Day, last: Day) -> Filter {
    filter::and([filter::gte(field, first.plus_days(-1).to_string()), filter::lt(field, last.plus_days(2).to_string())])
}
