//! The critical path: when each task can start and finish at the earliest and at the latest.
//!
//! Time is counted in working days. A task that starts at 3 and takes 2 finishes at 5: a task behind it starts at 5.

use std::collections::{HashMap, VecDeque};

use guildhall_sdk::Fault;

/// The most tasks of a network.
pub const MOST_TASKS: usize = 5_000;
/// The most dependencies of a network.
pub const MOST_DEPENDENCIES: usize = 10_000;

/// How many tasks of a circle are named.
const MOST_NAMED: usize = 20;
/// The longest duration, lag or wait: sums along the longest path stay far away from the end of the numbers.
const MOST_DAYS: i64 = 1_000_000;

/// A task of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: String,
    /// Working days; a milestone takes none.
    pub duration: i64,
    /// Working day before which it does not start.
    pub not_before: i64,
}

/// Which ends of two tasks a dependency ties together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    FinishToStart,
    StartToStart,
    FinishToFinish,
    StartToFinish,
}

/// The end of the predecessor, and so many working days later, at the earliest, that of the successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub predecessor: String,
    pub successor: String,
    pub kind: Kind,
    /// Below zero is a lead.
    pub lag: i64,
}

/// When a task can be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub early_start: i64,
    pub early_finish: i64,
    pub late_start: i64,
    pub late_finish: i64,
    /// How late it may start without delaying the end of all.
    pub slack: i64,
    /// How late it may start without delaying any other task.
    pub free_slack: i64,
}

/// The times of all tasks, in the order of the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub duration: i64,
    pub times: Vec<Times>,
    /// Places of the tasks without slack, those that start first in front.
    pub critical: Vec<usize>,
}

/// Why there is no schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkError {
    /// Two tasks have this id.
    Twice(String),
    /// A dependency names a task that is not there.
    Unknown(String),
    /// These tasks wait for each other, each for the one before it.
    Cycle(Vec<String>),
    /// More tasks or dependencies than a network may have.
    TooLarge,
    /// A duration below zero, or a number of days beyond all schedules.
    OutOfRange(String),
}

/// A dependency by the places of its tasks.
struct Link {
    from: usize,
    to: usize,
    kind: Kind,
    lag: i64,
}

impl Kind {
    /// `FS`, `SS`, `FF` or `SF`, in any case.
    pub fn of(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "fs" => Some(Self::FinishToStart),
            "ss" => Some(Self::StartToStart),
            "ff" => Some(Self::FinishToFinish),
            "sf" => Some(Self::StartToFinish),
            _ => None,
        }
    }

    /// How far behind the start of the predecessor the start of the successor has to be, without the lag.
    fn distance(self, predecessor: i64, successor: i64) -> i64 {
        match self {
            Self::FinishToStart => predecessor,
            Self::StartToStart => 0,
            Self::FinishToFinish => predecessor - successor,
            Self::StartToFinish => -successor,
        }
    }
}

/// The schedule of a network.
pub fn schedule(tasks: &[Task], dependencies: &[Dependency]) -> Result<Schedule, NetworkError> {
    let links = links(tasks, dependencies)?;
    let (order, outgoing) = order(tasks, &links)?;
    let gap = |link: &Link| link.kind.distance(tasks[link.from].duration, tasks[link.to].duration) + link.lag;
    let mut times: Vec<Times> =
        tasks.iter().map(|task| Times { early_start: task.not_before.max(0), ..Times::default() }).collect();
    for &at in &order {
        times[at].early_finish = times[at].early_start + tasks[at].duration;
        for link in outgoing[at].iter().map(|&link| &links[link]) {
            let start = times[at].early_start + gap(link);
            times[link.to].early_start = times[link.to].early_start.max(start);
        }
    }
    let duration = times.iter().map(|times| times.early_finish).max().unwrap_or_default();
    for &at in order.iter().rev() {
        let mut late_start = duration - tasks[at].duration;
        let mut free = late_start - times[at].early_start;
        for link in outgoing[at].iter().map(|&link| &links[link]) {
            late_start = late_start.min(times[link.to].late_start - gap(link));
            free = free.min(times[link.to].early_start - gap(link) - times[at].early_start);
        }
        let own = &mut times[at];
        own.late_start = late_start;
        own.late_finish = late_start + tasks[at].duration;
        own.slack = late_start - own.early_start;
        own.free_slack = free;
    }
    let mut critical: Vec<usize> = order.into_iter().filter(|&at| times[at].slack == 0).collect();
    critical.sort_by_key(|&at| times[at].early_start);
    Ok(Schedule { duration, times, critical })
}

