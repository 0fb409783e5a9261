//! Checks VAT numbers before they are stored, and puts them into one form.

mod number;

use guildhall_sdk::{BeforeWrite, Change, Fault, Outcome, Record, config, register};
use serde::Deserialize;

use crate::number::{Invalid, normalise};

struct VatNumber;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    unknown: Unknown,
}

/// What becomes of numbers of countries that have no rule here.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Unknown {
    #[default]
    Refuse,
    Accept,
}

impl BeforeWrite for VatNumber {
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        let Settings { unknown } = config::get()?;
        Ok(changes.iter().map(|change| judge(change, unknown)).collect())
    }
}

fn judge(change: &Change, unknown: Unknown) -> Outcome {
    let number = |record: &Option<Record>| record.as_ref()?.text("number").map(str::to_owned);
    let Some(after) = number(&change.after) else { return Outcome::Accept };
    // What was accepted once stays good when only something else changes.
    if number(&change.before).as_ref() == Some(&after) {
        return Outcome::Accept;
    }
    match normalise(&after) {
        Ok(number) if number == after => Outcome::Accept,
        Ok(number) => Outcome::Amend(Record::new().set("number", number)),
        Err(Invalid::Country(_)) if unknown == Unknown::Accept => Outcome::Accept,
        Err(invalid) => Outcome::Refuse(
            Fault::invalid(format!("`{after}` is no VAT number: {invalid}."))
                .with_detail("field", "number")
                .with_detail("reason", invalid.code()),
        ),
    }
}

register!(VatNumber: BeforeWrite);
