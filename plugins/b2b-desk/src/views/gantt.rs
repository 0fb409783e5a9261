//! The schedule of an engagement as a Gantt chart: a bar of text for each task, the critical ones marked.

use b2b_rules::calendar::Axis;
use guildhall_sdk::{Fault, Value, json};

use super::{metric, row, table};
use crate::read;
use crate::schedule::{dates, stored};
use crate::settings::Settings;
use crate::words::Language;

/// The most rows of a table.
const MOST: usize = 500;
/// How many characters a bar has at most.
const WIDTH: i64 = 40;

/// What the table has.
const COLUMNS: [(&str, &str, &str); 7] = [
    ("task", "Task", "text"),
    ("start", "Start", "date"),
    ("finish", "Finish", "date"),
    ("timeline", "Timeline", "text"),
    ("progress", "Progress", "number"),
    ("slack", "Slack", "number"),
    ("critical", "Critical", "badge"),
];

pub fn render(id: &str, settings: &Settings, language: Language) -> Result<Value, Fault> {
    let engagement = read::need("b2b.engagement", id)?;
    let calendar = settings.calendar()?;
    let network = stored(&engagement, None, &|start| Axis::new(&calendar, start))?;
    let schedule = network.schedule()?;
    let mut days = Axis::new(&calendar, network.starts_on);
    let mut order: Vec<usize> = (0..network.tasks.len()).collect();
    order.sort_by_key(|&at| (schedule.times[at].early_start, schedule.times[at].early_finish));
    let is_cut = order.len() > MOST;
    order.truncate(MOST);
    let mut rows = Vec::with_capacity(order.len());
    for at in order {
        let (task, times, record) = (&network.tasks[at], &schedule.times[at], &network.records[at]);
        let dates = dates(task, times, &mut days)?;
        let is_critical = times.slack == 0;
        rows.push(json!({
            "cells": {
                "task": record.text("name"),
                "start": dates.first.to_string(),
                "finish": dates.last.to_string(),
                "timeline": bar(times.early_start, times.early_finish, schedule.duration, is_critical),
                "progress": record.value("progress"),
                "slack": times.slack,
                "critical": is_critical.then(|| language.say("Critical")),
            },
            "tone": if is_critical { "warning" } else { "neutral" },
            "href": format!("/api/v1/records/b2b.task/{}", task.id),
        }));
    }
    let say = |word| language.say(word);
    let mut children = vec![
        row(vec![
            metric(say("Working days"), json!(schedule.duration)),
            metric(say("Percent complete"), engagement.value("percent_complete").cloned().unwrap_or_default()),
            metric(say("Tasks on the critical path"), json!(schedule.critical.len())),
        ]),
        table(language, &COLUMNS, rows, "No tasks yet."),
    ];
    if is_cut {
        children.push(json!({"type": "text", "style": "small", "text": say("Only the first 500 tasks are shown.")}));
    }
    Ok(json!({"type": "stack", "title": say("Schedule"), "children": children}))
}

/// A bar on a line as long as the whole project: `··▓▓▓··`, and `█` where there is no slack; `◆` for a moment.
fn bar(start: i64, finish: i64, duration: i64, is_critical: bool) -> String {
    let width = duration.clamp(1, WIDTH);
    let place = |day: i64| if duration <= WIDTH { day } else { day * WIDTH / duration };
    let (from, to) = (place(start).min(width - 1), place(finish).min(width));
    let (filled, length) = match (start == finish, is_critical) {
        (true, _) => ("◆", 1),
        (false, true) => ("█", (to - from).max(1)),
        (false, false) => ("▓", (to - from).max(1)),
    };
    let times = |text: &str, count: i64| text.repeat(usize::try_from(count).unwrap_or_default());
    format!("{}{}{}", times("·", from), times(filled, length), times("·", width - from - length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lie_where_their_days_are() {
        assert_eq!(bar(2, 4, 6, false), "··▓▓··");
        assert_eq!(bar(0, 6, 6, true), "██████");
        assert_eq!(bar(6, 6, 6, true), "·····◆");
        assert_eq!(bar(0, 0, 0, true), "◆");
        // Each character stands for several days of a long project, and every task has at least one.
        assert_eq!(bar(399, 400, 400, false).chars().count(), 40);
        assert!(bar(399, 400, 400, false).ends_with('▓'));
        assert!(bar(0, 1, 400, false).starts_with('▓'));
    }
}
