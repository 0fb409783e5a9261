//! Tasks for what falls due: each due of a lead or a deal becomes one task, in the commit that notes it.

use std::time::Duration;

use guildhall_sdk::{Fault, Query, Record, clock, config, filter, jobs, json, records};
use sales_rules::due::{self, Due};
use sales_rules::moment::Moment;

use crate::lead::OPEN;
use crate::settings::Settings;
use crate::texts;

/// How many leads, and deals, one run goes through.
const AT_ONCE: u32 = 100;

/// Makes the tasks that are due. When there are more, a job goes on.
pub fn run() -> Result<(), Fault> {
    let settings: Settings = config::get()?;
    if !settings.reminders {
        return Ok(());
    }
    let now: Moment = clock::now().parse().map_err(|_| Fault::internal("The host's clock is none."))?;
    let mut is_full = false;
    for (object, statuses) in [("sales.deal", ["open"].as_slice()), ("sales.lead", OPEN.as_slice())] {
        let due = filter::and([
            filter::any_of("status", statuses.iter().copied()),
            filter::lte("next_due_at", now.to_string()),
        ]);
        let found = records::query(object, Query::new().filter(due).sort(["next_due_at"]).limit(AT_ONCE))?;
        is_full |= found.len() == AT_ONCE as usize;
        for record in &found {
            tell(object, record, now, &settings.language)?;
        }
    }
    if is_full {
        jobs::enqueue("remind", &json!({}), Duration::ZERO)?;
    }
    Ok(())
}

fn tell(object: &str, record: &Record, now: Moment, language: &str) -> Result<(), Fault> {
    let moment = |field: &str| record.datetime(field).and_then(|at| at.parse().ok());
    let dues = match object {
        "sales.deal" => due::of_deal(record, moment("stage_due_at")),
        _ => due::of_lead(record, moment("respond_by")),
    };
    for due in due::fallen(&dues, record, now) {
        make_task(record, due, language)?;
    }
    let reminded = record.clone().set("reminded", due::told(&dues, record, now));
    let fields = Record::new()
        .set("reminded", reminded.value("reminded").cloned())
        .set("next_due_at", due::next(&dues, &reminded).map(|at| at.to_string()));
    records::update(object, record.id(), fields)?;
    Ok(())
}

/// A task for the owner. Whoever or whatever it would name may be gone: then it says less, and is made all the same.
fn make_task(record: &Record, due: &Due, language: &str) -> Result<(), Fault> {
    let what = texts::due(due.kind, language);
    let name: String = record.text("name").unwrap_or_default().chars().take(200).collect();
    let plain = Record::new()
        .set("title", format!("{what}: {name}"))
        .set("due_at", due.at.to_string())
        .set("remind_at", due.at.to_string())
        .set("priority", "high");
    let full = [("assignee", "owner"), ("contact", "contact"), ("company", "company")]
        .iter()
        .fold(plain.clone(), |task, (field, from)| task.set(field, record.link(from)));
    let owned = plain.clone().set("assignee", record.link("owner"));
    for task in [full, owned, plain] {
        match records::create("task", task) {
            Err(fault) if fault.code() == "validation_failed" => {}
            made => return made.map(|_| ()),
        }
    }
    Ok(())
}
