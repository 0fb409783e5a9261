//! Counts every morning the tasks that are late, and keeps the count.

use guildhall_sdk::{Fault, Query, Scheduled, filter, kv, log, records, register};

struct Plugin;

impl Scheduled for Plugin {
    fn run_task(name: &str, due: &str) -> Result<(), Fault> {
        if name != "count" {
            return Err(Fault::internal(format!("There is no task {name}.")));
        }
        let late = filter::and([filter::eq("status", "open"), filter::lt("due_at", due)]);
        let count = records::query("task", Query::new().filter(late).limit(Query::MOST))?.len();
        log::info("late tasks are counted", &[("count", &count.to_string())]);
        kv::set_as("late", &count)
    }
}

register!(Plugin: Scheduled);
