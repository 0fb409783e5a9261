//! How long an engagement stayed in each of its stages.

use b2b_rules::day::Day;
use b2b_rules::pages;
use b2b_rules::stay::{Entry, stays};
use guildhall_sdk::{Fault, Value, filter, json};

use crate::read;
use crate::settings::Settings;

/// The action.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let id = read::text(input, "engagement").unwrap_or_default();
    read::need("b2b.engagement", id)?;
    // In the order of their ids, which is that of time.
    let events = pages::all("b2b.stage_event", &filter::eq("engagement", id))?;
    let history: Vec<Entry> = events
        .iter()
        .filter_map(|event| {
            let on = event.datetime("at").and_then(|at| Day::of_moment(at).ok())?;
            Some(Entry { stage: event.link("to_stage").map(str::to_owned), on })
        })
        .collect();
    let stays = stays(&history, read::today()?, &Settings::get()?.calendar()?);
    let rows: Vec<Value> = stays
        .into_iter()
        .map(|(stage, stay)| {
            json!({"stage": stage, "times": stay.times, "days": stay.days, "working_days": stay.working_days})
        })
        .collect();
    Ok(json!({"stages": rows}))
}
