//! Fields: their definition as written in files, and their checked form.

mod autonumber;
mod parse;
mod sealed;
mod source;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use autonumber::NumberFormat;
pub use source::{Calculation, Formula, Gather, Gathered, RollUp, RollUpDef, Source};

use super::value::Value;

/// Longest text when a definition says nothing.
const DEFAULT_TEXT: u32 = 255;
/// Longest long text.
const LONG_TEXT: u32 = 100_000;
/// Most values of one field that holds several.
pub const MAX_VALUES: usize = 200;

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
    /// Objects that a link to any of several can point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_any: Vec<String>,
    /// How an autonumber is written: `T-{00000}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What a formula computes, in CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Type of what a formula computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// What a roll-up gathers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollup: Option<RollUpDef>,
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
    /// Kept encrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// Every read and every change of it is noted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audited: bool,
    /// Of a link: a record that links so to a person is the person's, is exported with it and erased with it.
    /// When nothing is said, it is when it has to link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belongs_to_person: Option<bool>,
    /// Emptied when a person is erased whom the record links to without being the person's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal: bool,
    /// Only the owner of the object sets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// No longer shown or set; its data is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// The indexed place of a tenant's own field, given by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
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
    /// Several of these values.
    MultiSelect(Vec<String>),
    /// The id of a record of that object.
    Link(String),
    /// The ids of records of that object.
    LinkMany(String),
    /// A record of one of these objects.
    LinkAny(Vec<String>),
    /// The id of somebody who works in the tenant.
    User,
    /// A value of that type, kept encrypted.
    Sealed(Box<FieldType>),
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
    /// Where its values come from.
    pub source: Source,
    /// Whether a tenant added it: then it has no column of its own.
    pub is_custom: bool,
}

impl Field {
    /// Checks a definition; the error is a sentence about it.
    pub fn check(def: FieldDef) -> Result<Self, String> {
        let name = &def.name;
        if !is_name(name) {
            return Err(format!("field name `{name}` is not lower snake case of at most 40 letters"));
        }
        let (kind, source) = match def.kind.as_str() {
            "autonumber" => (FieldType::Text(DEFAULT_TEXT), Source::AutoNumber(NumberFormat::check(&def)?)),
            "formula" => {
                let returns = def.returns.as_deref().unwrap_or_default();
                let kind = FieldType::check(&def, returns)?;
                (kind, Source::Calculation(Calculation::Formula(Formula::check(&def)?)))
            }
            "rollup" => {
                let (kind, rollup) = RollUp::check(&def)?;
                (kind, Source::Calculation(Calculation::RollUp(Box::new(rollup))))
            }
            kind => (FieldType::check(&def, kind)?, Source::Input),
        };
        let kind = kind.sealed(&def, &source)?;
        if def.unique && !kind.can_be_unique() {
            return Err(format!("field `{name}`: a {} cannot be unique", def.kind));
        }
        if def.indexed && !kind.is_sortable() {
            return Err(format!("field `{name}`: a {} cannot be indexed", def.kind));
        }
        if !matches!(source, Source::Input) && (def.required || def.default.is_some()) {
            return Err(format!("field `{name}`: a {} is neither required nor has a default", def.kind));
        }
        if def.searchable && !kind.is_text() {
            return Err(format!("field `{name}`: a {} cannot be searchable", def.kind));
        }
        if def.inverse.is_some() && !matches!(kind, FieldType::Link(_)) {
            return Err(format!("field `{name}`: only a link has an inverse"));
        }
        let is_to_one = matches!(kind, FieldType::Link(_) | FieldType::LinkAny(_));
        match def.belongs_to_person {
            Some(_) if !is_to_one => {
                return Err(format!("field `{name}`: only a link to one record says `belongs_to_person`"));
            }
            Some(false) if def.required => {
                return Err(format!("field `{name}`: what has to link to a person cannot stay without it"));
            }
            _ => {}
        }
        if def.personal && (def.required || !matches!(source, Source::Input)) {
            return Err(format!("field `{name}`: what is personal is emptied, so it is neither required nor computed"));
        }
        let default = match &def.default {
            None => Value::Null,
            Some(json) => kind.parse(json).map_err(|unfit| format!("field `{name}`: default {}", unfit.message))?,
        };
        Ok(Self { def, kind, default, source, is_custom: false })
    }

