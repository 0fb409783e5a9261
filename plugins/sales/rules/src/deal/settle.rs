//! One change of a deal, settled: refused, or with every field that follows from it.

use std::collections::BTreeMap;

use guildhall_sdk::{Change, Decimal, Fault, Money, Record, Value};

use super::follows::Follows;
use super::pipeline::{Pipeline, Pipelines, Stage};
use super::step::{HistoryLine, Kind, Way};
use super::worth::look_at_amount;
use crate::gate;
use crate::moment::Moment;
use crate::working_hours::WorkingHours;

/// What a deal that is closed keeps.
pub const FROZEN: [&str; 11] = [
    "pipeline",
    "stage",
    "amount",
    "owner",
    "close_date",
    "probability",
    "forecast_category",
    "next_step_at",
    "source",
    "lead",
    "checks",
];

/// How many years ahead a deal may be planned, and how far back it may lie.
const YEARS: i64 = 20;

/// The products of a deal together.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    pub count: usize,
    pub total: Money,
}

/// What a change is settled by.
pub struct Facts<'a> {
    pub now: Moment,
    pub pipelines: &'a Pipelines,
    /// The products of deals, by deal.
    pub lines: &'a BTreeMap<String, Lines>,
    /// The teams of sellers, by user.
    pub teams: &'a BTreeMap<String, String>,
    pub most: Decimal,
    pub needs_lost_reason: bool,
    pub hours: &'a WorkingHours,
}

/// What follows from a change.
#[derive(Debug)]
pub struct Settled {
    /// The fields that follow.
    pub fields: Record,
    /// What the history is told.
    pub history: Vec<HistoryLine>,
}

/// Settles a change of a deal that is new or goes on.
pub fn settle(change: &Change, after: &Record, facts: &Facts<'_>) -> Result<Settled, Fault> {
    let before = change.before.as_ref();
    if let Some(before) = before.filter(|before| before.text("status") != Some("open")) {
        return match after.text("status") {
            Some("open") => open(change, Some(before), after, facts),
            status if status == before.text("status") => frozen(before, after),
            _ => Err(Fault::new("deal_closed", "A deal that is closed is opened again first.")
                .with_detail("field", "status")),
        };
    }
    open(change, before, after, facts)
}

/// A deal that is closed and stays so: what it was worth, and whose it was, does not change any more.
fn frozen(before: &Record, after: &Record) -> Result<Settled, Fault> {
    match FROZEN.iter().find(|field| before.value(field) != after.value(field)) {
        Some(field) => {
            let message = format!("The deal is closed: `{field}` does not change any more. Open it again first.");
            Err(Fault::new("deal_closed", message).with_detail("field", *field))
        }
        None => Ok(Settled { fields: Record::new(), history: Vec::new() }),
    }
}

/// A deal that is new, was open, or is opened again.
fn open(change: &Change, before: Option<&Record>, after: &Record, facts: &Facts<'_>) -> Result<Settled, Fault> {
    let (pipeline, stage) = stage_of(before, after, facts.pipelines)?;
    let lines = facts.lines.get(&change.id);
    look_at_fields(before, after, pipeline, lines, facts)?;
    let status = after.text("status").unwrap_or("open");
    let was_here = before.filter(|before| before.link("pipeline") == Some(pipeline.id.as_str()));
    let from = was_here.and_then(|before| pipeline.place(before.link("stage")?));
    let place = pipeline.place(&stage.id).unwrap_or_default();
    let to = if status == "won" { pipeline.stages.len() } else { place };
    if status != "lost" && from != Some(to) {
        Way { from, to }.pass(pipeline, after, lines.is_some())?;
    }
    if status == "lost" && facts.needs_lost_reason && after.text("lost_reason").is_none() {
        let message = "A deal that is lost says why: `lost_reason`.";
        return Err(Fault::new("lost_reason_required", message).with_detail("field", "lost_reason"));
    }
    let history = history(before, from, place, pipeline, status, facts);
    let fields = Follows { before, after, pipeline, stage, status, history: &history, facts }.fields()?;
    Ok(Settled { fields, history })
}

