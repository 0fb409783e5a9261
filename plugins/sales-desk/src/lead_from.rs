//! A lead of a conversation or a contact, in one step: once for each, and its channel is kept.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};

use crate::ask;

/// The lead, which is made when there is none yet.
pub fn make(input: &Value) -> Result<Value, Fault> {
    let conversation = ask::text(input, "conversation").map(|id| ask::record("conversation", id)).transpose()?;
    let contact = match &conversation {
        Some(conversation) => conversation.link("contact"),
        None => ask::text(input, "contact"),
    };
    let contact = contact.map(|id| ask::record("contact", id)).transpose()?;
    let origin = match (&conversation, &contact) {
        (Some(conversation), _) => format!("conversation:{}", conversation.id()),
        (None, Some(contact)) => format!("contact:{}", contact.id()),
        (None, None) => return Err(Fault::invalid("A lead is made of a conversation or a contact.")),
    };
    let known = Query::new().filter(filter::eq("origin", origin.as_str())).limit(1);
    if let Some(lead) = records::query("sales.lead", known)?.first() {
        return Ok(json!({"lead": lead.id(), "is_new": false}));
    }
    let lead =
        records::create("sales.lead", fields(input, conversation.as_ref(), contact.as_ref())?.set("origin", origin))?;
    Ok(json!({"lead": lead.id(), "is_new": true}))
}

fn fields(input: &Value, conversation: Option<&Record>, contact: Option<&Record>) -> Result<Record, Fault> {
    let of = |record: Option<&Record>, field: &str| record.and_then(|record| record.text(field)).map(str::to_owned);
    let said = |field: &str| ask::text(input, field).map(str::to_owned);
    let name = said("name").or_else(|| of(contact, "name")).or_else(|| of(conversation, "subject"));
    let nameless = || Fault::new("name_required", "Nobody knows the name yet: give one.").with_detail("field", "name");
    let channel = of(conversation, "channel");
    let company = contact.and_then(|contact| contact.link("company"));
    let company = company.map(|id| records::get("company", id)).transpose()?.flatten();
    let mut lead = Record::new()
        .set("name", name.ok_or_else(nameless)?)
        .set("contact", contact.map(Record::id))
        .set("conversation", conversation.map(Record::id))
        .set("company", company.as_ref().map(Record::id))
        .set("company_name", of(company.as_ref(), "name"))
        .set("source", said("source").or_else(|| channel.clone()).or_else(|| of(contact, "source")))
        .set("channel", channel)
        .set("campaign", said("campaign"))
        .set("interest", said("interest"));
    for field in ["email", "phone", "job_title", "city", "country"] {
        lead = lead.set(field, of(contact, field));
    }
    Ok(lead)
}
