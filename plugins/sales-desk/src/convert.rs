//! A lead becomes a company, a contact and a deal, in one commit and once.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};

use crate::ask;

/// Converts a lead. One that is converted already is answered as it is.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let lead = ask::record("sales.lead", ask::required(input, "lead")?)?;
    if lead.text("status") == Some("converted") {
        return Ok(answer(&lead, false));
    }
    let company = company(input, &lead)?;
    let contact = contact(input, &lead, company.as_deref())?;
    let deal = match &input["deal"] {
        Value::Bool(false) => None,
        wanted => Some(deal(wanted, &lead, company.as_deref(), &contact)?),
    };
    let fields =
        Record::new().set("status", "converted").set("company", company).set("contact", contact).set("deal", deal);
    Ok(answer(&records::update("sales.lead", lead.id(), fields)?, true))
}

fn answer(lead: &Record, is_new: bool) -> Value {
    json!({
        "lead": lead.id(),
        "company": lead.link("company"),
        "contact": lead.link("contact"),
        "deal": lead.link("deal"),
        "is_new": is_new,
    })
}

/// The company that is named, or known, or has the lead's name; a new one otherwise, when the lead says of which.
fn company(input: &Value, lead: &Record) -> Result<Option<String>, Fault> {
    if let Some(id) = ask::text(input, "company").or(lead.link("company")) {
        return Ok(Some(ask::record("company", id)?.id().to_owned()));
    }
    let Some(name) = lead.text("company_name") else { return Ok(None) };
    let same = Query::new().filter(filter::eq("name", name)).sort(["id"]).limit(1);
    if let Some(company) = records::query("company", same)?.first() {
        return Ok(Some(company.id().to_owned()));
    }
    let fields = taken(lead, &["industry", "city", "country", "employees", "owner"]);
    let company = records::create("company", fields.set("name", name).set("lifecycle", "prospect"))?;
    Ok(Some(company.id().to_owned()))
}

/// The contact that is named, or known, or has the lead's e-mail; a new one otherwise.
fn contact(input: &Value, lead: &Record, company: Option<&str>) -> Result<String, Fault> {
    if let Some(id) = ask::text(input, "contact").or(lead.link("contact")) {
        return Ok(ask::record("contact", id)?.id().to_owned());
    }
    if let Some(email) = lead.text("email") {
        let same = Query::new().filter(filter::eq("email", email)).limit(1);
        if let Some(contact) = records::query("contact", same)?.first() {
            return Ok(contact.id().to_owned());
        }
    }
    let fields = taken(lead, &["name", "job_title", "email", "phone", "city", "country", "source", "owner"]);
    let contact = records::create("contact", fields.set("company", company).set("lifecycle", "prospect"))?;
    Ok(contact.id().to_owned())
}

/// A deal holds its lead, and no two deals hold the same one.
fn deal(wanted: &Value, lead: &Record, company: Option<&str>, contact: &str) -> Result<String, Fault> {
    let name = ask::text(wanted, "name").or(lead.text("company_name")).or(lead.text("name"));
    let amount = wanted.get("amount").or(lead.value("budget")).cloned();
    let fields = taken(lead, &["source", "owner"])
        .set("name", name)
        .set("amount", amount)
        .set("pipeline", ask::text(wanted, "pipeline"))
        .set("close_date", ask::text(wanted, "close_date"))
        .set("company", company)
        .set("contact", contact)
        .set("lead", lead.id());
    Ok(records::create("sales.deal", fields)?.id().to_owned())
}

/// These fields of the lead.
fn taken(lead: &Record, fields: &[&str]) -> Record {
    fields.iter().fold(Record::new(), |taken, field| taken.set(field, lead.value(field).cloned()))
}