/// The pipeline and the stage that the deal is in after the change.
fn stage_of<'a>(
    before: Option<&Record>,
    after: &Record,
    pipelines: &'a Pipelines,
) -> Result<(&'a Pipeline, &'a Stage), Fault> {
    let changes = |field| before.is_none_or(|before| before.value(field) != after.value(field));
    // A stage of another pipeline takes the deal there; a pipeline without a word about the stage begins anew.
    let named = match (changes("pipeline"), changes("stage")) {
        (false, true) if after.link("stage").is_some() => after.clone().set("pipeline", Value::Null),
        (true, false) => after.clone().set("stage", Value::Null),
        _ => after.clone(),
    };
    let pipeline = pipelines.of(&named)?;
    let is_new_here = before.is_none_or(|before| before.link("pipeline") != Some(pipeline.id.as_str()));
    if is_new_here && !pipeline.is_active {
        return Err(
            Fault::new("pipeline_inactive", "The pipeline takes no more deals.").with_detail("field", "pipeline")
        );
    }
    let stage = match named.link("stage") {
        Some(id) => pipeline.stage(id),
        None => pipeline.stages.first(),
    };
    let stage = stage.ok_or_else(|| {
        Fault::new("unknown_stage", "The stage is none of the deal's pipeline.").with_detail("field", "stage")
    })?;
    Ok((pipeline, stage))
}

fn look_at_fields(
    before: Option<&Record>,
    after: &Record,
    pipeline: &Pipeline,
    lines: Option<&Lines>,
    facts: &Facts<'_>,
) -> Result<(), Fault> {
    // What was stored by the rules of its time is not looked at again.
    let changes = |field: &str| before.is_none_or(|before| before.value(field) != after.value(field));
    let refuse = |code: &str, field: &str, message: String| Err(Fault::new(code, message).with_detail("field", field));
    if let Some(amount) = after.money("amount").filter(|_| changes("amount") || changes("pipeline") || changes("stage"))
    {
        look_at_amount("amount", &amount, facts.most, pipeline.currency.as_deref())?;
    }
    if changes("amount") && lines.is_some_and(|lines| Some(&lines.total) != after.money("amount").as_ref()) {
        return refuse("amount_from_lines", "amount", "The amount of a deal with products is their sum.".to_owned());
    }
    gate::look_at_checks(after)?;
    let probability = after.integer("probability").filter(|_| changes("probability"));
    if probability.is_some_and(|probability| !(0..=100).contains(&probability)) {
        return refuse("probability_out_of_range", "probability", "A probability is from 0 to 100.".to_owned());
    }
    let close_date = after.date("close_date").and_then(|day| day.parse().ok());
    let next_step = after.datetime("next_step_at").and_then(|at| at.parse::<Moment>().ok()).map(Moment::day);
    let today = facts.now.day();
    let in_reach = today.plus_days(-YEARS * 366)..=today.plus_days(YEARS * 366);
    for (field, day) in [("close_date", close_date), ("next_step_at", next_step)] {
        if changes(field) && day.is_some_and(|day| !in_reach.contains(&day)) {
            return refuse("date_out_of_range", field, format!("`{field}` is more than {YEARS} years away."));
        }
    }
    Ok(())
}

/// What the history is told of the change.
fn history(
    before: Option<&Record>,
    from: Option<usize>,
    place: usize,
    pipeline: &Pipeline,
    status: &str,
    facts: &Facts<'_>,
) -> Vec<HistoryLine> {
    let to_stage = Some(pipeline.stages[place].id.clone());
    let from_status = before.and_then(|before| before.text("status")).map(str::to_owned);
    let was_open = from_status.as_deref() == Some("open");
    let left = before.filter(|_| was_open);
    let line = |kind, left: Option<&Record>| HistoryLine {
        kind,
        from_stage: left.and_then(|left| left.link("stage")).map(str::to_owned),
        to_stage: to_stage.clone(),
        from_status: from_status.clone(),
        stay: left.and_then(|left| HistoryLine::stay(left, facts.now, facts.hours)),
    };
    let mut lines = Vec::new();
    match (before, from) {
        (None, _) => lines.push(line(Kind::Entered, None)),
        (Some(_), _) if !was_open => lines.push(line(Kind::Reopened, None)),
        (Some(_), None) => lines.push(line(Kind::Moved, left)),
        (Some(_), Some(from)) if from < place => lines.push(line(Kind::Forward, left)),
        (Some(_), Some(from)) if from > place => lines.push(line(Kind::Backward, left)),
        _ => {}
    }
    let closes = match status {
        "won" => Some(Kind::Won),
        "lost" => Some(Kind::Lost),
        _ => None,
    };
    if let Some(kind) = closes {
        // What is closed is the stage that the deal stood in: with a step there in the same change, for no time.
        let closed = if lines.is_empty() { line(kind, left) } else { line(kind, None) };
        let (from_stage, stay) = (closed.from_stage.or(to_stage.clone()), closed.stay.or(Some((0, 0))));
        lines.push(HistoryLine { from_stage, stay, ..closed });
    }
    lines
}
