//! The tally of tasks that an engagement keeps.

use b2b_rules::number::{decimal, units};
use b2b_rules::progress::{Method, Part, Tally};
use guildhall_sdk::{Decimal, Record};

/// What an engagement has counted.
pub fn of(engagement: &Record) -> Tally {
    let number =
        |field: &str, scale: u32| engagement.decimal(field).and_then(|number| units(number, scale)).unwrap_or_default();
    Tally {
        tasks: engagement.integer("task_count").unwrap_or_default(),
        done: engagement.integer("done_count").unwrap_or_default(),
        progress: number("progress_sum", 2),
        weight: number("weight_sum", 2),
        weighted: number("weighted_sum", 4),
    }
}

/// What a task counts for. A completed one has all of its progress, whatever it says.
pub fn part(task: &Record) -> Part {
    let number = |field: &str| task.decimal(field).and_then(|number| units(number, 2)).unwrap_or_default();
    let status = task.text("status");
    Part {
        is_done: matches!(status, Some("completed" | "cancelled")),
        progress: if status == Some("completed") { 10_000 } else { number("progress") },
        weight: number("weight"),
    }
}

/// The fields of an engagement with this tally.
pub fn fields(engagement: &Record, tally: &Tally) -> Record {
    Record::new()
        .set("task_count", tally.tasks)
        .set("done_count", tally.done)
        .set("progress_sum", decimal(tally.progress, 2))
        .set("weight_sum", decimal(tally.weight, 2))
        .set("weighted_sum", decimal(tally.weighted, 4))
        .set("percent_complete", percent_of(engagement, tally))
}

/// How much of an engagement is done.
pub fn percent(engagement: &Record) -> Decimal {
    percent_of(engagement, &of(engagement))
}

fn percent_of(engagement: &Record, tally: &Tally) -> Decimal {
    let manual = engagement.decimal("percent_manual").unwrap_or(Decimal::ZERO);
    tally.percent(Method::of(engagement.text("percent_method")), manual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_written_and_read_back() {
        let task = Record::new().set("status", "open").set("progress", "33.33").set("weight", "2.50");
        let mut sums = Tally::default();
        sums.add(part(&task));
        sums.add(part(&task.clone().set("status", "completed")));
        let engagement = Record::new().set("percent_method", "task_weight");
        let written = fields(&engagement, &sums);
        assert_eq!(of(&written), sums);
        assert_eq!((written.integer("task_count"), written.integer("done_count")), (Some(2), Some(1)));
        assert_eq!(written.text("percent_complete"), Some("66.66"));
        assert_eq!(written.text("weighted_sum"), Some("333.3250"));
    }
}
