//! Lots whose first day has come, and lots whose last day is past.

use std::collections::BTreeMap;

use guildhall_sdk::filter::Filter;
use guildhall_sdk::{Fault, Query, filter, json, records};

use super::Step;
use crate::ledger::{About, ENTRY, Ledger};
use crate::points::lot::{Lot, State};
use crate::stored_lot;

/// How many lots one job does: each may take an entry, and a change of the lot and of its member.
const LOTS: u32 = 250;

/// Points that waited can be spent.
pub fn activate(ledger: &mut Ledger<'_>) -> Result<Step, Fault> {
    let today = ledger.today()?;
    let due = filter::lte("active_on", today.to_string());
    let (found, lots) = due_lots(State::Pending, "active_on", due)?;
    for (member, lots) in lots {
        ledger.members.read_ids(std::iter::once(member.as_str()))?;
        ledger.know(&member, lots);
        if ledger.members.get(&member).is_some() {
            ledger.apply(&member, &About::default(), |account| {
                account.activate(today);
                account.settle(today)
            })?;
        }
    }
    Ok(step(found))
}

/// Points that are too old go.
pub fn expire(ledger: &mut Ledger<'_>) -> Result<Step, Fault> {
    let today = ledger.today()?;
    let due = filter::lt("expires_on", today.to_string());
    let (found, lots) = due_lots(State::Active, "expires_on", due)?;
    let members: Vec<String> = lots.keys().cloned().collect();
    ledger.members.read_ids(members.iter().map(String::as_str))?;
    for (member, lots) in lots {
        if ledger.members.get(&member).is_none() {
            continue;
        }
        // Each lot's entry names the order that brought it, so that a later refund knows what is gone.
        for lot in lots {
            let order = lot.order.clone();
            ledger.know(&member, [lot.clone()]);
            let about = About { order: order.as_deref(), ..About::default() };
            ledger.apply(&member, &about, |account| account.expire_one(&lot.id, today))?;
        }
    }
    Ok(step(found))
}

/// The next lots of a state that are due, by member; and how many were found.
fn due_lots(state: State, sort: &str, due: Filter) -> Result<(usize, BTreeMap<String, Vec<Lot>>), Fault> {
    let condition = filter::and([filter::eq("state", state.as_str()), due]);
    let entries = records::query(ENTRY, Query::new().filter(condition).sort([sort]).limit(LOTS))?;
    let mut lots: BTreeMap<String, Vec<Lot>> = BTreeMap::new();
    for entry in &entries {
        if let (Some(member), Some(lot)) = (entry.link("member"), stored_lot::of(entry)) {
            lots.entry(member.to_owned()).or_default().push(lot);
        }
    }
    Ok((entries.len(), lots))
}

fn step(found: usize) -> Step {
    if found < LOTS as usize { Step::Done } else { Step::More(json!({})) }
}
