//! Trims the names of contacts.

use guildhall_sdk::{BeforeWrite, Change, Fault, Outcome, Record, register};

struct Tidy;

impl BeforeWrite for Tidy {
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        Ok(changes.iter().map(trim_name).collect())
    }
}

fn trim_name(change: &Change) -> Outcome {
    match change.after.as_ref().and_then(|after| after.text("name")).map(str::trim) {
        Some("") => Outcome::Refuse(Fault::invalid("A contact needs a name.")),
        Some(name) => Outcome::Amend(Record::new().set("name", name)),
        None => Outcome::Accept,
    }
}

register!(Tidy: BeforeWrite);
