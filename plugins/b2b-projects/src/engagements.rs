//! Engagements: which stage they are in, how they came there, and how much of them is done.

use std::collections::{BTreeMap, BTreeSet};

use b2b_rules::day::Day;
use b2b_rules::gate::{self, Artifacts, Direction, Phase, Stage};
use guildhall_sdk::{Change, Decimal, Fault, Money, Outcome, Record, clock, filter, json, records};

use crate::store;
use crate::tasks::tally;

pub const ENGAGEMENT: &str = "b2b.engagement";
pub const STAGE: &str = "b2b.stage";

/// The fields that matter here.
const FIELDS: [&str; 3] = ["stage", "percent_method", "percent_manual"];

/// Judges changes of engagements.
pub fn judge(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let mut stages = BTreeSet::new();
    for record in changes.iter().flat_map(|change| change.before.iter().chain(&change.after)) {
        stages.extend(record.link("stage"));
    }
    let stages = if changes.iter().any(is_moved) { store::by_id(STAGE, &stages)? } else { BTreeMap::new() };
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        outcomes.push(match one(change, &stages) {
            Ok(None) => Outcome::Accept,
            Ok(Some(fields)) => Outcome::Amend(fields),
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => Outcome::Refuse(fault),
        });
    }
    Ok(outcomes)
}

fn is_moved(change: &Change) -> bool {
    store::differs(change, &["stage"])
}

fn one(change: &Change, stages: &BTreeMap<String, Record>) -> Result<Option<Record>, Fault> {
    currency_stays(change)?;
    if !store::differs(change, &FIELDS) {
        return Ok(None);
    }
    let Some(after) = &change.after else { return unused(&change.id).map(|()| None) };
    let manual = after.decimal("percent_manual").unwrap_or(Decimal::ZERO);
    if manual.is_negative() || manual > Decimal::from(100) {
        return Err(Fault::invalid("A percentage is between 0 and 100.").with_detail("field", "percent_manual"));
    }
    let mut fields = Record::new().set("percent_complete", tally::percent(after));
    if is_moved(change) {
        fields = moved(change, after, stages, fields)?;
    }
    Ok(Some(fields))
}

/// Refuses a budget in another currency than the amounts that are held against it. Whoever adds one counts up the
/// engagement.
fn currency_stays(change: &Change) -> Result<(), Fault> {
    let currency = |record: &Record| record.money("budget").map(|budget| budget.currency);
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
    let Some(currency) = currency(after).filter(|new| currency(before).as_ref() != Some(new)) else { return Ok(()) };
    for (object, field) in [("b2b.task", "budget"), ("b2b.cost", "amount")] {
        let nothing = Money { amount: Decimal::ZERO, currency: currency.clone() };
        // None of them is below zero, and amounts compare within their currency.
        let is_other = filter::and([filter::not(filter::missing(field)), filter::not(filter::gte(field, nothing))]);
        let of_it = filter::eq("engagement", change.id.as_str());
        if store::exists(object, filter::and([of_it, is_other]))? {
            let message = format!("There are records of {object} with amounts that are not in {currency}.");
            return Err(Fault::new("other_currency", message).with_detail("object", object));
        }
    }
    Ok(())
}

/// Refuses an amount in another currency than the engagement's budget.
pub fn in_its_currency(engagement: &Record, amount: &Money, field: &str) -> Result<(), Fault> {
    match engagement.money("budget") {
        Some(budget) if budget.currency != amount.currency => {
            Err(Fault::new("other_currency", format!("The engagement has its budget in {}.", budget.currency))
                .with_detail("field", field))
        }
        _ => Ok(()),
    }
}

/// Writes a change of stage into the history, when the gate is open.
fn moved(change: &Change, after: &Record, stages: &BTreeMap<String, Record>, fields: Record) -> Result<Record, Fault> {
    let named = |record: Option<&Record>| record.and_then(|record| record.link("stage")).and_then(|id| stages.get(id));
    let from = named(change.before.as_ref()).map(stage);
    let Some(record) = named(Some(after)) else {
        return if from.is_none() {
            Ok(fields)
        } else {
            Err(Fault::new("stage_needed", "An engagement that has begun stays in a stage.")
                .with_detail("field", "stage"))
        };
    };
    if record.boolean("active") == Some(false) {
        return Err(Fault::new("stage_inactive", "The stage is not in use any more.").with_detail("field", "stage"));
    }
    let to = stage(record);
    let direction = Direction::of(from.as_ref(), &to);
    let reason = after.text("stage_reason").filter(|reason| !reason.trim().is_empty());
    if direction == Direction::Backward && reason.is_none() {
        return Err(
            Fault::new("reason_needed", "A step back needs `stage_reason`.").with_detail("field", "stage_reason")
        );
    }
    let evidence = pass(change, from.as_ref(), &to)?;
    let since = change.before.as_ref().and_then(|before| before.datetime("stage_since"));
    let since = since.and_then(|at| Day::of_moment(at).ok());
    let today = store::today()?;
    let mut event = Record::new()
        .set("engagement", change.id.as_str())
        .set("to_stage", to.id.as_str())
        .set("to_phase", to.phase.as_str())
        .set("direction", direction.as_str())
        .set("at", clock::now())
        .set("actor", store::actor()?)
        .set("evidence", json!(evidence));
    if let Some(from) = &from {
        event = event.set("from_stage", from.id.as_str()).set("from_phase", from.phase.as_str());
    }
    if let Some(since) = since {
        event = event.set("days", today.since(since));
    }
    if let Some(reason) = reason {
        event = event.set("reason", reason);
    }
    records::create("b2b.stage_event", event)?;
    let fields = fields.set("phase", to.phase.as_str()).set("stage_since", clock::now());
    // The reason is told once: the next step back needs one of its own.
    Ok(if reason.is_some() { fields.set("stage_reason", ()) } else { fields })
}

