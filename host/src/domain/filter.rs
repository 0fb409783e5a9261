//! The filter tree: one typed form for lists, plugins, and whatever asks for records.
//!
//! Logic is two-valued: a missing value is different from every value, so
//! `_neq` and `_nin` find records without one, and `_not` is the exact
//! complement. Every reader of the tree (SQL, memory) keeps to that.

mod parse;

use std::cmp::Ordering;

pub use parse::from_pairs;

use serde_json::Value as Json;

use super::field::FieldType;
use super::invalid::Unfit;
use super::object::Object;
use super::record::Record;
use super::value::Value;

/// Deepest nesting of `_and`, `_or` and `_not`.
pub const MAX_DEPTH: usize = 10;
/// Most comparisons in one filter.
pub const MAX_TERMS: usize = 100;
/// Most values in all `_in` and `_nin` of one filter.
pub const MAX_LIST: usize = 500;
/// Most groups in one filter.
pub const MAX_GROUPS: usize = 100;

/// Something of a record that can be compared and sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The id.
    Id,
    /// The version.
    Version,
    /// When it was added.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// The field at this place of the object.
    Field(usize),
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `_eq`
    Equal,
    /// `_lt`
    Less,
    /// `_lte`
    LessOrEqual,
    /// `_gt`
    Greater,
    /// `_gte`
    GreaterOrEqual,
}

/// A condition on a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// At least one of them.
    Or(Vec<Filter>),
    /// Not that.
    Not(Box<Filter>),
    /// There is no value.
    Missing(Target),
    /// The value stands so to this one.
    Compare(Target, Comparison, Value),
    /// The value is one of these.
    In(Target, Vec<Value>),
}

impl Target {
    /// The target of that name.
    pub fn find(object: &Object, name: &str) -> Option<Self> {
        match name {
            "id" => Some(Self::Id),
            "version" => Some(Self::Version),
            "created_at" => Some(Self::CreatedAt),
            "updated_at" => Some(Self::UpdatedAt),
            name => object.position(name).map(Self::Field),
        }
    }

    /// Reads a value to compare with.
    pub fn parse(self, object: &Object, json: &Json) -> Result<Value, Unfit> {
        match self {
            Self::Id => FieldType::Link(String::new()).parse(json),
            Self::Version => FieldType::Integer.parse(json),
            Self::CreatedAt | Self::UpdatedAt => FieldType::Datetime.parse(json),
            Self::Field(at) => object.fields[at].kind.parse(json),
        }
    }

    /// Whether lists can be sorted by it and `_lt` and its kin make sense.
    pub fn is_sortable(self, object: &Object) -> bool {
        match self {
            Self::Field(at) => object.fields[at].kind.is_sortable(),
            _ => true,
        }
    }

    /// Whether every record has a value.
    pub fn is_always_there(self, object: &Object) -> bool {
        match self {
            Self::Field(at) => object.fields[at].def.required,
            _ => true,
        }
    }

    /// The value of a record.
    pub fn of(self, record: &Record) -> Value {
        match self {
            Self::Id => Value::Id(record.id),
            Self::Version => Value::Integer(record.version),
            Self::CreatedAt => Value::Datetime(record.created_at),
            Self::UpdatedAt => Value::Datetime(record.updated_at),
            Self::Field(at) => record.values[at].clone(),
        }
    }
}

impl Filter {
    /// Everything that it compares.
    pub fn targets(&self) -> Vec<Target> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::targets).collect(),
            Self::Not(part) => part.targets(),
            Self::Missing(target) | Self::Compare(target, ..) | Self::In(target, _) => vec![*target],
        }
    }

    /// Whether a record in memory meets it.
    pub fn matches(&self, record: &Record) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(part) => !part.matches(record),
            Self::Missing(target) => target.of(record).is_null(),
            Self::Compare(target, comparison, value) => comparison.holds(&target.of(record), value),
            Self::In(target, values) => {
                let own = target.of(record);
                values.iter().any(|value| Comparison::Equal.holds(&own, value))
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        if let (Value::Money(left), Value::Money(right)) = (left, right)
            && left.currency != right.currency
        {
            return false;
        }
        if let (Value::Json(left), Value::Json(right)) = (left, right) {
            return self == Self::Equal && left == right;
        }
        let Some(order) = left.compare(right) else { return false };
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        }
    }
}
