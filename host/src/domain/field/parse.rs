//! Reads values of the API into the types of fields.

use chrono::{Datelike, NaiveDate};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{FieldType, LONG_TEXT, MAX_VALUES};
use crate::domain::clock::Timestamp;
use crate::domain::invalid::Unfit;
use crate::domain::money::{Money, exact};
use crate::domain::value::{Reference, Value};

impl FieldType {
    /// Reads a value of the API; `null` is the empty value of every type.
    pub fn parse(&self, json: &Json) -> Result<Value, Unfit> {
        match (self, json) {
            (_, Json::Null) => Ok(Value::Null),
            (Self::Sealed(inner), json) => inner.parse(json),
            // Empty text is no text: forms send it for fields that were left alone.
            (kind, Json::String(text)) if text.is_empty() && !matches!(kind, Self::Json) => Ok(Value::Null),
            (Self::Text(max), Json::String(text)) => {
                if text.contains(['\n', '\r']) {
                    return Err(Unfit::out_of_range("is one line of text"));
                }
                bounded_text(text, *max)
            }
            (Self::LongText, Json::String(text)) => bounded_text(text, LONG_TEXT),
            (Self::Text(_) | Self::LongText, _) => Err(Unfit::wrong_type("text")),
            (Self::Integer, Json::Number(number)) => {
                number.as_i64().map(Value::Integer).ok_or_else(|| Unfit::wrong_type("a whole number of 64 bits"))
            }
            (Self::Integer, _) => Err(Unfit::wrong_type("a whole number")),
            (Self::Decimal { precision, scale }, Json::String(text)) => decimal(text, *precision, *scale),
            (Self::Decimal { precision, scale }, Json::Number(number)) if number.is_i64() => {
                decimal(&number.to_string(), *precision, *scale)
            }
            (Self::Decimal { .. }, _) => Err(Unfit::wrong_type("a decimal as a string, \"12.50\"")),
            (Self::Money, Json::Object(parts)) => match (parts.get("amount"), parts.get("currency")) {
                (Some(Json::String(amount)), Some(Json::String(currency))) if parts.len() == 2 => {
                    Money::parse(amount, currency).map(Value::Money)
                }
                _ => Err(money_form()),
            },
            (Self::Money, _) => Err(money_form()),
            (Self::Boolean, Json::Bool(value)) => Ok(Value::Boolean(*value)),
            (Self::Boolean, _) => Err(Unfit::wrong_type("true or false")),
            (Self::Date, Json::String(text)) => date(text),
            (Self::Date, _) => Err(Unfit::wrong_type("a date, \"2026-11-21\"")),
            (Self::Datetime, Json::String(text)) => Timestamp::parse(text)
                .map(Value::Datetime)
                .ok_or_else(|| Unfit::wrong_type("a time in RFC 3339, \"2026-11-21T09:30:00Z\"")),
            (Self::Datetime, _) => Err(Unfit::wrong_type("a time in RFC 3339")),
            (Self::Select(choices), Json::String(text)) if choices.contains(text) => Ok(Value::Text(text.clone())),
            (Self::Select(choices), _) => {
                Err(Unfit { code: "unknown_option", message: format!("is one of {}", choices.join(", ")) })
            }
            (Self::Email, Json::String(text)) => email(text),
            (Self::Email, _) => Err(Unfit::wrong_type("an e-mail address")),
            (Self::Phone, Json::String(text)) => phone(text),
            (Self::Phone, _) => Err(Unfit::wrong_type("a telephone number")),
            (Self::Url, Json::String(text)) => url(text),
            (Self::Url, _) => Err(Unfit::wrong_type("an address that starts with http:// or https://")),
            (Self::Json, any) if holds_nul(any) => Err(Unfit::out_of_range("holds a NUL character")),
            (Self::Json, any) => Ok(Value::Json(any.clone())),
            (Self::MultiSelect(choices), Json::Array(items)) => several(items, |item| match item {
                Json::String(text) if choices.contains(text) => Ok(text.clone()),
                _ => Err(Unfit { code: "unknown_option", message: format!("takes of {}", choices.join(", ")) }),
            })
            .map(|values| if values.is_empty() { Value::Null } else { Value::List(values) }),
            (Self::MultiSelect(_), _) => Err(Unfit::wrong_type("a list of options")),
            (Self::LinkMany(_), Json::Array(items)) => {
                several(items, id).map(|ids| if ids.is_empty() { Value::Null } else { Value::Ids(ids) })
            }
            (Self::LinkMany(_), _) => Err(Unfit::wrong_type("a list of ids of records")),
            (Self::LinkAny(objects), Json::Object(parts)) => match (parts.get("object"), parts.get("id")) {
                (Some(Json::String(object)), Some(of)) if parts.len() == 2 && objects.contains(object) => {
                    Ok(Value::Reference(Reference { object: object.clone(), id: id(of)? }))
                }
                (Some(Json::String(_)), Some(_)) if parts.len() == 2 => {
                    Err(Unfit { code: "unknown_option", message: format!("links to {}", objects.join(", ")) })
                }
                _ => Err(reference_form()),
            },
            (Self::LinkAny(_), _) => Err(reference_form()),
            (Self::Link(_) | Self::User, json) => id(json).map(Value::Id),
        }
    }
}

