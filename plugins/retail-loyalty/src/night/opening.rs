//! Entries of the first version of this module become lots: it kept none.

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Query, Record, filter, json, records};

use super::Step;
use crate::carried::{Carried, each_entry};
use crate::ledger::ENTRY;
use crate::member::OBJECT;

/// How many members and entries one job does at most, about.
const MEMBERS: u32 = 100;
const ENTRIES: usize = 500;

/// Opens the lots of the next members.
pub fn open(after: Option<&str>) -> Result<Step, Fault> {
    let mut query = Query::new().sort(["id"]).limit(MEMBERS);
    if let Some(after) = after {
        query = query.filter(filter::gt("id", after));
    }
    let members = records::query(OBJECT, query)?;
    let mut changed = 0;
    for member in &members {
        changed += open_of(member.id())?;
        if changed >= ENTRIES {
            return Ok(Step::More(json!({"after": member.id()})));
        }
    }
    match members.last() {
        Some(last) if members.len() == MEMBERS as usize => Ok(Step::More(json!({"after": last.id()}))),
        _ => Ok(Step::Done),
    }
}

/// Opens those of one member, and says how many.
fn open_of(member: &str) -> Result<usize, Fault> {
    let mut orders: BTreeMap<String, Carried> = BTreeMap::new();
    let condition = filter::eq("member", member);
    each_entry(&condition, |entry: &Record| {
        orders.entry(entry.link("order").unwrap_or_default().to_owned()).or_default().add(entry);
    })?;
    let mut opened = 0;
    for carried in orders.values_mut() {
        let old: Vec<String> = carried.unopened().map(str::to_owned).collect();
        carried.complete();
        for (_, lot) in carried.lots.iter().filter(|(_, lot)| old.contains(&lot.id)) {
            let fields = Record::new().set("remaining", lot.remaining).set("state", lot.state.as_str());
            records::update(ENTRY, &lot.id, fields)?;
            opened += 1;
        }
    }
    Ok(opened)
}