    /// Whether nobody sets it: the host does.
    pub fn is_computed(&self) -> bool {
        !matches!(self.source, Source::Input)
    }

    /// Whether callers only read it.
    pub fn is_read_only(&self) -> bool {
        self.def.read_only || self.is_computed()
    }

    /// Whether reads and changes of it are noted. Encrypted fields are always.
    pub fn is_audited(&self) -> bool {
        self.def.audited || self.kind.is_sealed()
    }

    /// Whether a record that links to a person by it is the person's.
    pub fn belongs_to_person(&self) -> bool {
        let has_to_link = self.def.required && matches!(self.kind, FieldType::Link(_) | FieldType::LinkAny(_));
        self.def.belongs_to_person.unwrap_or(has_to_link)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.def.name
    }
}

impl FieldType {
    /// The type of that name, with what the definition says about it.
    pub fn check(def: &FieldDef, kind: &str) -> Result<Self, String> {
        let name = &def.name;
        let options = || def.options.iter().map(|choice| choice.value.clone()).collect::<Vec<_>>();
        let to = || def.to.clone().ok_or_else(|| format!("field `{name}`: a {kind} needs `to`"));
        Ok(match kind {
            "text" => Self::Text(def.max_length.unwrap_or(DEFAULT_TEXT).min(LONG_TEXT)),
            "long_text" => Self::LongText,
            "integer" => Self::Integer,
            "decimal" => match (def.precision, def.scale) {
                (Some(precision @ 1..=18), Some(scale)) if scale <= precision => Self::Decimal { precision, scale },
                _ => return Err(format!("field `{name}`: a decimal needs `precision` (1 to 18) and `scale`")),
            },
            "money" => Self::Money,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "select" | "multi_select" if def.options.is_empty() => {
                return Err(format!("field `{name}`: a {kind} needs `options`"));
            }
            "select" => Self::Select(options()),
            "multi_select" => Self::MultiSelect(options()),
            "email" => Self::Email,
            "phone" => Self::Phone,
            "url" => Self::Url,
            "json" => Self::Json,
            "link" => Self::Link(to()?),
            "link_many" => Self::LinkMany(to()?),
            "link_any" if def.to_any.is_empty() => {
                return Err(format!("field `{name}`: a link_any needs `to_any`"));
            }
            "link_any" => Self::LinkAny(def.to_any.clone()),
            "file" => Self::Link("file".to_owned()),
            "user" => Self::User,
            other => return Err(format!("field `{name}`: unknown type `{other}`")),
        })
    }

    /// Whether values have an order that lists can be sorted by.
    pub fn is_sortable(&self) -> bool {
        !matches!(self, Self::Json | Self::MultiSelect(_) | Self::LinkMany(_) | Self::LinkAny(_) | Self::Sealed(_))
    }

    /// A typical value, for trying a formula.
    pub fn sample(&self) -> Value {
        let json = match self {
            Self::Text(_) | Self::LongText | Self::Decimal { .. } => serde_json::json!("1"),
            Self::Integer => serde_json::json!(1),
            Self::Money => serde_json::json!({"amount": "1", "currency": "EUR"}),
            Self::Boolean => serde_json::json!(true),
            Self::Date => serde_json::json!("2026-01-01"),
            Self::Datetime => serde_json::json!("2026-01-01T00:00:00Z"),
            Self::Select(options) => serde_json::json!(options.first()),
            Self::MultiSelect(options) => serde_json::json!(options.first().map(|first| [first])),
            Self::Email => serde_json::json!("a@example.com"),
            Self::Phone => serde_json::json!("+4930123456"),
            Self::Url => serde_json::json!("https://example.com"),
            Self::Json | Self::LinkAny(_) | Self::Sealed(_) => Json::Null,
            Self::Link(_) | Self::User => serde_json::json!(uuid::Uuid::nil()),
            Self::LinkMany(_) => serde_json::json!([uuid::Uuid::nil()]),
        };
        self.parse(&json).unwrap_or_default()
    }

    /// Whether two records can be told apart by it.
    fn can_be_unique(&self) -> bool {
        self.is_sortable() && !matches!(self, Self::Money | Self::LongText | Self::Boolean)
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
