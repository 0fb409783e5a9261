//! Refuses contacts that nobody could reach.

use guildhall_sdk::{Change, Fault, Record, Validate, register};

struct Plugin;

impl Validate for Plugin {
    fn validate(changes: &[Change]) -> Result<Vec<Result<(), Fault>>, Fault> {
        Ok(changes.iter().map(judge).collect())
    }
}

fn judge(change: &Change) -> Result<(), Fault> {
    match &change.after {
        Some(after) if !can_be_reached(after) => {
            Err(Fault::invalid("A contact needs an e-mail address or a phone number."))
        }
        _ => Ok(()),
    }
}

fn can_be_reached(contact: &Record) -> bool {
    ["email", "phone"].iter().any(|field| contact.text(field).is_some())
}

register!(Plugin: Validate);
