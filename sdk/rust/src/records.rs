//! Records of the tenant, read and written inside the unit of work of the call.
//!
//! All writes commit together with the change that caused the call, or not at
//! all. A read sees the writes of its own call. What may be read and written
//! stands in the manifest; anything else fails with `permission_denied`.
//!
//! ```no_run
//! use guildhall_sdk::{Fault, Query, Record, filter, records};
//!
//! fn enrol(contact: &str) -> Result<Record, Fault> {
//!     let query = Query::new().filter(filter::eq("contact", contact)).limit(1);
//!     match records::query("loyalty.member", query)?.pop() {
//!         Some(member) => Ok(member),
//!         None => records::create("loyalty.member", Record::new().set("contact", contact)),
//!     }
//! }
//! ```

use crate::bindings::imports::guildhall::data::records;
use crate::filter::{self, Filter};
use crate::{Fault, Query, Record};

/// The record with this id, if there is one.
pub fn get(object: &str, id: &str) -> Result<Option<Record>, Fault> {
    records::get(object, id)?.as_deref().map(Record::from_json).transpose()
}

/// The records that a query finds.
pub fn query(object: &str, query: Query) -> Result<Vec<Record>, Fault> {
    records::query(object, &query.into_json())?.iter().map(|record| Record::from_json(record)).collect()
}

/// Shows each record that meets a condition, and each one there is without one, in the order of their ids; page by
/// page, as one query answers [`Query::MOST`] at most.
pub fn each(object: &str, condition: Option<&Filter>, mut show: impl FnMut(&Record)) -> Result<(), Fault> {
    let mut last: Option<Record> = None;
    loop {
        let mut found = page(object, condition, last.as_ref())?;
        found.iter().for_each(&mut show);
        if found.len() < Query::MOST as usize {
            return Ok(());
        }
        last = found.pop();
    }
}

/// All records that meet a condition, or all there are without one, in the order of their ids. They are in memory
/// together: [`each`] needs no more than a page.
pub fn all(object: &str, condition: Option<&Filter>) -> Result<Vec<Record>, Fault> {
    let mut all = Vec::new();
    loop {
        let found = page(object, condition, all.last())?;
        let is_last = found.len() < Query::MOST as usize;
        all.extend(found);
        if is_last {
            return Ok(all);
        }
    }
}

/// The page behind a record, or the first one.
fn page(object: &str, condition: Option<&Filter>, last: Option<&Record>) -> Result<Vec<Record>, Fault> {
    let asked = Query::new().sort(["id"]).limit(Query::MOST);
    let wanted = match (condition.cloned(), last.map(|last| filter::gt("id", last.id()))) {
        (Some(condition), Some(further)) => Some(filter::and([condition, further])),
        (condition, further) => condition.or(further),
    };
    query(object, if let Some(wanted) = wanted { asked.filter(wanted) } else { asked })
}

/// Adds a record and returns it as it will be stored.
pub fn create(object: &str, fields: Record) -> Result<Record, Fault> {
    Record::from_json(&records::create(object, &fields.into_json())?)
}

/// Changes the given fields of a record and returns it as it will be stored.
pub fn update(object: &str, id: &str, fields: Record) -> Result<Record, Fault> {
    Record::from_json(&records::update(object, id, &fields.into_json())?)
}

/// Deletes a record.
pub fn delete(object: &str, id: &str) -> Result<(), Fault> {
    Ok(records::delete(object, id)?)
}

/// Figures over the records that a filter finds: the question and the answer of `POST /records/{object}/aggregate`.
/// It sees what is stored, not what this call has staged. With `"as_caller": true` in it, [as far as who asks may see
/// it](Query::as_caller).
pub fn aggregate(object: &str, question: &serde_json::Value) -> Result<serde_json::Value, Fault> {
    let answer = records::aggregate(object, &question.to_string())?;
    serde_json::from_str(&answer).map_err(|error| Fault::internal(format!("The host answered no JSON: {error}")))
}
