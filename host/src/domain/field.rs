//! Fields: their definition as written in files, and their checked form.

use std::str::FromStr;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::clock::Timestamp;
use super::invalid::Unfit;
use super::money::Money;
use super::value::Value;

/// Longest text when a definition says nothing.
const DEFAULT_TEXT: u32 = 255;
/// Longest long text.
const LONG_TEXT: u32 = 100_000;

/// A field as written in a definition file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of the file format")]
pub struct FieldDef {
    /// Lower snake case, unique in its object.
    pub name: String,
    /// What people read.
    pub label: String,
    /// One of the type names of [`FieldType`].
    #[serde(rename = "type")]
    pub kind: String,
    /// What the field means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Longest text, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Digits of a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u32>,
    /// Digits of a decimal behind the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// Choices of a select.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// Object that a link points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// May not be empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// No two records of a tenant share a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Lists filtered or sorted by it are fast.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub indexed: bool,
    /// Only the owner of the object sets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Value of a new record that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
}

/// One choice of a select.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is stored.
    pub value: String,
    /// What people read.
    pub label: String,
}

/// What a field can hold.
#[derive(Clone, Debug)]
pub enum FieldType {
    /// Text on one line, up to so many characters.
    Text(u32),
    /// Text of any number of lines.
    LongText,
    /// A whole number of 64 bits.
    Integer,
    /// An exact decimal of so many digits, so many of them behind the point.
    Decimal { precision: u32, scale: u32 },
    /// An amount in a currency.
    Money,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A moment.
    Datetime,
    /// One of these values.
    Select(Vec<String>),
    /// An e-mail address, kept in lower case.
    Email,
    /// A telephone number in E.164.
    Phone,
    /// An http or https address.
    Url,
    /// Any JSON.
    Json,
    /// The id of a record of that object.
    Link(String),
}

/// A field in its checked form.
#[derive(Clone, Debug)]
pub struct Field {
    /// The definition it was made from.
    pub def: FieldDef,
    /// What it can hold.
    pub kind: FieldType,
    /// Value of a new record that names none.
    pub default: Value,
}

impl Field {
    /// Checks a definition; the error is a sentence about it.
    pub fn check(def: FieldDef) -> Result<Self, String> {
        let name = &def.name;
        if !is_name(name) {
            return Err(format!("field name `{name}` is not lower snake case of at most 40 letters"));
        }
        let kind = match def.kind.as_str() {
            "text" => FieldType::Text(def.max_length.unwrap_or(DEFAULT_TEXT).min(LONG_TEXT)),
            "long_text" => FieldType::LongText,
            "integer" => FieldType::Integer,
            "decimal" => match (def.precision, def.scale) {
                (Some(precision @ 1..=18), Some(scale)) if scale <= precision => {
                    FieldType::Decimal { precision, scale }
                }
                _ => return Err(format!("field `{name}`: a decimal needs `precision` (1 to 18) and `scale`")),
            },
            "money" => FieldType::Money,
            "boolean" => FieldType::Boolean,
            "date" => FieldType::Date,
            "datetime" => FieldType::Datetime,
            "select" if !def.options.is_empty() => {
                FieldType::Select(def.options.iter().map(|choice| choice.value.clone()).collect())
            }
            "select" => return Err(format!("field `{name}`: a select needs `options`")),
            "email" => FieldType::Email,
            "phone" => FieldType::Phone,
            "url" => FieldType::Url,
            "json" => FieldType::Json,
            "link" => match &def.to {
                Some(object) => FieldType::Link(object.clone()),
                None => return Err(format!("field `{name}`: a link needs `to`")),
            },
            other => return Err(format!("field `{name}`: unknown type `{other}`")),
        };
        if def.unique && matches!(kind, FieldType::Json | FieldType::Money | FieldType::LongText | FieldType::Boolean) {
            return Err(format!("field `{name}`: a {} cannot be unique", def.kind));
        }
        let default = match &def.default {
            None => Value::Null,
            Some(json) => kind.parse(json).map_err(|unfit| format!("field `{name}`: default {}", unfit.message))?,
        };
        Ok(Self { def, kind, default })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.def.name
    }
}

impl FieldType {
    /// Whether values have an order that lists can be sorted by.
    pub fn is_sortable(&self) -> bool {
        !matches!(self, Self::Json)
    }

    /// Reads a value of the API; `null` is the empty value of every type.
    pub fn parse(&self, json: &Json) -> Result<Value, Unfit> {
        match (self, json) {
            (_, Json::Null) => Ok(Value::Null),
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
            (Self::Date, Json::String(text)) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()
                .filter(|_| text.len() == 10)
                .map(Value::Date)
                .ok_or_else(|| Unfit::wrong_type("a date, \"2026-11-21\"")),
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
            (Self::Link(_), Json::String(text)) => {
                Uuid::parse_str(text).map(Value::Id).map_err(|_| Unfit::wrong_type("the id of a record"))
            }
            (Self::Link(_), _) => Err(Unfit::wrong_type("the id of a record")),
        }
    }
}

/// Whether a name can be a field, an object, a column: nothing to quote or escape.
pub fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
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

fn decimal(text: &str, precision: u32, scale: u32) -> Result<Value, Unfit> {
    let number = Decimal::from_str(text).map_err(|_| Unfit::wrong_type("a decimal as a string, \"12.50\""))?;
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
