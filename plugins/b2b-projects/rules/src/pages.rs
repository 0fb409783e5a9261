//! More records than one query answers, page by page.

use std::collections::BTreeSet;

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Query, Record, records};

/// All records that meet a condition, in the order of their ids.
pub fn all(object: &str, condition: &Filter) -> Result<Vec<Record>, Fault> {
    records::all(object, Some(condition))
}

/// The records whose field has one of these values.
pub fn with(object: &str, field: &str, values: &BTreeSet<&str>) -> Result<Vec<Record>, Fault> {
    let values: Vec<&str> = values.iter().copied().collect();
    let mut found = Vec::new();
    for values in values.chunks(Query::MOST as usize) {
        found.extend(all(object, &filter::any_of(field, values.iter().copied()))?);
    }
    Ok(found)
}
