//! The rules: what goes there, what comes here, and what holds when both sides were changed.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, kv, records};
use serde::{Deserialize, Serialize};

use crate::erp::{Conflict, Customer, Erp};

const OBJECT: &str = "company";

/// The fields that both sides have.
const FIELDS: [&str; 5] = ["name", "website", "phone", "city", "country"];

/// What both sides agreed on last, of a customer.
#[derive(Serialize, Deserialize)]
struct Agreed {
    revision: u64,
    /// Of our fields then: other ones are a change that the ERP does not know of.
    digest: String,
}

impl Agreed {
    fn of(customer: &str) -> Result<Option<Self>, Fault> {
        kv::get_as(&key(customer))
    }

    fn keep(customer: &Customer, digest: String) -> Result<(), Fault> {
        kv::set_as(&key(&customer.id), &Self { revision: customer.revision, digest })
    }
}

/// Sends a company to the ERP, as it is now.
pub fn push(erp: &Erp, id: &str) -> Result<(), Fault> {
    let Some(company) = records::get(OBJECT, id)? else { return Ok(()) };
    let fields = of_record(&company);
    let Some(customer) = company.text("external_id") else {
        let customer = erp.create(id, &fields)?;
        records::update(OBJECT, id, Record::new().set("external_id", customer.id.as_str()))?;
        // It may have been made in an earlier try, of what the company was then.
        if of_customer(&customer) != fields {
            return overwrite(erp, &company, &customer.id, customer.revision);
        }
        return Agreed::keep(&customer, digest(&fields));
    };
    match Agreed::of(customer)? {
        Some(agreed) if agreed.digest == digest(&fields) => Ok(()),
        agreed => overwrite(erp, &company, customer, agreed.map_or(0, |agreed| agreed.revision)),
    }
}

/// Has a customer become what the company is, unless it was changed there since this revision.
fn overwrite(erp: &Erp, company: &Record, customer: &str, revision: u64) -> Result<(), Fault> {
    let fields = of_record(company);
    let send = |revision: u64| {
        let key = format!("{}-{}-{revision}", company.id(), digest(&fields));
        erp.change(customer, revision, &fields, &key)
    };
    if let Some(changed) = send(revision)? {
        return Agreed::keep(&changed, digest(&fields));
    }
    let theirs = erp.customer(customer)?;
    if of_customer(&theirs) == fields || !is_ours(erp.conflict, company, &theirs) {
        return accept(company.id(), &theirs);
    }
    match send(theirs.revision)? {
        Some(changed) => Agreed::keep(&changed, digest(&fields)),
        None => Err(Fault::new("erp_busy", "The customer is being changed.").retryable()),
    }
}

/// Takes over what the ERP has, unless it is known already.
pub fn take(erp: &Erp, customer: &Customer) -> Result<(), Fault> {
    let agreed = Agreed::of(&customer.id)?;
    if agreed.as_ref().is_some_and(|agreed| agreed.revision >= customer.revision) {
        return Ok(());
    }
    let Some(company) = company_of(customer)? else {
        // One that was there and is not any more was deleted here.
        return if agreed.is_some() { Ok(()) } else { add(customer) };
    };
    let ours = of_record(&company);
    let is_changed =
        ours != of_customer(customer) && agreed.as_ref().is_none_or(|agreed| agreed.digest != digest(&ours));
    if is_changed && is_ours(erp.conflict, &company, customer) {
        // The event of our change is still to come, and overwrites this revision.
        records::update(OBJECT, company.id(), Record::new().set("external_id", customer.id.as_str()))?;
        return Agreed::keep(customer, agreed.map(|agreed| agreed.digest).unwrap_or_default());
    }
    accept(company.id(), customer)
}

fn add(customer: &Customer) -> Result<(), Fault> {
    let company = records::create(OBJECT, to_write(customer))?;
    Agreed::keep(customer, digest(&of_record(&company)))
}

fn accept(company: &str, customer: &Customer) -> Result<(), Fault> {
    let company = records::update(OBJECT, company, to_write(customer))?;
    Agreed::keep(customer, digest(&of_record(&company)))
}

/// The company that a customer is: by its key in the ERP, or one that was sent and has not been told its key yet.
fn company_of(customer: &Customer) -> Result<Option<Record>, Fault> {
    let by_key = Query::new().filter(filter::eq("external_id", customer.id.as_str())).limit(1);
    if let Some(company) = records::query(OBJECT, by_key)?.pop() {
        return Ok(Some(company));
    }
    let Some(reference) = &customer.reference else { return Ok(None) };
    Ok(records::get(OBJECT, reference)?.filter(|company| company.text("external_id").is_none()))
}

/// Which side holds. Both times are in UTC, so that they compare as texts do.
fn is_ours(conflict: Conflict, company: &Record, customer: &Customer) -> bool {
    let changed_here = company.datetime("updated_at").unwrap_or_default();
    match conflict {
        Conflict::Ours => true,
        Conflict::Theirs => false,
        Conflict::Newest => changed_here.trim_end_matches('Z') > customer.changed_at.trim_end_matches('Z'),
    }
}

fn of_record(company: &Record) -> Value {
    FIELDS.iter().map(|field| ((*field).to_owned(), company.value(field).cloned().unwrap_or_default())).collect()
}

fn of_customer(customer: &Customer) -> Value {
    FIELDS.iter().map(|field| ((*field).to_owned(), customer.fields[field].clone())).collect()
}

/// What a customer is here; what is empty there is emptied.
fn to_write(customer: &Customer) -> Record {
    let fields = FIELDS.iter().fold(Record::new(), |record, field| record.set(field, customer.fields[field].clone()));
    fields.set("external_id", json!(customer.id))
}

fn key(customer: &str) -> String {
    format!("customer/{customer}")
}

/// Tells values from others without keeping them: FNV-1a.
fn digest(fields: &Value) -> String {
    let text = fields.to_string();
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}
