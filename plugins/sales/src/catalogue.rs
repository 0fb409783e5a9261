//! What a tenant sets up: pipelines, stages, sellers, rules, rates and targets that make sense.

use guildhall_sdk::{Change, Decimal, Fault, Outcome, Record, Value, filter, json, records};
use sales_rules::deal::Stage;
use sales_rules::{condition, target};

use crate::lead::OPEN;
use crate::{outcome, page};

pub fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    changes.iter().map(|change| outcome(judged(change))).collect()
}

fn judged(change: &Change) -> Result<Option<Record>, Fault> {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    match (change.object.as_str(), after) {
        (object, None) => look_at_end(object, &change.id).map(|()| None),
        ("sales.pipeline", Some(pipeline)) => look_at_pipeline(pipeline).map(|()| None),
        ("sales.stage", Some(stage)) => look_at_stage(before, stage).map(|()| None),
        ("sales.seller", Some(seller)) => look_at_seller(before, seller),
        ("sales.assignment_rule", Some(rule)) => condition::read(rule.value("conditions")).map(|_| None),
        ("sales.rate", Some(rate)) => look_at_rate(rate).map(Some),
        ("sales.target", Some(target)) => look_at_target(target).map(Some),
        _ => Ok(None),
    }
}

fn refuse<T>(code: &str, field: &str, message: &str) -> Result<T, Fault> {
    Err(Fault::new(code, message).with_detail("field", field))
}

/// What is in use stays.
fn look_at_end(object: &str, id: &str) -> Result<(), Fault> {
    let open = |link: &str| filter::and([filter::eq(link, id), filter::eq("status", "open")]);
    let (code, of, condition) = match object {
        "sales.pipeline" => ("pipeline_in_use", "sales.deal", open("pipeline")),
        "sales.stage" => ("stage_in_use", "sales.deal", open("stage")),
        "sales.team" => ("team_in_use", "sales.seller", filter::eq("team", id)),
        _ => return Ok(()),
    };
    if page::any(of, condition)? {
        return Err(Fault::new(code, "It is in use, and stays. A pipeline can be made inactive."));
    }
    Ok(())
}

/// A currency's three letters.
fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn look_at_pipeline(pipeline: &Record) -> Result<(), Fault> {
    match pipeline.text("currency") {
        Some(code) if !is_currency(code) => {
            refuse("invalid_currency", "currency", "A currency is three capital letters.")
        }
        _ => Ok(()),
    }
}

fn look_at_stage(before: Option<&Record>, stage: &Record) -> Result<(), Fault> {
    if before.is_some_and(|before| before.link("pipeline") != stage.link("pipeline")) {
        return refuse("stage_moved", "pipeline", "A stage stays in its pipeline.");
    }
    let Stage { probability, max_days, .. } = Stage::read(stage)?;
    if !(0..=100).contains(&probability) {
        return refuse("probability_out_of_range", "probability", "A probability is from 0 to 100.");
    }
    if max_days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return refuse("days_out_of_range", "max_days", "`max_days` is from 1 to 3650.");
    }
    if stage.decimal("resource_hours").is_some_and(Decimal::is_negative) {
        return refuse("negative_number", "resource_hours", "`resource_hours` is below zero.");
    }
    if stage.money("purchase_value").is_some_and(|value| value.amount.is_negative()) {
        return refuse("negative_amount", "purchase_value", "`purchase_value` is below zero.");
    }
    Ok(())
}

fn look_at_seller(before: Option<&Record>, seller: &Record) -> Result<Option<Record>, Fault> {
    if seller.integer("max_open_leads").is_some_and(|most| most < 0) {
        return refuse("negative_number", "max_open_leads", "`max_open_leads` is below zero.");
    }
    match before {
        Some(before) if before.link("user") != seller.link("user") => {
            refuse("seller_moved", "user", "A seller stays the same user.")
        }
        Some(_) => Ok(None),
        // Leads may have been the user's before there was a seller, or while there was none.
        None => Ok(Some(Record::new().set("open_leads", open_leads(seller)?))),
    }
}

fn open_leads(seller: &Record) -> Result<i64, Fault> {
    let Some(user) = seller.link("user") else { return Ok(0) };
    let condition = filter::and([filter::eq("owner", user), filter::any_of("status", OPEN)]);
    let question = json!({"filter": Value::from(condition), "measures": [{"fn": "count", "as": "leads"}]});
    let answer = records::aggregate("sales.lead", &question)?;
    Ok(answer["data"][0]["leads"].as_i64().unwrap_or_default())
}

/// Counts the open leads of all sellers anew: they may have changed while the module was off.
pub fn recount() -> Result<(), Fault> {
    for seller in records::all("sales.seller", None)? {
        let leads = open_leads(&seller)?;
        if seller.integer("open_leads") != Some(leads) {
            records::update("sales.seller", seller.id(), Record::new().set("open_leads", leads))?;
        }
    }
    Ok(())
}

fn look_at_rate(rate: &Record) -> Result<Record, Fault> {
    let currency = rate.text("currency").unwrap_or_default();
    if !is_currency(currency) {
        return refuse("invalid_currency", "currency", "A currency is three capital letters.");
    }
    if rate.decimal("rate").is_none_or(|rate| rate <= Decimal::ZERO) {
        return refuse("rate_out_of_range", "rate", "A rate is above zero.");
    }
    let day = rate.date("valid_from").unwrap_or_default();
    Ok(Record::new().set("key", format!("{currency}/{day}")))
}

fn look_at_target(target: &Record) -> Result<Record, Fault> {
    if target.money("amount").is_none_or(|amount| amount.amount.is_negative()) {
        return refuse("negative_amount", "amount", "`amount` is below zero.");
    }
    Ok(Record::new().set("key", target::key(target)?))
}
