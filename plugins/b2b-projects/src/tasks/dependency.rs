//! Dependencies between tasks: of one engagement, and never in a circle.

use std::collections::{BTreeMap, BTreeSet};

use b2b_rules::network::{self, Dependency, Kind, MOST_DEPENDENCIES, NetworkError, Task};
use guildhall_sdk::{Change, Fault, Operation, Outcome, Record, filter, records};

use super::{DEPENDENCY, TASK};
use crate::engagements::ENGAGEMENT;
use crate::store;

/// The longest lag or lead, in working days.
const MOST_LAG: i64 = 3_650;

/// Judges changes of dependencies.
pub fn judge(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let mut outcomes = vec![Outcome::Accept; changes.len()];
    let mut engagements: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        match check(change) {
            Ok(engagement) => engagements.entry(engagement).or_default().push(at),
            Err(fault) => outcomes[at] = Outcome::Refuse(fault),
        }
    }
    if outcomes.iter().any(|outcome| *outcome != Outcome::Accept) {
        return Ok(outcomes);
    }
    for (id, places) in engagements {
        match tie(id, &places, changes) {
            Ok(()) => {}
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => places.into_iter().for_each(|at| outcomes[at] = Outcome::Refuse(fault.clone())),
        }
    }
    Ok(outcomes)
}

/// Refuses what is no dependency; the engagement that it is in.
fn check(change: &Change) -> Result<&str, Fault> {
    store::fixed(change, &["engagement", "predecessor", "successor"])?;
    let record = store::latest(change)?;
    let lag = record.integer("lag_days").unwrap_or_default();
    if !(-MOST_LAG..=MOST_LAG).contains(&lag) {
        return Err(Fault::invalid("A lag is at most 3650 working days.").with_detail("field", "lag_days"));
    }
    if record.link("predecessor") == record.link("successor") {
        return Err(network::circle(&[record.link("predecessor").unwrap_or_default().to_owned()]));
    }
    Ok(record.link("engagement").unwrap_or_default())
}

/// Counts changes of dependencies in their engagement, and refuses circles.
fn tie(id: &str, places: &[usize], changes: &[Change]) -> Result<(), Fault> {
    let Some(engagement) = records::get(ENGAGEMENT, id)? else { return Ok(()) };
    let of = |operation: Operation| places.iter().map(|&at| &changes[at]).filter(move |one| one.operation == operation);
    let added: Vec<&Record> = of(Operation::Create).filter_map(|change| change.after.as_ref()).collect();
    if !added.is_empty() {
        of_the_engagement(id, &added)?;
        no_circle(id, &added)?;
    }
    let delta = |operation| i64::try_from(of(operation).count()).unwrap_or_default();
    let before = engagement.integer("dependency_count").unwrap_or_default();
    let count = before + delta(Operation::Create) - delta(Operation::Delete);
    if usize::try_from(count).is_ok_and(|count| count > MOST_DEPENDENCIES) {
        let message = format!("An engagement has at most {MOST_DEPENDENCIES} dependencies.");
        return Err(Fault::new("too_many_dependencies", message));
    }
    let revision = engagement.integer("revision").unwrap_or_default() + 1;
    records::update(ENGAGEMENT, id, Record::new().set("dependency_count", count).set("revision", revision)).map(drop)
}

/// Refuses tasks of another engagement.
fn of_the_engagement(id: &str, added: &[&Record]) -> Result<(), Fault> {
    let ends = added.iter().flat_map(|one| [one.link("predecessor"), one.link("successor")]).flatten();
    let ends: BTreeSet<&str> = ends.collect();
    let tasks = store::by_id(TASK, &ends)?;
    let is_here = |task: &&str| tasks.get(*task).and_then(|task| task.link("engagement")) == Some(id);
    match ends.iter().find(|task| !is_here(task)) {
        Some(task) => {
            Err(Fault::new("other_engagement", "A task waits for tasks of its own engagement.")
                .with_detail("task", *task))
        }
        None => Ok(()),
    }
}

/// Looks at all dependencies of the engagement, unless the new one cannot close a circle: for that, something has to
/// come into its first task, and something has to go on from its second one.
fn no_circle(id: &str, added: &[&Record]) -> Result<(), Fault> {
    if let [one] = added {
        let (first, second) = (one.link("predecessor"), one.link("successor"));
        let goes_on = filter::eq("predecessor", second.unwrap_or_default());
        let comes_in = filter::eq("successor", first.unwrap_or_default());
        if !store::exists(DEPENDENCY, goes_on)? || !store::exists(DEPENDENCY, comes_in)? {
            return Ok(());
        }
    }
    let ties = store::all(DEPENDENCY, &filter::eq("engagement", id))?;
    let end = |tie: &Record, field: &str| tie.link(field).unwrap_or_default().to_owned();
    let ties: Vec<Dependency> = ties
        .iter()
        .map(|tie| Dependency {
            predecessor: end(tie, "predecessor"),
            successor: end(tie, "successor"),
            kind: Kind::FinishToStart,
            lag: 0,
        })
        .collect();
    let ends: BTreeSet<&String> = ties.iter().flat_map(|tie| [&tie.predecessor, &tie.successor]).collect();
    let tasks: Vec<Task> = ends.into_iter().map(|id| Task { id: id.clone(), duration: 0, not_before: 0 }).collect();
    match network::check(&tasks, &ties) {
        Ok(()) => Ok(()),
        Err(NetworkError::Cycle(tasks)) => Err(network::circle(&tasks)),
        Err(_) => Err(Fault::new("too_many_dependencies", "An engagement has too many dependencies.")),
    }
}
