//! Fields: their definition as written in files, and their checked form.

mod parse;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

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
    /// The name under which the object that a link points to sees the records that link to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<String>,
    /// What people read for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse_label: Option<String>,
    /// May not be empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// No two records of a tenant share a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Lists filtered or sorted by it are fast.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub indexed: bool,
    /// Full-text search looks into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub searchable: bool,
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
        if def.searchable && !kind.is_text() {
            return Err(format!("field `{name}`: a {} cannot be searchable", def.kind));
        }
        if def.inverse.is_some() && !matches!(kind, FieldType::Link(_)) {
            return Err(format!("field `{name}`: only a link has an inverse"));
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

    /// Whether values are text, of whatever form.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::LongText | Self::Select(_) | Self::Email | Self::Phone | Self::Url)
    }
}

/// Whether a name can be a field, an object, a column: nothing to quote or escape.
pub fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
}
