//! How this module asks for records.

use std::collections::{BTreeMap, BTreeSet};

pub use b2b_rules::ask::{need, today};
pub use b2b_rules::pages::{all, with};
use guildhall_sdk::filter::Filter;
use guildhall_sdk::{Change, Fault, Query, Record, context, records};

/// The records with these ids, by their ids.
pub fn by_id(object: &str, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Record>, Fault> {
    Ok(with(object, "id", ids)?.into_iter().map(|record| (record.id().to_owned(), record)).collect())
}

/// The ids of the records that meet a condition.
pub fn ids(object: &str, condition: &Filter) -> Result<BTreeSet<String>, Fault> {
    Ok(all(object, condition)?.iter().map(|record| record.id().to_owned()).collect())
}

/// Whether any record meets a condition.
pub fn exists(object: &str, condition: Filter) -> Result<bool, Fault> {
    Ok(!records::query(object, Query::new().filter(condition).limit(1))?.is_empty())
}

/// Who acts, as histories write it.
pub fn actor() -> Result<String, Fault> {
    let actor = context::get()?.actor;
    Ok(format!("{}:{}", actor.kind, actor.id))
}

/// Whether one of these fields is another one after the change. A new record and one that goes differ in all.
pub fn differs(change: &Change, fields: &[&str]) -> bool {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => fields.iter().any(|field| before.value(field) != after.value(field)),
        _ => true,
    }
}

/// The record as it would be stored, or as it was when it goes.
pub fn latest(change: &Change) -> Result<&Record, Fault> {
    change.after.as_ref().or(change.before.as_ref()).ok_or_else(|| Fault::internal("The host sent no record."))
}

/// Whether a link leads somewhere else because the record that it led to is gone: it was merged with another one.
pub fn was_merged(change: &Change, object: &str, field: &str) -> Result<bool, Fault> {
    match change.before.as_ref().and_then(|before| before.link(field)) {
        Some(id) => Ok(records::get(object, id)?.is_none()),
        None => Ok(false),
    }
}

/// Refuses that an existing record gets another value here.
pub fn fixed(change: &Change, fields: &[&str]) -> Result<(), Fault> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
    match fields.iter().find(|field| before.value(field) != after.value(field)) {
        Some(field) => Err(Fault::new("field_fixed", format!("`{field}` stays as it was when the record was made."))
            .with_detail("field", *field)),
        None => Ok(()),
    }
}
