//! Birthdays: once in each calendar year of the shop, whatever becomes of the date meanwhile.

use std::collections::BTreeSet;

use guildhall_sdk::{Fault, Query, Record, filter, json, records};

use super::Step;
use crate::calendar::{Date, births_celebrated_on};
use crate::ledger::{About, ENTRY, Ledger};
use crate::member::OBJECT;
use crate::points::account::Kind;

const MEMBERS: u32 = 200;

/// Gives points to the members whose birthday is celebrated on a day.
pub fn celebrate(ledger: &mut Ledger<'_>, day: Date, after: Option<&str>) -> Result<Step, Fault> {
    let births = births_celebrated_on(day);
    let born = filter::any_of("birthday", births.iter().map(Date::to_string));
    let mut condition = vec![filter::linked("contact", born)];
    condition.extend(after.map(|after| filter::gt("id", after)));
    let query = Query::new().filter(filter::and(condition)).sort(["id"]).limit(MEMBERS);
    let found = records::query(OBJECT, query)?;
    let once = |member: &Record| format!("birthday:{}:{}", member.id(), day.year());
    let given = given(found.iter().map(once))?;
    ledger.members.read_ids(found.iter().map(Record::id))?;
    let points = ledger.settings.birthday_points;
    for member in &found {
        let once = once(member);
        let is_merged = member.link("merged_into").is_some();
        if points > 0 && !is_merged && !given.contains(&once) {
            let days = (None, ledger.settings.last_day(day)?);
            let about = About { once: Some(once), reason: Some("birthday"), days, ..About::default() };
            ledger.credit(member.id(), Kind::Bonus, points, &about)?;
        }
    }
    match found.last() {
        Some(last) if found.len() == MEMBERS as usize => {
            Ok(Step::More(json!({"day": day.to_string(), "after": last.id()})))
        }
        _ => Ok(Step::Done),
    }
}

/// Which of these have been given before.
fn given(once: impl Iterator<Item = String>) -> Result<BTreeSet<String>, Fault> {
    let keys: Vec<String> = once.collect();
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let entries = records::query(ENTRY, Query::new().filter(filter::any_of("once", keys)).limit(Query::MOST))?;
    Ok(entries.iter().filter_map(|entry| entry.text("once").map(str::to_owned)).collect())
}
