//! The schedule of an engagement, or of a network that is not stored.

use b2b_rules::calendar::{Axis, CalendarError, MOST_DAYS};
use b2b_rules::day::Day;
use b2b_rules::network::{self, Dependency, Kind, NetworkError, Schedule, Task, Times};
use b2b_rules::pages;
use guildhall_sdk::{Fault, Record, Value, filter, json};

use crate::read;
use crate::settings::Settings;

/// What each row of the answer has.
const COLUMNS: [&str; 9] = [
    "id",
    "starts_on",
    "finishes_on",
    "early_start",
    "early_finish",
    "late_start",
    "late_finish",
    "slack",
    "free_slack",
];

/// A network with the first day of its calendar.
pub struct Network {
    pub starts_on: Day,
    pub tasks: Vec<Task>,
    /// By their places; none of a network that is not stored.
    pub records: Vec<Record>,
    dependencies: Vec<Dependency>,
}

/// When a task is worked on.
pub struct Dates {
    pub first: Day,
    pub last: Day,
}

/// The action.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let settings = Settings::get()?;
    let calendar = settings.calendar()?;
    let axis = |start: Day| Axis::new(&calendar, start);
    let network = match read::text(input, "engagement") {
        Some(id) => stored(&read::need("b2b.engagement", id)?, read::day(input, "starts_on")?, &axis)?,
        None => given(input, &axis)?,
    };
    let schedule = network.schedule()?;
    let mut days = axis(network.starts_on);
    let rows = network.tasks.iter().zip(&schedule.times);
    let rows: Vec<Value> = rows.map(|(task, times)| row(task, times, &mut days)).collect::<Result<_, Fault>>()?;
    let finish = if schedule.duration == 0 { 0 } else { schedule.duration - 1 };
    Ok(json!({
        "starts_on": days.day(0).map_err(too_far)?.to_string(),
        "finishes_on": days.day(finish).map_err(too_far)?.to_string(),
        "duration_days": schedule.duration,
        "critical": schedule.critical.iter().map(|&at| network.tasks[at].id.as_str()).collect::<Vec<_>>(),
        "columns": COLUMNS,
        "rows": rows,
    }))
}

fn row(task: &Task, times: &Times, days: &mut Axis<'_>) -> Result<Value, Fault> {
    let dates = dates(task, times, days)?;
    Ok(json!([
        task.id,
        dates.first.to_string(),
        dates.last.to_string(),
        times.early_start,
        times.early_finish,
        times.late_start,
        times.late_finish,
        times.slack,
        times.free_slack,
    ]))
}

/// The first and the last day of a task. One that takes no time is on the day after which it can be.
pub fn dates(task: &Task, times: &Times, days: &mut Axis<'_>) -> Result<Dates, Fault> {
    let last = (times.early_finish - 1).max(0);
    let first = if task.duration == 0 { last } else { times.early_start };
    let mut day = |number: i64| days.day(number).map_err(too_far);
    Ok(Dates { first: day(first)?, last: day(last)? })
}

impl Network {
    /// When each task can be done.
    pub fn schedule(&self) -> Result<Schedule, Fault> {
        network::schedule(&self.tasks, &self.dependencies).map_err(wrong)
    }
}

/// The tasks of an engagement. Cancelled ones take no time.
pub fn stored<'a>(
    engagement: &Record,
    starts_on: Option<Day>,
    axis: &dyn Fn(Day) -> Axis<'a>,
) -> Result<Network, Fault> {
    let starts_on = match starts_on.or_else(|| read::day_of(engagement, "starts_on")) {
        Some(day) => day,
        None => read::today()?,
    };
    let of_engagement = filter::eq("engagement", engagement.id());
    let records = pages::all("b2b.task", &of_engagement)?;
    let mut days = axis(starts_on);
    let mut tasks = Vec::with_capacity(records.len());
    for record in &records {
        let is_cancelled = record.text("status") == Some("cancelled");
        tasks.push(Task {
            id: record.id().to_owned(),
            duration: if is_cancelled { 0 } else { record.integer("duration_days").unwrap_or_default() },
            not_before: read::day_of(record, "not_before").map_or(Ok(0), |day| days.number(day)).map_err(too_far)?,
        });
    }
    let link = |record: &Record, field: &str| record.link(field).unwrap_or_default().to_owned();
    let dependencies = pages::all("b2b.dependency", &of_engagement)?
        .iter()
        .map(|one| Dependency {
            predecessor: link(one, "predecessor"),
            successor: link(one, "successor"),
            kind: one.text("kind").and_then(Kind::of).unwrap_or(Kind::FinishToStart),
            lag: one.integer("lag_days").unwrap_or_default(),
        })
        .collect();
    Ok(Network { starts_on, tasks, records, dependencies })
}

fn given<'a>(input: &Value, axis: &dyn Fn(Day) -> Axis<'a>) -> Result<Network, Fault> {
    let starts_on = read::day(input, "starts_on")?.ok_or_else(|| Fault::invalid("A network has a first day."))?;
    let mut days = axis(starts_on);
    let list = |name: &str| input[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |one: &Value, name: &str| read::text(one, name).unwrap_or_default().to_owned();
    let mut tasks = Vec::with_capacity(list("tasks").len());
    for one in list("tasks") {
        tasks.push(Task {
            id: name(one, "id"),
            duration: one["duration_days"].as_i64().unwrap_or_default(),
            not_before: read::day(one, "not_before")?.map_or(Ok(0), |day| days.number(day)).map_err(too_far)?,
        });
    }
    let dependencies = list("dependencies")
        .iter()
        .map(|one| Dependency {
            predecessor: name(one, "predecessor"),
            successor: name(one, "successor"),
            kind: read::text(one, "kind").and_then(Kind::of).unwrap_or(Kind::FinishToStart),
            lag: one["lag_days"].as_i64().unwrap_or_default(),
        })
        .collect();
    Ok(Network { starts_on, tasks, records: Vec::new(), dependencies })
}

/// A day beyond all schedules.
pub fn too_far(_: CalendarError) -> Fault {
    Fault::new("schedule_too_long", format!("A schedule has at most {MOST_DAYS} working days."))
}

fn wrong(error: NetworkError) -> Fault {
    match error {
        NetworkError::Cycle(tasks) => network::circle(&tasks),
        NetworkError::Unknown(task) => {
            Fault::new("unknown_task", format!("A dependency names {task}, which is not there."))
                .with_detail("task", task)
        }
        NetworkError::Twice(task) => {
            Fault::new("duplicate_task", format!("Two tasks are called {task}.")).with_detail("task", task)
        }
        NetworkError::TooLarge => Fault::new(
            "too_many_tasks",
            format!(
                "A network has at most {} tasks and {} dependencies.",
                network::MOST_TASKS,
                network::MOST_DEPENDENCIES
            ),
        ),
        NetworkError::OutOfRange(task) => {
            Fault::new("out_of_range", format!("{task} is too far away.")).with_detail("task", task)
        }
    }
}