/// Refuses a network whose tasks wait for each other.
pub fn check(tasks: &[Task], dependencies: &[Dependency]) -> Result<(), NetworkError> {
    order(tasks, &links(tasks, dependencies)?).map(drop)
}

/// The fault of tasks that wait for each other; some of them are named.
pub fn circle(tasks: &[String]) -> Fault {
    let named: Vec<&str> = tasks.iter().take(MOST_NAMED).map(String::as_str).collect();
    Fault::new("dependency_cycle", "These tasks wait for each other.")
        .with_detail("tasks", named)
        .with_detail("length", tasks.len())
}

fn links(tasks: &[Task], dependencies: &[Dependency]) -> Result<Vec<Link>, NetworkError> {
    if tasks.len() > MOST_TASKS || dependencies.len() > MOST_DEPENDENCIES {
        return Err(NetworkError::TooLarge);
    }
    let mut places = HashMap::with_capacity(tasks.len());
    for (place, task) in tasks.iter().enumerate() {
        if !(0..=MOST_DAYS).contains(&task.duration) || task.not_before > MOST_DAYS {
            return Err(NetworkError::OutOfRange(task.id.clone()));
        }
        if places.insert(task.id.as_str(), place).is_some() {
            return Err(NetworkError::Twice(task.id.clone()));
        }
    }
    let place = |id: &str| places.get(id).copied().ok_or_else(|| NetworkError::Unknown(id.to_owned()));
    let link = |dependency: &Dependency| {
        if !(-MOST_DAYS..=MOST_DAYS).contains(&dependency.lag) {
            return Err(NetworkError::OutOfRange(dependency.successor.clone()));
        }
        let (from, to) = (place(&dependency.predecessor)?, place(&dependency.successor)?);
        Ok(Link { from, to, kind: dependency.kind, lag: dependency.lag })
    };
    dependencies.iter().map(link).collect()
}

/// The tasks so that each comes after those that it waits for, and the links that leave each.
fn order(tasks: &[Task], links: &[Link]) -> Result<(Vec<usize>, Vec<Vec<usize>>), NetworkError> {
    let mut outgoing = vec![Vec::new(); tasks.len()];
    let mut waiting = vec![0_usize; tasks.len()];
    for (place, link) in links.iter().enumerate() {
        outgoing[link.from].push(place);
        waiting[link.to] += 1;
    }
    let mut ready: VecDeque<usize> = (0..tasks.len()).filter(|&at| waiting[at] == 0).collect();
    let mut order = Vec::with_capacity(tasks.len());
    while let Some(at) = ready.pop_front() {
        order.push(at);
        for &link in &outgoing[at] {
            let to = links[link].to;
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push_back(to);
            }
        }
    }
    if order.len() == tasks.len() { Ok((order, outgoing)) } else { Err(cycle(tasks, links, &waiting)) }
}

/// A cycle among the tasks that still wait: whoever waits has a predecessor that waits, too.
fn cycle(tasks: &[Task], links: &[Link], waiting: &[usize]) -> NetworkError {
    let mut before = vec![None; tasks.len()];
    for link in links.iter().filter(|link| waiting[link.from] > 0 && waiting[link.to] > 0) {
        before[link.to] = Some(link.from);
    }
    let mut path: Vec<usize> = Vec::new();
    let mut seen = vec![false; tasks.len()];
    let mut at = waiting.iter().position(|count| *count > 0);
    while let Some(here) = at {
        if seen[here] {
            let first = path.iter().position(|place| *place == here).unwrap_or_default();
            path.drain(..first);
            break;
        }
        seen[here] = true;
        path.push(here);
        at = before[here];
    }
    NetworkError::Cycle(path.into_iter().rev().map(|place| tasks[place].id.clone()).collect())
}

#[cfg(test)]
mod tests;
