//! Tasks and their dependencies. Each change of them writes the engagement, too, so that of two at the same time one
//! runs again and sees the other.

mod dependency;
pub mod tally;

use std::collections::BTreeMap;

use b2b_rules::network::MOST_TASKS;
use b2b_rules::progress::Tally;
use guildhall_sdk::{Change, Decimal, Fault, Operation, Outcome, Record, filter, records};

use crate::engagements::{self, ENGAGEMENT};
use crate::store;

pub use dependency::judge as judge_dependencies;
pub const TASK: &str = "b2b.task";
pub const DEPENDENCY: &str = "b2b.dependency";

/// The fields that matter here.
const FIELDS: [&str; 9] = [
    "engagement",
    "status",
    "progress",
    "weight",
    "duration_days",
    "budget",
    "planned_start",
    "planned_finish",
    "milestone",
];
/// The longest task, in working days.
const MOST_DAYS: i64 = 3_650;

/// Judges changes of tasks, and counts them in their engagements.
pub fn judge(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let mut outcomes = vec![Outcome::Accept; changes.len()];
    let mut engagements: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    // Dependencies write their engagement: who reads it before them runs again when another one came meanwhile.
    for change in changes.iter().filter(|change| change.operation == Operation::Delete) {
        records::get(ENGAGEMENT, store::latest(change)?.link("engagement").unwrap_or_default())?;
    }
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| store::differs(change, &FIELDS)) {
        match check(change) {
            Ok(amended) => {
                outcomes[at] = amended.map_or(Outcome::Accept, Outcome::Amend);
                let engagement = store::latest(change)?.link("engagement").unwrap_or_default();
                engagements.entry(engagement).or_default().push(at);
            }
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => outcomes[at] = Outcome::Refuse(fault),
        }
    }
    if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refuse(_))) {
        return Ok(outcomes);
    }
    for (id, places) in engagements {
        match count(id, &places, changes) {
            Ok(()) => {}
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => places.into_iter().for_each(|at| outcomes[at] = Outcome::Refuse(fault.clone())),
        }
    }
    Ok(outcomes)
}

/// Refuses what is no task; a completed one has all of its progress.
fn check(change: &Change) -> Result<Option<Record>, Fault> {
    store::fixed(change, &["engagement"])?;
    let Some(task) = &change.after else { return without_dependencies(&change.id).map(|()| None) };
    let wrong = |field: &str, message: &str| Err(Fault::invalid(message).with_detail("field", field));
    let days = task.integer("duration_days").unwrap_or_default();
    if !(0..=MOST_DAYS).contains(&days) {
        return wrong("duration_days", "A task takes 0 to 3650 working days.");
    }
    let progress = task.decimal("progress").unwrap_or(Decimal::ZERO);
    if progress.is_negative() || progress > Decimal::from(100) {
        return wrong("progress", "Progress is between 0 and 100 per cent.");
    }
    if task.decimal("weight").is_some_and(Decimal::is_negative) {
        return wrong("weight", "A weight is not below zero.");
    }
    if task.money("budget").is_some_and(|budget| budget.amount.is_negative()) {
        return wrong("budget", "A budget is not below zero.");
    }
    match (task.date("planned_start"), task.date("planned_finish")) {
        (Some(start), Some(finish)) if start > finish => {
            return wrong("planned_finish", "A plan does not end before it begins.");
        }
        (Some(_), None) | (None, Some(_)) => {
            return wrong("planned_finish", "A plan has a start and a finish, or neither.");
        }
        _ => {}
    }
    let is_behind = task.text("status") == Some("completed") && progress != Decimal::from(100);
    Ok(is_behind.then(|| Record::new().set("progress", "100.00")))
}

fn without_dependencies(id: &str) -> Result<(), Fault> {
    let names = filter::or([filter::eq("predecessor", id), filter::eq("successor", id)]);
    if store::exists(DEPENDENCY, names)? {
        return Err(Fault::new(
            "record_in_use",
            "Other tasks wait for it, or it for them: delete its dependencies first.",
        ));
    }
    Ok(())
}

/// Counts changes of tasks in their engagement.
fn count(id: &str, places: &[usize], changes: &[Change]) -> Result<(), Fault> {
    let Some(engagement) = records::get(ENGAGEMENT, id)? else {
        // Tasks of an engagement that is gone may go, too.
        let all_go = places.iter().all(|&at| changes[at].operation == Operation::Delete);
        return if all_go { Ok(()) } else { store::need(ENGAGEMENT, id).map(drop) };
    };
    let mut sums = tally::of(&engagement);
    for change in places.iter().map(|&at| &changes[at]) {
        if let Some(before) = &change.before {
            sums.remove(tally::part(before));
        }
        if let Some(after) = &change.after {
            if let Some(budget) = after.money("budget") {
                engagements::in_its_currency(&engagement, &budget, "budget")?;
            }
            sums.add(tally::part(after));
        }
    }
    if usize::try_from(sums.tasks).is_ok_and(|tasks| tasks > MOST_TASKS) {
        return Err(Fault::new("too_many_tasks", format!("An engagement has at most {MOST_TASKS} tasks.")));
    }
    let revision = engagement.integer("revision").unwrap_or_default() + 1;
    records::update(ENGAGEMENT, id, tally::fields(&engagement, &sums).set("revision", revision)).map(drop)
}

/// Counts the tasks and dependencies of an engagement again, and writes what differs.
pub fn recount(engagement: &Record) -> Result<(), Fault> {
    let engagement = store::need(ENGAGEMENT, engagement.id())?;
    let of_engagement = filter::eq("engagement", engagement.id());
    let mut sums = Tally::default();
    for task in store::all(TASK, &of_engagement)? {
        sums.add(tally::part(&task));
    }
    let ties = i64::try_from(store::all(DEPENDENCY, &of_engagement)?.len()).unwrap_or_default();
    let is_same = sums == tally::of(&engagement) && engagement.integer("dependency_count") == Some(ties);
    if is_same {
        return Ok(());
    }
    let fields = tally::fields(&engagement, &sums).set("dependency_count", ties);
    records::update(ENGAGEMENT, engagement.id(), fields).map(drop)
}
