//! Orders and their lines, before they are stored.

use std::collections::BTreeSet;

use guildhall_sdk::{Change, Fault, Outcome, log, records};

use crate::ledger::Ledger;
use crate::order::{self, Claim};
use crate::settings::Settings;
use crate::settle::settle;

/// Lets every change pass whose points can be told, and writes them.
pub fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let concerning = |change: &&Change| change.object != "order" || order::concerns(change);
    if !changes.iter().any(|change| concerning(&change)) {
        return Ok(changes.iter().map(|_| Outcome::Accept).collect());
    }
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let mut outcomes = Vec::with_capacity(changes.len());
    let mut claims: Vec<Claim> = Vec::new();
    let looks_at_sets = settings.looks_at_lines() || settings.campaigns;
    if looks_at_sets {
        // Members are what holds the points of an order together: they are read before its lines, so that who has seen
        // lines from before runs again.
        let orders =
            changes.iter().filter(|change| change.object == "order").filter_map(|change| change.after.as_ref());
        ledger.members.read_contacts(orders.filter_map(|order| order.link("contact")))?;
    }
    for change in changes {
        outcomes.push(match claim(change, &settings, &ledger) {
            Ok(claim) => {
                claims.extend(claim);
                Outcome::Accept
            }
            Err(fault) => Outcome::Refuse(fault),
        });
    }
    let orders = if looks_at_sets { orders_of_lines(changes, &claims) } else { BTreeSet::new() };
    for order in orders {
        if let Some(record) = records::get("order", &order)? {
            ledger.members.read_contacts(record.link("contact").into_iter())?;
            claims.push(Claim::of_order(&record, &settings, |moment| ledger.day(moment))?);
        }
    }
    settle(&claims, &mut ledger)?;
    ledger.save()?;
    Ok(outcomes)
}

/// What the changed order ought to carry; none when the change does not matter.
fn claim(change: &Change, settings: &Settings, ledger: &Ledger<'_>) -> Result<Option<Claim>, Fault> {
    if change.object != "order" || !order::concerns(change) {
        return Ok(None);
    }
    if let Some(currency) = change.after.as_ref().and_then(|order| order::foreign_currency(order, settings)) {
        log::info(
            &format!("order {} in {currency} earns no points", change.id),
            &[("order", &change.id), ("currency", &currency)],
        );
    }
    Claim::of_change(change, settings, |moment| ledger.day(moment)).map(Some)
}

/// The orders whose lines change: those that are not judged for themselves already.
fn orders_of_lines(changes: &[Change], claims: &[Claim]) -> BTreeSet<String> {
    let lines = changes.iter().filter(|change| change.object == "order_line");
    let orders = lines.flat_map(|line| [&line.before, &line.after].into_iter().flatten());
    let orders = orders.filter_map(|line| line.link("order").map(str::to_owned));
    orders.filter(|order| claims.iter().all(|claim| claim.order != *order)).collect()
}
