//! Registered deals of partners: who decided what, who is protected where, and no two at the same customer.

use std::collections::BTreeSet;

use b2b_rules::registration::{Decision, Status, Step, overlap};
use guildhall_sdk::{Change, Fault, Outcome, Query, Record, clock, config, filter, json, records};

use crate::accounts;
use crate::settings::Settings;
use crate::store;

pub const REGISTRATION: &str = "b2b.deal_registration";

/// Judges changes of registrations.
pub fn judge(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let mut outcomes = Vec::with_capacity(changes.len());
    // What is approved in this command is not stored yet, and protected all the same.
    let mut approved = Vec::new();
    for change in changes {
        outcomes.push(match one(change, &mut approved) {
            Ok(fields) => fields.map_or(Outcome::Accept, Outcome::Amend),
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => Outcome::Refuse(fault),
        });
    }
    Ok(outcomes)
}

/// What is approved in a command.
struct Claim {
    registration: String,
    company: String,
    products: BTreeSet<String>,
}

fn one(change: &Change, approved: &mut Vec<Claim>) -> Result<Option<Record>, Fault> {
    let before = change.before.as_ref();
    let status = Status::of(before.and_then(|before| before.text("status")));
    let Some(after) = &change.after else {
        return if status == Status::Approved {
            Err(Fault::new("registration_fixed", "What is approved is closed or withdrawn, and not deleted."))
        } else {
            Ok(None)
        };
    };
    // One that was deleted comes back as it was: nothing of it was protected.
    let is_restored = before.is_none() && after.integer("version").is_some_and(|version| version > 1);
    if is_restored || !store::differs(change, &["step", "decision", "partner", "company", "products"]) {
        return Ok(None);
    }
    if after.link("partner") == after.link("company") {
        return Err(Fault::invalid("A partner registers deals with others.").with_detail("field", "company"));
    }
    let is_fixed = before.is_some() && !matches!(status, Status::Draft | Status::Returned);
    if is_fixed && is_other_claim(change)? {
        return Err(Fault::new("registration_fixed", "Partner, customer and products stay as they were submitted."));
    }
    decide(change, after, status, approved)
}

/// Whether partner, customer or products are others, and not just merged with others.
fn is_other_claim(change: &Change) -> Result<bool, Fault> {
    for field in ["partner", "company"] {
        if store::differs(change, &[field]) && !store::was_merged(change, "company", field)? {
            return Ok(true);
        }
    }
    Ok(store::differs(change, &["products"]))
}

/// What a step and a decision come to, in this order.
fn decide(
    change: &Change,
    after: &Record,
    mut status: Status,
    approved: &mut Vec<Claim>,
) -> Result<Option<Record>, Fault> {
    let before = change.before.as_ref();
    let invalid = |what: &str, status: Status| {
        Fault::new("invalid_transition", format!("A registration that is {} is not {what}.", status.as_str()))
            .with_detail("status", status.as_str())
    };
    let was = |field: &str| before.and_then(|before| before.text(field));
    let mut fields = Record::new();
    let mut submitter = was("submitted_by").map(str::to_owned);
    let step = after.text("step");
    // A new one is a draft until it says something else.
    let old_step = was("step").or(before.is_none().then_some("draft"));
    let is_stepped = step != old_step;
    if is_stepped {
        let next = status.stepped(Step::of(step)).ok_or_else(|| invalid(step.unwrap_or("draft"), status))?;
        if next == Status::Submitted {
            let actor = store::actor()?;
            fields = fields.set("submitted_by", actor.as_str()).set("submitted_at", clock::now());
            submitter = Some(actor);
        }
        status = next;
    }
    // It is told once, as a command: the status has what came of it.
    if let Some(decision) = after.text("decision") {
        let asked = Decision::of(Some(decision)).ok_or_else(|| invalid(decision, status))?;
        let next = status.decided(asked).ok_or_else(|| invalid(decision, status))?;
        let actor = store::actor()?;
        if submitter.as_ref() == Some(&actor) {
            return Err(Fault::new("own_registration", "Somebody else decides on what one has submitted."));
        }
        fields = fields.set("decision", ()).set("decided_by", actor).set("decided_at", clock::now());
        match next {
            Status::Returned => fields = fields.set("step", "draft"),
            Status::Approved => fields = approve(change, after, fields, approved)?,
            _ => {}
        }
        status = next;
    }
    Ok(Some(fields.set("status", status.as_str())))
}

