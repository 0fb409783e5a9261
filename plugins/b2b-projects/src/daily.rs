//! What a day brings: lines that fall due, invoices that are late, protections that end, and risks.

use std::time::Duration;

use guildhall_sdk::{Fault, Query, Record, Value, config, filter, jobs, json, records};

use crate::contracts::{self, Books};
use crate::engagements::ENGAGEMENT;
use crate::settings::Settings;
use crate::{registrations, risks, tasks};

/// How many contracts or engagements a job looks at.
const PAGE: u32 = 20;

/// Queues what is to be done today.
pub fn begin() -> Result<(), Fault> {
    for name in ["contracts", "engagements", "registrations"] {
        enqueue(name, "")?;
    }
    Ok(())
}

/// Does a part of it, and queues the next one.
pub fn go_on(name: &str, input: &Value) -> Result<Value, Fault> {
    let after = input["after"].as_str().unwrap_or_default();
    let count = match name {
        "contracts" => {
            let limits = settings()?.limits();
            page(name, contracts::CONTRACT, PAGE, &["active", "amending", "completed"], after, |contract| {
                // While nothing is changed, only what a day changes is written.
                let settled = contracts::settle(contract.id(), None).and_then(|()| Books::read(contract.id()));
                match settled {
                    Ok(books) => risks::of_contract(&books, &limits),
                    Err(fault) if fault.is_retryable() => Err(fault),
                    Err(fault) => risks::of_broken_books(contract, &fault),
                }
            })?
        }
        "engagements" => {
            let limits = settings()?.limits();
            page(name, ENGAGEMENT, PAGE, &["open"], after, |engagement| risks::of_engagement(engagement, &limits))?
        }
        "recount" => page(name, ENGAGEMENT, 1, &["open", "completed", "cancelled"], after, tasks::recount)?,
        "registrations" => {
            if registrations::expire()? {
                enqueue(name, "")?;
            }
            0
        }
        _ => return Err(Fault::internal(format!("There is no job {name}."))),
    };
    Ok(json!({"count": count}))
}

/// Queues what looks at everything again, after a time in which the module was off and saw no change.
pub fn catch_up() -> Result<(), Fault> {
    enqueue("recount", "")?;
    enqueue("contracts", "")
}

fn settings() -> Result<Settings, Fault> {
    config::get()
}

fn page(
    name: &str,
    object: &str,
    size: u32,
    statuses: &[&str],
    after: &str,
    mut look: impl FnMut(&Record) -> Result<(), Fault>,
) -> Result<usize, Fault> {
    let mut condition = vec![filter::any_of("status", statuses.iter().copied())];
    if !after.is_empty() {
        condition.push(filter::gt("id", after));
    }
    let found = records::query(object, Query::new().filter(filter::and(condition)).sort(["id"]).limit(size))?;
    for record in &found {
        look(record)?;
    }
    match found.last() {
        Some(last) if found.len() == size as usize => enqueue(name, last.id())?,
        _ => {}
    }
    Ok(found.len())
}

fn enqueue(name: &str, after: &str) -> Result<(), Fault> {
    jobs::enqueue(name, &json!({"after": after}), Duration::ZERO).map(drop)
}
