//! Points that no order brought: gifts, points from another system, and those of a member who becomes another's part.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};

use super::input::Input;
use crate::calendar::{Date, date};
use crate::ledger::{About, Ledger};
use crate::points::account::{Kind, Line};
use crate::points::lot::Lot;
use crate::settings::Settings;
use crate::standing;

/// Gives a member points.
pub fn grant(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let member = input.member(&mut ledger)?;
    let points = input.integer("points").unwrap_or_default();
    let today = ledger.today()?;
    let last = match input.date("expires_on")? {
        Some(day) if day < today => return Err(over(day)),
        Some(day) => Some(day),
        None => settings.last_day(today)?,
    };
    let about =
        About { operation: Some(input.key()), reason: input.text("reason"), days: (None, last), ..About::default() };
    ledger.credit(&member, Kind::Bonus, points, &about)?;
    ledger.save()?;
    let totals = ledger.totals(&member)?;
    Ok(json!({"member": member, "points": points, "balance": totals.points, "active": totals.active()}))
}

fn over(day: Date) -> Fault {
    Fault::invalid(format!("{day} is past.")).with_detail("field", "expires_on")
}

/// Takes points over from another system: a row for each member, by the contact's external id.
pub fn import(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let rows = input.0["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let contacts = contacts(rows)?;
    ledger.members.read_contacts(contacts.iter().map(Record::id))?;
    let today = ledger.today()?;
    let mut rejected = Vec::new();
    let (mut members, mut sum) = (0, 0_i64);
    for (place, row) in rows.iter().enumerate() {
        match imported(row, &contacts, today, &settings, &mut ledger, input.key(), place) {
            Ok(points) => {
                members += 1;
                sum += points;
            }
            Err(fault) => rejected.push(json!({"row": place, "code": fault.code(), "message": fault.message()})),
        }
    }
    ledger.save()?;
    Ok(json!({"imported": members, "points": sum, "rejected": rejected}))
}

/// The contacts of some rows.
fn contacts(rows: &[Value]) -> Result<Vec<Record>, Fault> {
    let mut ids: Vec<&str> = rows.iter().filter_map(|row| row["external_id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    records::query("contact", Query::new().filter(filter::any_of("external_id", ids)).limit(Query::MOST))
}

fn imported(
    row: &Value,
    contacts: &[Record],
    today: Date,
    settings: &Settings,
    ledger: &mut Ledger<'_>,
    key: &str,
    place: usize,
) -> Result<i64, Fault> {
    let external_id = row["external_id"].as_str();
    let contact = contacts.iter().find(|contact| contact.text("external_id") == external_id);
    let unknown = || Fault::new("unknown_contact", "There is no contact with this external id.");
    let contact = contact.ok_or_else(unknown)?.id().to_owned();
    let points = row["points"].as_i64().filter(|points| (1..=MOST).contains(points));
    let points = points.ok_or_else(|| Fault::invalid("`points` is no whole number from 1 to 1000000000000."))?;
    let last = match row["expires_on"].as_str().map(date).transpose()? {
        Some(day) if day < today => return Err(over(day)),
        Some(day) => Some(day),
        None => settings.last_day(today)?,
    };
    let at = ledger.at.clone();
    let member = match ledger.members.of_contact(&contact) {
        Some(member) => member,
        None => ledger.members.enrol(&contact, crate::member::Totals::default(), &at)?,
    };
    let about = About {
        operation: Some(key),
        once: Some(format!("import:{key}:{place}")),
        days: (None, last),
        ..About::default()
    };
    ledger.credit(&member, Kind::Import, points, &about)?;
    Ok(points)
}

/// The most points that come at once.
const MOST: i64 = 1_000_000_000_000;

/// Makes one member a part of another, who gets the lots with their ends, and what is owed.
pub fn merge(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let from = input.member_named("from", &mut ledger)?;
    let into = input.member_named("into", &mut ledger)?;
    if from == into {
        return Err(Fault::new("same_member", "A member cannot become a part of itself."));
    }
    ledger.know_open(&from)?;
    let about = About { operation: Some(input.key()), ..About::default() };
    let lots: Vec<Lot> = ledger.account(&from).lots.clone();
    for lot in lots.iter().filter(|lot| lot.remaining > 0) {
        ledger.transfer(&from, &into, lot, &about)?;
    }
    let owed = ledger.account(&from).owed;
    if owed > 0 {
        ledger.apply(&from, &about, |account| {
            account.owed = 0;
            vec![Line { kind: Kind::Transfer, lot: None, points: owed }]
        })?;
        ledger.apply(&into, &about, |account| {
            account.owed += owed;
            vec![Line { kind: Kind::Transfer, lot: None, points: -owed }]
        })?;
    }
    ledger.know_open(&into)?;
    let today = ledger.today()?;
    ledger.apply(&into, &about, |account| account.settle(today))?;
    adds_up(&mut ledger, &from, &into)?;
    standing::reconsider(&mut ledger, &into, "merge")?;
    ledger.members.merge(&from, &into)?;
    ledger.save()?;
    let totals = ledger.totals(&into)?;
    Ok(json!({"member": into, "balance": totals.points, "active": totals.active()}))
}

/// What both have earned, spent and lost is the one's who is left.
fn adds_up(ledger: &mut Ledger<'_>, from: &str, into: &str) -> Result<(), Fault> {
    let settings = ledger.settings;
    let gone = std::mem::take(ledger.totals(from)?);
    let kept = ledger.totals(into)?;
    let sums = [
        (&mut kept.lifetime_earned, gone.lifetime_earned),
        (&mut kept.spent, gone.spent),
        (&mut kept.expired, gone.expired),
        (&mut kept.purchases, gone.purchases),
        (&mut kept.refunds, gone.refunds),
    ];
    for (sum, more) in sums {
        *sum = sum.saturating_add(more);
    }
    standing::qualify(kept, gone.qualifying, gone.qualifying_year, settings);
    standing::qualify(kept, gone.qualifying_before, gone.qualifying_year - 1, settings);
    // The tier of who is gone ends without an event of its own: the member is no more.
    let totals = ledger.totals(from)?;
    (totals.tier, totals.tier_until) = (gone.tier, gone.tier_until);
    Ok(())
}
