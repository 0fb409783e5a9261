//! What a day brings: lines that fall due, invoices that are late, protections that end, and risks.

use std::time::Duration;

use guildhall_sdk::{Fault, Query, Value, config, filter, jobs, json, records};

use crate::contracts::{self, Books};
use crate::engagements::ENGAGEMENT;
use crate::settings::Settings;
use crate::{registrations, risks};

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
        "contracts" => page(name, contracts::CONTRACT, &["active", "amending", "completed"], after, |id| {
            // While nothing is changed, only what a day changes is written.
            contracts::settle(id, None)?;
            risks::of_contract(&Books::read(id)?, &settings()?.limits())
        })?,
        "engagements" => page(name, ENGAGEMENT, &["open"], after, |id| {
            let Some(engagement) = records::get(ENGAGEMENT, id)? else { return Ok(()) };
            risks::of_engagement(&engagement, &settings()?.limits())
        })?,
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

fn settings() -> Result<Settings, Fault> {
    config::get()
}

fn page(
    name: &str,
    object: &str,
    statuses: &[&str],
    after: &str,
    mut look: impl FnMut(&str) -> Result<(), Fault>,
) -> Result<usize, Fault> {
    let mut condition = vec![filter::any_of("status", statuses.iter().copied())];
    if !after.is_empty() {
        condition.push(filter::gt("id", after));
    }
    let found = records::query(object, Query::new().filter(filter::and(condition)).sort(["id"]).limit(PAGE))?;
    for record in &found {
        look(record.id())?;
    }
    match found.last() {
        Some(last) if found.len() == PAGE as usize => enqueue(name, last.id())?,
        _ => {}
    }
    Ok(found.len())
}

fn enqueue(name: &str, after: &str) -> Result<(), Fault> {
    jobs::enqueue(name, &json!({"after": after}), Duration::ZERO).map(drop)
}
