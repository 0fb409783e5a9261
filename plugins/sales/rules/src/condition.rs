//! Conditions on a lead, as rules of assignment and of scores have them: `{"field": "country", "in": ["DE"]}`.

use guildhall_sdk::{Decimal, Fault, Money, Record, Value};

/// The fields of a lead that a condition may ask about, beside the tenant's own (`x_…`).
const FIELDS: [&str; 18] = [
    "name",
    "company_name",
    "job_title",
    "email",
    "phone",
    "city",
    "country",
    "industry",
    "employees",
    "source",
    "channel",
    "campaign",
    "interest",
    "budget",
    "contact",
    "company",
    "conversation",
    "note",
];
/// The most conditions of a rule.
const MOST: usize = 50;

/// What holds of a field, or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    field: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Is(String),
    IsNot(String),
    In(Vec<String>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    AtLeast(Amount),
    AtMost(Amount),
    Present(bool),
}

/// A number, or an amount that compares within its currency alone.
#[derive(Debug, Clone, PartialEq)]
struct Amount {
    number: Decimal,
    currency: Option<String>,
}

impl Amount {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Object(_) => {
                let money: Money = Record::new().set("amount", value.clone()).money("amount")?;
                Some(Self { number: money.amount, currency: Some(money.currency) })
            }
            Value::String(text) => Some(Self { number: text.parse().ok()?, currency: None }),
            Value::Number(number) => Some(Self { number: Decimal::from(number.as_i64()?), currency: None }),
            _ => None,
        }
    }
}

impl Condition {
    fn read(value: &Value) -> Option<Self> {
        let members = value.as_object().filter(|members| members.len() == 2)?;
        let field = members.get("field")?.as_str()?;
        if !FIELDS.contains(&field) && !field.starts_with("x_") {
            return None;
        }
        let (name, wanted) = members.iter().find(|(name, _)| *name != "field")?;
        let text = || wanted.as_str().map(str::to_lowercase);
        let test = match name.as_str() {
            "is" => Test::Is(text()?),
            "is_not" => Test::IsNot(text()?),
            "in" => {
                let list = wanted.as_array()?.iter().map(|one| one.as_str().map(str::to_lowercase));
                Test::In(list.collect::<Option<_>>()?)
            }
            "contains" => Test::Contains(text()?),
            "starts_with" => Test::StartsWith(text()?),
            "ends_with" => Test::EndsWith(text()?),
            "at_least" => Test::AtLeast(Amount::read(wanted)?),
            "at_most" => Test::AtMost(Amount::read(wanted)?),
            "present" => Test::Present(wanted.as_bool()?),
            _ => return None,
        };
        Some(Self { field: field.to_owned(), test })
    }

    /// Whether it holds of a lead. Upper and lower case are the same.
    pub fn holds(&self, lead: &Record) -> bool {
        let value = lead.value(&self.field).filter(|value| !value.is_null());
        let text = || value.and_then(Value::as_str).map(str::to_lowercase).unwrap_or_default();
        let compared = |wanted: &Amount| {
            let found = value.and_then(Amount::read).filter(|found| found.currency == wanted.currency)?;
            Some(found.number.cmp(&wanted.number))
        };
        match &self.test {
            Test::Is(wanted) => text() == *wanted,
            Test::IsNot(wanted) => text() != *wanted,
            Test::In(wanted) => value.is_some() && wanted.contains(&text()),
            Test::Contains(wanted) => text().contains(wanted),
            Test::StartsWith(wanted) => text().starts_with(wanted),
            Test::EndsWith(wanted) => text().ends_with(wanted),
            Test::AtLeast(wanted) => compared(wanted).is_some_and(std::cmp::Ordering::is_ge),
            Test::AtMost(wanted) => compared(wanted).is_some_and(std::cmp::Ordering::is_le),
            Test::Present(wanted) => value.is_some() == *wanted,
        }
    }
}

/// The conditions that a rule has; none when it has no list.
pub fn read(list: Option<&Value>) -> Result<Vec<Condition>, Fault> {
    let wrong = |entry: &str| {
        let message = format!(
            "Conditions are a list of at most {MOST} objects with `field` and one of `is`, `is_not`, `in`, `contains`, \
             `starts_with`, `ends_with`, `at_least`, `at_most` and `present`; {entry}."
        );
        Fault::new("invalid_condition", message).with_detail("field", "conditions")
    };
    match list {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= MOST => {
            list.iter().map(|one| Condition::read(one).ok_or_else(|| wrong(&format!("{one} is none")))).collect()
        }
        Some(_) => Err(wrong("this is none, or too long")),
    }
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::json;

    use super::*;

    fn holds(condition: &Value, lead: &Record) -> bool {
        read(Some(&json!([condition]))).unwrap().iter().all(|one| one.holds(lead))
    }

    #[test]
    fn each_test_holds_and_fails() {
        let lead = Record::new()
            .set("country", "DE")
            .set("email", "ann@big.example")
            .set("employees", 250)
            .set("budget", json!({"amount": "1000.00", "currency": "EUR"}));
        for (condition, expected) in [
            (json!({"field": "country", "is": "de"}), true),
            (json!({"field": "country", "is_not": "AT"}), true),
            (json!({"field": "country", "in": ["AT", "DE"]}), true),
            (json!({"field": "country", "in": []}), false),
            (json!({"field": "city", "in": [""]}), false),
            (json!({"field": "email", "contains": "@BIG"}), true),
            (json!({"field": "email", "starts_with": "bob"}), false),
            (json!({"field": "email", "ends_with": ".example"}), true),
            (json!({"field": "employees", "at_least": 250}), true),
            (json!({"field": "employees", "at_most": "249.5"}), false),
            (json!({"field": "city", "at_most": 5}), false),
            (json!({"field": "budget", "at_least": {"amount": "999.99", "currency": "EUR"}}), true),
            (json!({"field": "budget", "at_least": {"amount": "1", "currency": "USD"}}), false),
            (json!({"field": "budget", "at_least": "1"}), false),
            (json!({"field": "city", "present": false}), true),
            (json!({"field": "email", "present": true}), true),
        ] {
            assert_eq!(holds(&condition, &lead), expected, "{condition}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for wrong in [
            json!({"field": "country", "is": "DE"}),
            json!([{"field": "score", "is": "1"}]),
            json!([{"field": "country"}]),
            json!([{"field": "country", "is": 7}]),
            json!([{"field": "country", "is": "DE", "in": []}]),
            json!([{"field": "country", "matches": "DE"}]),
            json!([{"field": "employees", "at_least": 1.5}]),
            json!(vec![json!({"field": "country", "is": "DE"}); 51]),
        ] {
            assert_eq!(read(Some(&wrong)).unwrap_err().code(), "invalid_condition", "{wrong}");
        }
        assert_eq!(read(None), Ok(Vec::new()));
    }
}
