//! What time does: each night, and in as many jobs as it takes, because a call may do only so much.
//!
//! Every step looks at what is due and not at what was done before, so that it may run twice, late, or again after
//! days in which nothing ran.

mod birthdays;
mod lots;
mod opening;
mod tiers;

use std::time::Duration;

use guildhall_sdk::{Fault, Value, jobs, json};

use crate::calendar::{Calendar, date, next};
use crate::ledger::Ledger;
use crate::settings::Settings;

/// How many days of birthdays are caught up with.
const MOST_DAYS: usize = 31;

/// What comes of a step.
pub enum Step {
    /// There is more of it, with this input.
    More(Value),
    Done,
}

/// The nightly task begins its jobs.
pub fn begin(name: &str, due: &str) -> Result<(), Fault> {
    if name != "night" {
        return Err(Fault::internal(format!("There is no task {name}.")));
    }
    for step in ["activate", "expire", "tiers", "reservations", "bonus", "referrals"] {
        enqueue(step, &json!({}))?;
    }
    let settings = Settings::of_tenant()?;
    if settings.birthday_points > 0 {
        let today = Ledger::open(&settings).today()?;
        let mut day = Calendar::of_tenant()?.day(due)?.max(first_of(today));
        while day <= today {
            enqueue("birthdays", &json!({"day": day.to_string()}))?;
            day = next(day)?;
        }
    }
    Ok(())
}

fn first_of(today: crate::calendar::Date) -> crate::calendar::Date {
    today.series(jiff::Span::new().days(-1)).nth(MOST_DAYS - 1).unwrap_or(today)
}

/// Has entries of the first version of this module opened as lots.
pub fn open_lots() -> Result<(), Fault> {
    enqueue("open_lots", &json!({}))
}

/// One job.
pub fn run(name: &str, input: &Value) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let step = match name {
        "activate" => lots::activate(&mut ledger)?,
        "expire" => lots::expire(&mut ledger)?,
        "tiers" => tiers::end(&mut ledger, input["after"].as_str())?,
        "birthdays" => {
            let day = date(input["day"].as_str().unwrap_or_default())?;
            birthdays::celebrate(&mut ledger, day, input["after"].as_str())?
        }
        "open_lots" => opening::open(input["after"].as_str())?,
        "reservations" => crate::vouchers::release_overdue(&ledger.at)?,
        "referrals" => crate::referrals::reward(&mut ledger, input["after"].as_str())?,
        "bonus" => crate::cards::expire_bonus(&ledger)?,
        _ => return Err(Fault::internal(format!("There is no job {name}."))),
    };
    ledger.save()?;
    match step {
        Step::More(input) => enqueue(name, &input).map(|()| json!({"more": true})),
        Step::Done => Ok(json!({"more": false})),
    }
}

fn enqueue(name: &str, input: &Value) -> Result<(), Fault> {
    jobs::enqueue(name, input, Duration::ZERO).map(drop)
}
