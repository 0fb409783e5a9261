//! What a deal needs before a stage and after it.

use guildhall_sdk::{Fault, Record, Value};

/// The fields of a deal that a criterion may ask for, beside the tenant's own (`x_…`).
const FIELDS: [&str; 12] = [
    "amount",
    "company",
    "contact",
    "owner",
    "close_date",
    "next_step",
    "next_step_at",
    "source",
    "competitor",
    "note",
    "lead",
    "external_id",
];

/// The most criteria of a list, and the most checks of a deal.
const MOST: usize = 50;
/// The longest name of a check.
const LONGEST: usize = 80;

/// One thing that has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Criterion {
    /// A field that is not empty.
    Field(String),
    /// At least one product.
    Lines,
    /// A check that somebody has confirmed.
    Check(String),
}

impl Criterion {
    fn read(text: &str) -> Option<Self> {
        if text == "lines" {
            return Some(Self::Lines);
        }
        if let Some(check) = text.strip_prefix("check:") {
            return is_check(check).then(|| Self::Check(check.to_owned()));
        }
        (FIELDS.contains(&text) || text.starts_with("x_")).then(|| Self::Field(text.to_owned()))
    }

    fn is_met(&self, deal: &Record, has_lines: bool) -> bool {
        match self {
            Self::Field(name) => !matches!(deal.value(name), None | Some(Value::Null)),
            Self::Lines => has_lines,
            Self::Check(name) => confirmed(deal).any(|check| check == name),
        }
    }

    /// As it is written.
    pub fn text(&self) -> String {
        match self {
            Self::Field(name) => name.clone(),
            Self::Lines => "lines".to_owned(),
            Self::Check(name) => format!("check:{name}"),
        }
    }
}

fn is_check(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= LONGEST
}

fn confirmed(deal: &Record) -> impl Iterator<Item = &str> {
    deal.value("checks").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The criteria that a stage has in a field.
pub fn criteria(stage: &Record, field: &str) -> Result<Vec<Criterion>, Fault> {
    let wrong = |entry: &str| {
        let message = format!("`{field}` is a list of fields of a deal, `lines` and `check:` with a name; {entry}.");
        Fault::new("invalid_criteria", message).with_detail("field", field)
    };
    let list = match stage.value(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= MOST => list,
        Some(_) => return Err(wrong("this is none, or too long")),
    };
    let read =
        |entry: &Value| entry.as_str().and_then(Criterion::read).ok_or_else(|| wrong(&format!("{entry} is none")));
    list.iter().map(read).collect()
}

/// Refuses checks that are no list of names.
pub fn look_at_checks(deal: &Record) -> Result<(), Fault> {
    let is_good = match deal.value("checks") {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.len() <= MOST && list.iter().all(|check| check.as_str().is_some_and(is_check)),
        Some(_) => false,
    };
    let message = || format!("`checks` is a list of at most {MOST} names.");
    if is_good { Ok(()) } else { Err(Fault::new("invalid_checks", message()).with_detail("field", "checks")) }
}

/// Refuses a deal that does not have what is asked for; all that is missing is named.
pub fn pass<'a>(criteria: impl Iterator<Item = &'a Criterion>, deal: &Record, has_lines: bool) -> Result<(), Fault> {
    let mut missing: Vec<String> = criteria.filter(|one| !one.is_met(deal, has_lines)).map(Criterion::text).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("The deal cannot go there yet: it lacks {}.", missing.join(", "));
    Err(Fault::new("criteria_not_met", message).with_detail("missing", missing))
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::json;

    use super::*;

    #[test]
    fn what_is_no_criterion_is_refused() {
        let read = |value: Value| criteria(&Record::new().set("entry_criteria", value), "entry_criteria");
        let good = read(json!(["amount", "lines", "check:budget", "x_level"])).unwrap();
        assert_eq!(
            good.iter().map(Criterion::text).collect::<Vec<_>>(),
            ["amount", "lines", "check:budget", "x_level"]
        );
        assert_eq!(read(Value::Null), Ok(Vec::new()));
        for wrong in [
            json!("amount"),
            json!(["password"]),
            json!(["check:"]),
            json!(["check: "]),
            json!([7]),
            json!({"amount": true}),
            json!(vec!["amount"; MOST + 1]),
            json!([format!("check:{}", "x".repeat(LONGEST + 1))]),
        ] {
            assert_eq!(read(wrong.clone()).unwrap_err().code(), "invalid_criteria", "{wrong}");
        }
    }

    #[test]
    fn an_empty_field_is_missing_and_all_that_is_missing_is_named() {
        let asked = [Criterion::Field("amount".to_owned()), Criterion::Check("budget".to_owned()), Criterion::Lines];
        let deal = Record::new().set("amount", ()).set("checks", json!(["legal", 7]));
        let fault = pass(asked.iter().chain(&asked), &deal, false).unwrap_err();
        assert_eq!(fault.details()["missing"], json!(["amount", "check:budget", "lines"]));
        let deal = deal.set("amount", "1").set("checks", json!(["budget"]));
        assert_eq!(pass(asked.iter(), &deal, true), Ok(()));
    }
}
