//! Steps of a deal: further on, to its end, and back to life.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};

use crate::ask;

/// To the next stage, or to the one that is named.
pub fn advance(input: &Value) -> Result<Value, Fault> {
    let deal = ask::record("sales.deal", ask::required(input, "deal")?)?;
    let stage = match ask::text(input, "stage").unwrap_or("next") {
        "next" => next(&deal)?,
        stage => stage.to_owned(),
    };
    if deal.text("status") != Some("open") {
        return Err(Fault::new("deal_closed", "Only an open deal is advanced."));
    }
    update(&deal, reason(input).set("stage", stage))
}

/// Won or lost. What is closed in that way already stays as it is, so that the call may be made again.
pub fn close(input: &Value) -> Result<Value, Fault> {
    let deal = ask::record("sales.deal", ask::required(input, "deal")?)?;
    let outcome = ask::required(input, "outcome")?;
    if deal.text("status") == Some(outcome) {
        return Ok(answer(&deal));
    }
    let mut fields = reason(input).set("status", outcome);
    for field in ["lost_reason", "lost_note", "competitor"] {
        if let Some(value) = ask::text(input, field).filter(|_| outcome == "lost") {
            fields = fields.set(field, value);
        }
    }
    update(&deal, fields)
}

/// Open again.
pub fn reopen(input: &Value) -> Result<Value, Fault> {
    let deal = ask::record("sales.deal", ask::required(input, "deal")?)?;
    if deal.text("status") == Some("open") {
        return Ok(answer(&deal));
    }
    update(&deal, reason(input).set("status", "open"))
}

fn reason(input: &Value) -> Record {
    Record::new().set("change_reason", ask::text(input, "reason"))
}

fn update(deal: &Record, fields: Record) -> Result<Value, Fault> {
    Ok(answer(&records::update("sales.deal", deal.id(), fields)?))
}

fn answer(deal: &Record) -> Value {
    json!({"deal": deal.id(), "stage": deal.link("stage"), "status": deal.text("status")})
}

/// The stage behind the one that the deal is in.
fn next(deal: &Record) -> Result<String, Fault> {
    let of_pipeline = filter::eq("pipeline", deal.link("pipeline"));
    let query = Query::new().filter(of_pipeline).sort(["position", "id"]).limit(Query::MOST);
    let stages = records::query("sales.stage", query)?;
    let mut behind = stages.iter().skip_while(|stage| Some(stage.id()) != deal.link("stage")).skip(1);
    let last = || Fault::new("last_stage", "The deal is in the last stage: close it.");
    behind.next().map(|stage| stage.id().to_owned()).ok_or_else(last)
}
