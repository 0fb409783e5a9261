//! Tiers whose last day is past.

use guildhall_sdk::{Fault, Query, filter, json, records};

use super::Step;
use crate::ledger::Ledger;
use crate::member::OBJECT;
use crate::standing;

const MEMBERS: u32 = 200;

/// Keeps the tiers of members who have earned that, and lets others fall.
pub fn end(ledger: &mut Ledger<'_>, after: Option<&str>) -> Result<Step, Fault> {
    if ledger.settings.tiers.is_empty() {
        return Ok(Step::Done);
    }
    let today = ledger.today()?;
    let over = filter::lt("tier_until", today.to_string());
    let condition = match after {
        Some(after) => filter::and([over, filter::gt("id", after)]),
        None => over,
    };
    let found = records::query(OBJECT, Query::new().filter(condition).sort(["id"]).limit(MEMBERS))?;
    ledger.members.read_ids(found.iter().map(guildhall_sdk::Record::id))?;
    for member in &found {
        standing::end_of_tier(ledger, member.id(), today)?;
    }
    match found.last() {
        Some(last) if found.len() == MEMBERS as usize => Ok(Step::More(json!({"after": last.id()}))),
        _ => Ok(Step::Done),
    }
}
