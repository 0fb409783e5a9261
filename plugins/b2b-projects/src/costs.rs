//! Costs: not below zero, and in the currency of the budget that they are held against.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_sdk::{Change, Fault, Outcome, Record};

use crate::engagements::{self, ENGAGEMENT};
use crate::{guards, store};

/// Judges changes of costs. Each new amount counts up its engagement, whose budget stays in this currency then.
pub fn judge(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let is_concerned = |change: &&Change| store::differs(change, &["engagement", "amount"]);
    let costs = changes.iter().filter(is_concerned).filter_map(|change| change.after.as_ref());
    let ids: BTreeSet<&str> = costs.filter_map(|cost| cost.link("engagement")).collect();
    let engagements = store::by_id(ENGAGEMENT, &ids)?;
    let judge = |change: &Change| match &change.after {
        Some(cost) if is_concerned(&change) => check(cost, &engagements).err().map_or(Outcome::Accept, Outcome::Refuse),
        _ => Outcome::Accept,
    };
    let outcomes: Vec<Outcome> = changes.iter().map(judge).collect();
    if outcomes.iter().all(|outcome| *outcome == Outcome::Accept) {
        guards::count_up(ENGAGEMENT, &engagements)?;
    }
    Ok(outcomes)
}

fn check(cost: &Record, engagements: &BTreeMap<String, Record>) -> Result<(), Fault> {
    let Some(amount) = cost.money("amount") else { return Ok(()) };
    if amount.amount.is_negative() {
        return Err(Fault::new("amount_out_of_range", format!("{amount} is less than nothing.")));
    }
    match cost.link("engagement").and_then(|id| engagements.get(id)) {
        Some(engagement) => engagements::in_its_currency(engagement, &amount, "amount"),
        None => Ok(()),
    }
}