/// Makes a deal of it, and protects the partner, when nobody else is.
fn approve(change: &Change, after: &Record, mut fields: Record, approved: &mut Vec<Claim>) -> Result<Record, Fault> {
    let settings: Settings = config::get()?;
    let company = after.link("company").unwrap_or_default();
    // The deal comes first: who may make none learns nothing of other registrations.
    if settings.create_deal && after.link("deal").is_none() {
        let deal = Record::new()
            .set("name", after.text("title").unwrap_or_default())
            .set("company", company)
            .set("amount", after.value("amount").cloned().unwrap_or_default())
            .set("source", "partner");
        fields = fields.set("deal", records::create("sales.deal", deal)?.id());
    }
    // Written with every approval: of two at the same time, one runs again and sees the other.
    accounts::touch(company)?;
    let protected = filter::and([
        filter::eq("company", company),
        filter::eq("status", "approved"),
        filter::gte("protected_until", "$today"),
        filter::ne("id", change.id.as_str()),
    ]);
    let claim = Claim { registration: change.id.clone(), company: company.to_owned(), products: products(after) };
    let stored = store::all(REGISTRATION, &protected)?;
    let stored = stored.iter().filter(|other| overlap(&claim.products, &products(other))).map(Record::id);
    let beside = approved.iter().filter(|other| other.company == company && overlap(&claim.products, &other.products));
    if let Some(other) = stored.chain(beside.map(|other| other.registration.as_str())).next() {
        return Err(Fault::new("protection_conflict", "A partner is protected at this customer already.")
            .with_detail("registration", other));
    }
    approved.push(claim);
    let until = store::today()?.plus(settings.protection_days);
    Ok(fields.set("protected_until", until.to_string()))
}

fn products(registration: &Record) -> BTreeSet<String> {
    let named = registration.value("products").and_then(|products| products.as_array());
    named.into_iter().flatten().filter_map(|id| id.as_str()).map(str::to_owned).collect()
}

/// Ends protections that are over, some at a time; whether there may be more.
pub fn expire() -> Result<bool, Fault> {
    let over = filter::and([filter::eq("status", "approved"), filter::lt("protected_until", "$today")]);
    let found = records::query(REGISTRATION, Query::new().filter(over).sort(["id"]).limit(200))?;
    for registration in &found {
        let fields = Record::new().set("status", Status::Expired.as_str());
        records::update(REGISTRATION, registration.id(), fields)?;
    }
    Ok(found.len() == 200)
}

/// Amends a product registration: product and serial number are registered once.
pub fn judge_products(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let today = store::today()?.plus(1).to_string();
    let judge = |change: &Change| {
        let after = store::latest(change)?;
        let day = |field: &str| after.date(field);
        // A day later is today somewhere.
        if day("purchased_on").is_some_and(|day| day > today.as_str()) {
            return Err(Fault::invalid("A product is not bought in the future.").with_detail("field", "purchased_on"));
        }
        if day("purchased_on").zip(day("warranty_until")).is_some_and(|(from, until)| until < from) {
            let fault = Fault::invalid("A warranty does not end before the purchase.");
            return Err(fault.with_detail("field", "warranty_until"));
        }
        let serial = after.text("serial").unwrap_or_default().trim().to_uppercase();
        let key = format!("{}:{serial}", after.link("product").unwrap_or_default());
        Ok(Outcome::Amend(Record::new().set("key", json!(key))))
    };
    Ok(changes.iter().map(|change| judge(change).unwrap_or_else(Outcome::Refuse)).collect())
}
