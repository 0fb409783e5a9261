//! What a day brings: lines that fall due, invoices that are late, protections that end, and risks.

use std::time::Duration;

use guildhall_sdk::{Fault, Query, Record, Value, config, filter, jobs, json, records};

use crate::contracts::{self, Books};
use crate::engagements::ENGAGEMENT;
use crate::settings::Settings;
use crate::{registrations, risks, tasks};

/// How many contracts or engagements a job looks at, at most.
const PAGE: u32 = 20;
/// After so many calls of the host, the rest is left to the next job: the largest contract takes no more than 850, of
/// the 1,000 that a job has.
const ENOUGH: usize = 130;

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
            page(name, contracts::CONTRACT, &["active", "amending", "completed", "terminated"], after, |contract| {
                if contract.text("status") == Some("terminated") {
                    return risks::of_what_is_over("contract", contract).map(|()| 2);
                }
                // While nothing is changed, only what a day changes is written.
                let settled = contracts::settle(contract.id(), None).and_then(|()| Books::read(contract.id()));
                match settled {
                    Ok(books) => risks::of_contract(&books, &limits).map(|()| books.cost()),
                    Err(fault) if fault.is_retryable() => Err(fault),
                    Err(fault) => risks::of_broken_books(contract, &fault).map(|()| ENOUGH),
                }
            })?
        }
        "engagements" => {
            let limits = settings()?.limits();
            let look = |engagement: &Record| match engagement.text("status") {
                Some("open") => risks::of_engagement(engagement, &limits).map(|()| 10),
                _ => risks::of_what_is_over("engagement", engagement).map(|()| 2),
            };
            page(name, ENGAGEMENT, &["open", "completed", "cancelled"], after, look)?
        }
        "recount" => {
            let look = |engagement: &Record| tasks::recount(engagement).map(|()| ENOUGH);
            page(name, ENGAGEMENT, &["open", "completed", "cancelled"], after, look)?
        }
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

/// Looks at records one by one, each of which says how many calls it took, and queues the rest.
fn page(
    name: &str,
    object: &str,
    statuses: &[&str],
    after: &str,
    mut look: impl FnMut(&Record) -> Result<usize, Fault>,
) -> Result<usize, Fault> {
    let mut condition = vec![filter::any_of("status", statuses.iter().copied())];
    if !after.is_empty() {
        condition.push(filter::gt("id", after));
    }
    let found = records::query(object, Query::new().filter(filter::and(condition)).sort(["id"]).limit(PAGE))?;
    let (mut calls, mut count) = (0, 0);
    for record in &found {
        if calls >= ENOUGH {
            break;
        }
        calls += look(record)?;
        count += 1;
    }
    // A page that is not full is the last one.
    let is_last = count == found.len() && found.len() < PAGE as usize;
    match found.get(count.saturating_sub(1)) {
        Some(last) if !is_last => enqueue(name, last.id())?,
        _ => {}
    }
    Ok(count)
}

fn enqueue(name: &str, after: &str) -> Result<(), Fault> {
    jobs::enqueue(name, &json!({"after": after}), Duration::ZERO).map(drop)
}
