//! Product registration: an end customer who bought from a dealer becomes known.

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Query, Record, Value, json, records};

use crate::read;

const CONTACT: &str = "contact";

/// The action: finds the end customer by e-mail or phone, or adds one, and registers the product. All of it is done
/// with the rights of who asks.
pub fn run(input: &Value) -> Result<Value, Fault> {
    for (field, object) in [("dealer", "company"), ("company", "company")] {
        if let Some(id) = read::text(input, field) {
            read::need(object, id).map_err(|fault| fault.with_detail("field", field))?;
        }
    }
    let (contact, is_new) = match known(input)? {
        Some(contact) => (contact, false),
        None => (add(input)?, true),
    };
    let mut registration = Record::new().set("contact", contact.as_str());
    for field in ["product", "serial", "dealer", "company", "source", "purchased_on", "warranty_until"] {
        if let Some(value) = input.get(field) {
            registration = registration.set(field, value.clone());
        }
    }
    let registration = records::create("b2b.product_registration", registration)?;
    Ok(json!({"registration": registration.id(), "contact": contact, "is_new": is_new}))
}

/// The contact with this e-mail address, or with this phone number.
fn known(input: &Value) -> Result<Option<String>, Fault> {
    for field in ["email", "phone"] {
        let Some(value) = read::text(input, field) else { continue };
        let is_same: Filter = filter::eq(field, value);
        if let Some(contact) = records::query(CONTACT, Query::new().filter(is_same).sort(["id"]).limit(1))?.pop() {
            return Ok(Some(contact.id().to_owned()));
        }
    }
    Ok(None)
}

fn add(input: &Value) -> Result<String, Fault> {
    let mut contact = Record::new();
    for field in ["name", "email", "phone"] {
        if let Some(value) = input.get(field) {
            contact = contact.set(field, value.clone());
        }
    }
    Ok(records::create(CONTACT, contact)?.id().to_owned())
}