/// Goes through all gates on the way; the ids of what was shown there.
fn pass(change: &Change, from: Option<&Stage>, to: &Stage) -> Result<Vec<String>, Fault> {
    let all = match from {
        Some(from) if from.place() < to.place() => store::all(STAGE, &filter::eq("active", true))?,
        _ => Vec::new(),
    };
    let all: Vec<Stage> = all.iter().map(stage).collect();
    let (artifacts, evidence) = artifacts(&change.id)?;
    let missing = gate::missing(from, to, &all, &artifacts);
    if missing.is_empty() {
        return Ok(evidence);
    }
    let names: Vec<&str> = missing.names().collect();
    Err(Fault::new("gate_closed", format!("The gate asks for {}.", names.join(", ")))
        .with_detail("exit_criteria", missing.exit_criteria.clone())
        .with_detail("documents", missing.documents.clone())
        .with_detail("entry_criteria", missing.entry_criteria.clone()))
}

fn stage(record: &Record) -> Stage {
    Stage {
        id: record.id().to_owned(),
        phase: Phase::of(record.text("phase")),
        position: record.integer("position").unwrap_or_default(),
        entry_criteria: gate::lines(record.text("entry_criteria")),
        exit_criteria: gate::lines(record.text("exit_criteria")),
        required_documents: gate::lines(record.text("required_documents")),
    }
}

/// What an engagement has to show, and the ids of it. A document without a file and an address shows nothing.
fn artifacts(engagement: &str) -> Result<(Artifacts, Vec<String>), Fault> {
    let mut found = Artifacts::default();
    let mut ids = Vec::new();
    for record in store::all("b2b.artifact", &filter::eq("engagement", engagement))? {
        let name = record.text("name").unwrap_or_default().trim().to_owned();
        let is_there = record.text("file").or(record.text("url")).is_some();
        match record.text("kind") {
            Some("criterion") => found.criteria.insert(name),
            _ if is_there => found.documents.insert(name),
            _ => continue,
        };
        ids.push(record.id().to_owned());
    }
    Ok((found, ids))
}

/// Refuses to delete an engagement that others name. Each of them counts it up when it comes.
fn unused(id: &str) -> Result<(), Fault> {
    for object in ["b2b.contract", "b2b.task", "b2b.milestone", "b2b.cost"] {
        if store::exists(object, filter::eq("engagement", id))? {
            return Err(Fault::new("record_in_use", format!("There are records of {object} that name it."))
                .with_detail("object", object));
        }
    }
    Ok(())
}

/// What a tenant begins with, in English and Chinese, when it has no stages of its own.
const STAGES: [(&str, &str, Phase, i64, i64); 9] = [
    ("Qualification", "需求确认", Phase::Presale, 10, 14),
    ("Solution", "方案设计", Phase::Presale, 20, 30),
    ("Offer", "报价投标", Phase::Presale, 30, 30),
    ("Contract", "合同签订", Phase::Sale, 10, 21),
    ("Delivery", "项目交付", Phase::Sale, 20, 120),
    ("Acceptance", "项目验收", Phase::Sale, 30, 30),
    ("Handover", "移交运维", Phase::Aftersale, 10, 14),
    ("Warranty", "质保服务", Phase::Aftersale, 20, 365),
    ("Renewal", "续约增购", Phase::Aftersale, 30, 60),
];

/// Adds the stages to begin with, when there are none.
pub fn add_stages() -> Result<(), Fault> {
    if store::exists(STAGE, filter::and([]))? {
        return Ok(());
    }
    for (name, name_zh, phase, position, days) in STAGES {
        let stage = Record::new()
            .set("name", name)
            .set("name_zh", name_zh)
            .set("phase", phase.as_str())
            .set("position", position)
            .set("expected_days", days);
        records::create(STAGE, stage)?;
    }
    Ok(())
}
