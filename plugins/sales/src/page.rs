//! More about records than one query answers.

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Query, Record, records};

/// The most values of a list in one query.
const VALUES: usize = 200;

/// All records with one of these values in a field.
pub fn with_any(object: &str, field: &str, mut values: Vec<&str>) -> Result<Vec<Record>, Fault> {
    values.sort_unstable();
    values.dedup();
    let mut found = Vec::new();
    for values in values.chunks(VALUES) {
        found.extend(records::all(object, Some(&filter::any_of(field, values.iter().copied())))?);
    }
    Ok(found)
}

/// Whether any record meets the condition.
pub fn any(object: &str, condition: Filter) -> Result<bool, Fault> {
    Ok(!records::query(object, Query::new().filter(condition).limit(1))?.is_empty())
}
