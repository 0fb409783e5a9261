//! Trims the names of contacts before they are stored.

use guildhall_sdk::{BeforeWrite, Change, Fault, Outcome, Record, register};

struct Plugin;

impl BeforeWrite for Plugin {
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        Ok(changes.iter().map(trim_name).collect())
    }
}

fn trim_name(change: &Change) -> Outcome {
    let Some(name) = change.after.as_ref().and_then(|after| after.text("name")) else {
        return Outcome::Accept;
    };
    match name.trim() {
        "" => Outcome::Refuse(Fault::invalid("A contact needs a name.")),
        trimmed if trimmed == name => Outcome::Accept,
        trimmed => Outcome::Amend(Record::new().set("name", trimmed)),
    }
}

register!(Plugin: BeforeWrite);
