//! All records that a filter finds, page by page.

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Query, Record, records};

/// The most values of a list in one query.
const VALUES: usize = 200;

/// All records that meet the condition, in the order of their ids.
pub fn all(object: &str, condition: Option<&Filter>) -> Result<Vec<Record>, Fault> {
    let mut found: Vec<Record> = Vec::new();
    loop {
        let further = found.last().map(|last| filter::gt("id", last.id()));
        let condition = filter::and(condition.cloned().into_iter().chain(further));
        let page = records::query(object, Query::new().filter(condition).sort(["id"]).limit(Query::MOST))?;
        let is_last = page.len() < Query::MOST as usize;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// All records with one of these values in a field.
pub fn with_any(object: &str, field: &str, mut values: Vec<&str>) -> Result<Vec<Record>, Fault> {
    values.sort_unstable();
    values.dedup();
    let mut found = Vec::new();
    for values in values.chunks(VALUES) {
        found.extend(all(object, Some(&filter::any_of(field, values.iter().copied())))?);
    }
    Ok(found)
}

/// Whether any record meets the condition.
pub fn any(object: &str, condition: Filter) -> Result<bool, Fault> {
    Ok(!records::query(object, Query::new().filter(condition).limit(1))?.is_empty())
}