/// Distinct values of a list, in its order.
fn several<T: PartialEq>(items: &[Json], read: impl Fn(&Json) -> Result<T, Unfit>) -> Result<Vec<T>, Unfit> {
    if items.len() > MAX_VALUES {
        return Err(Unfit::out_of_range(format!("holds more than {MAX_VALUES} values")));
    }
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let value = read(item)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

fn id(json: &Json) -> Result<Uuid, Unfit> {
    let id = json.as_str().and_then(|text| Uuid::parse_str(text).ok());
    id.ok_or_else(|| Unfit::wrong_type("the id of a record"))
}

fn reference_form() -> Unfit {
    Unfit::wrong_type("a record as {\"object\": \"contact\", \"id\": \"…\"}")
}

fn bounded_text(text: &str, max: u32) -> Result<Value, Unfit> {
    if text.contains('\0') {
        return Err(Unfit::out_of_range("holds a NUL character"));
    }
    let max = max as usize;
    if text.len() > max && text.chars().count() > max {
        return Err(Unfit { code: "too_long", message: format!("is longer than {max} characters") });
    }
    Ok(Value::Text(text.to_owned()))
}

fn holds_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(holds_nul),
        Json::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

fn money_form() -> Unfit {
    Unfit::wrong_type("money as {\"amount\": \"29.33\", \"currency\": \"USD\"}")
}

/// `2026-11-21`, from year 1 to 9999, so that the order of the text is the order of the days.
fn date(text: &str) -> Result<Value, Unfit> {
    let has_form = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|date| has_form && date.year() >= 1)
        .map(Value::Date)
        .ok_or_else(|| Unfit::wrong_type("a date, \"2026-11-21\""))
}

fn decimal(text: &str, precision: u32, scale: u32) -> Result<Value, Unfit> {
    let number = exact(text).ok_or_else(|| Unfit::wrong_type("a decimal as a string, \"12.50\""))?;
    let mut number = number.normalize();
    if number.scale() > scale {
        return Err(Unfit::out_of_range(format!("has at most {scale} decimal places")));
    }
    number.rescale(scale);
    if number.scale() != scale || number.mantissa().unsigned_abs() >= 10_u128.pow(precision) {
        return Err(Unfit::out_of_range(format!("has at most {precision} digits")));
    }
    Ok(Value::Decimal(number))
}

fn email(text: &str) -> Result<Value, Unfit> {
    let text = text.trim().to_lowercase();
    let is_address = text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !domain.contains('@')
        })
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_address.then_some(Value::Text(text)).ok_or_else(|| Unfit::wrong_type("an e-mail address"))
}

fn phone(text: &str) -> Result<Value, Unfit> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let is_number = digits.strip_prefix('+').is_some_and(|rest| {
        (7..=15).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit()) && !rest.starts_with('0')
    });
    is_number
        .then_some(Value::Text(digits))
        .ok_or_else(|| Unfit::wrong_type("a telephone number with its country code, \"+49 30 1234567\""))
}

fn url(text: &str) -> Result<Value, Unfit> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_address = text.len() <= 2_000
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_address
        .then(|| Value::Text(text.to_owned()))
        .ok_or_else(|| Unfit::wrong_type("an address that starts with http:// or https://"))
}
