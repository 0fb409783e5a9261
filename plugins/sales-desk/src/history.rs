//! The history of a deal: each step, and how long it stood in each stage, until now.

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};
use sales_rules::duration;
use sales_rules::moment::Moment;

use crate::ask;
use crate::words::{self, Words};

/// The label of the time in which a deal was closed.
const CLOSED: &str = "closed";

pub fn run(input: &Value) -> Result<Value, Fault> {
    let deal = ask::record("sales.deal", ask::required(input, "deal")?)?;
    let events = events(deal.id())?;
    let seconds = seconds(&events, ask::now()?);
    let stages: Vec<Value> = seconds
        .iter()
        .filter(|(stage, _)| stage.as_str() != CLOSED)
        .map(|(stage, seconds)| {
            let in_hours = business_seconds(&events, stage);
            json!({"stage": stage, "seconds": seconds, "business_seconds": in_hours, "is_open": is_in(&deal, stage)})
        })
        .collect();
    Ok(
        json!({"deal": deal.id(), "status": deal.text("status"), "stages": stages, "events": events.iter().map(told).collect::<Vec<_>>()}),
    )
}

fn is_in(deal: &Record, stage: &str) -> bool {
    deal.text("status") == Some("open") && deal.link("stage") == Some(stage)
}

/// The lines of the history, in the order in which they were written.
fn events(deal: &str) -> Result<Vec<Record>, Fault> {
    let mut events = records::all("sales.stage_event", Some(&filter::eq("deal", deal)))?;
    events.sort_by(|one, other| (one.datetime("at"), one.id()).cmp(&(other.datetime("at"), other.id())));
    Ok(events)
}

fn told(event: &Record) -> Value {
    let fields = ["at", "kind", "from_stage", "to_stage", "seconds", "business_seconds", "amount", "actor", "reason"];
    fields.iter().map(|field| ((*field).to_owned(), event.value(field).cloned().unwrap_or_default())).collect()
}

/// Seconds in each stage. Of the time in which the deal was closed, no stage has any.
fn seconds(events: &[Record], now: Moment) -> BTreeMap<String, i64> {
    let history = events.iter().filter_map(|event| {
        let at = event.datetime("at")?.parse().ok()?;
        let is_closed = matches!(event.text("kind"), Some("won" | "lost"));
        let stage = if is_closed { CLOSED } else { event.link("to_stage")? };
        Some((at, stage.to_owned()))
    });
    duration::by_stage(&history.collect::<Vec<_>>(), now)
}

/// Seconds in working hours of the stays in a stage that have ended.
fn business_seconds(events: &[Record], stage: &str) -> i64 {
    let left = events.iter().filter(|event| event.link("from_stage") == Some(stage));
    left.filter_map(|event| event.integer("business_seconds")).sum()
}

/// The panel beside a deal.
pub fn draw(input: &Value) -> Result<Value, Fault> {
    let words = Words::of(&input["params"]);
    let deal = ask::record("sales.deal", ask::required(input, "id")?)?;
    let events = events(deal.id())?;
    let stages = filter::eq("pipeline", deal.link("pipeline"));
    let stages = records::query("sales.stage", Query::new().filter(stages).limit(500))?;
    let name = |id: &str| {
        let stage = stages.iter().find(|stage| stage.id() == id);
        stage.map_or_else(|| id.to_owned(), |stage| words.name(stage))
    };
    let items: Vec<Value> = events
        .iter()
        .rev()
        .take(200)
        .map(|event| {
            let kind = event.text("kind").unwrap_or_default();
            let to = event.link("to_stage").map(&name).unwrap_or_default();
            let tone = match kind {
                "won" => "good",
                "lost" => "bad",
                "backward" => "warning",
                _ => "neutral",
            };
            let title = format!("{}: {to}", words.kind(kind));
            json!({"at": event.datetime("at"), "title": title, "text": event.text("reason").unwrap_or_default(), "tone": tone})
        })
        .collect();
    let rows: Vec<Value> = seconds(&events, ask::now()?)
        .iter()
        .filter(|(stage, _)| stage.as_str() != CLOSED)
        .map(|(stage, seconds)| json!({"cells": {"stage": name(stage), "time": words::days(*seconds)}}))
        .collect();
    let columns = json!([
        {"key": "stage", "label": words.say(words::STAGE)},
        {"key": "time", "label": words.say(words::DAYS), "kind": "number"},
    ]);
    Ok(json!({"type": "stack", "title": words.say(words::HISTORY), "children": [
        {"type": "table", "columns": columns, "rows": rows},
        {"type": "timeline", "items": items},
    ]}))
}
