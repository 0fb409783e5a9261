//! The filter tree: one typed form for lists, plugins, and whatever asks for records.
//!
//! Logic is two-valued: a missing value is different from every value, so
//! `_neq` and `_nin` find records without one, and `_not` is the exact
//! complement. Every reader of the tree (SQL, memory) keeps to that.

mod links;
mod parse;
mod term;
mod text;

use std::cmp::Ordering;
use std::sync::Arc;

pub use parse::from_pairs;
pub use text::{TextPlace, TextTest, after_prefix};

use serde_json::Value as Json;
use uuid::Uuid;

use super::clock::Timestamp;
use super::field::FieldType;
use super::invalid::Unfit;
use super::moment::Moment;
use super::object::Object;
use super::record::Record;
use super::schema::Schema;
use super::value::Value;

/// Deepest nesting of `_and`, `_or` and `_not`.
pub const MAX_DEPTH: usize = 10;
/// Most comparisons in one filter.
pub const MAX_TERMS: usize = 100;
/// Most values in all `_in` and `_nin` of one filter.
pub const MAX_LIST: usize = 500;
/// Most groups in one filter.
pub const MAX_GROUPS: usize = 100;

/// Most links that one filter goes through.
pub const MAX_LINKS: usize = 5;
/// Most links in a row.
pub const MAX_LINK_DEPTH: usize = 3;
/// Longest text to look for inside of texts, in characters.
pub const MAX_TEXT: usize = 500;

/// What a filter is read against: whose question it is, and what it may be about.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The objects that there are.
    pub schema: &'a Schema,
    /// The object whose records are filtered.
    pub object: &'a Arc<Object>,
    /// What `$now` means.
    pub moment: Moment,
    /// What `$me` means.
    pub me: Uuid,
    /// What `$my_teams` means.
    pub teams: &'a [Uuid],
    /// Whether the asker may see an object, or a field of it. What may not be
    /// seen is refused like what is not there.
    pub sees: &'a (dyn Fn(&Arc<Object>, Option<&str>) -> bool + Sync),
}

/// Records beside the one that a filter looks at.
pub trait Around {
    /// The record of that id.
    fn linked(&self, object: &Object, id: Uuid) -> Option<Record>;
    /// The records whose link at this place names that id.
    fn linking(&self, object: &Object, place: usize, id: Uuid) -> Vec<Record>;
}

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
#[derive(Clone, Debug)]
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
    /// The text stands so to this one.
    Text(Target, TextTest, String),
    /// The record that the link at this place names is there, and meets the filter.
    Linked { place: usize, object: Arc<Object>, filter: Box<Filter> },
    /// The list at this place has the value.
    Has(usize, Value),
    /// Some record that the links at this place name is there, and meets the filter.
    LinkedMany { place: usize, object: Arc<Object>, filter: Box<Filter> },
    /// Some record of the object, whose link at this place names this one, meets the filter.
    Linking { object: Arc<Object>, place: usize, filter: Box<Filter> },
    /// The record is shared with one of these: of rules only, no question asks it.
    Shared { with: Vec<Uuid>, edits: bool, at: Timestamp },
}

/// The types of what every record has.
static ID: FieldType = FieldType::Link(String::new());
static VERSION: FieldType = FieldType::Integer;
static TIME: FieldType = FieldType::Datetime;

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

    /// What its values are.
    pub fn kind(self, object: &Object) -> &FieldType {
        match self {
            Self::Id => &ID,
            Self::Version => &VERSION,
            Self::CreatedAt | Self::UpdatedAt => &TIME,
            Self::Field(at) => &object.fields[at].kind,
        }
    }

    /// Whether it is a field that a tenant added.
    pub fn is_custom(self, object: &Object) -> bool {
        matches!(self, Self::Field(at) if object.fields[at].is_custom)
    }

    /// Reads a value to compare with.
    pub fn parse(self, object: &Object, json: &Json) -> Result<Value, Unfit> {
        self.kind(object).parse(json)
    }

    /// Whether lists can be sorted by it and `_lt` and its kin make sense.
    pub fn is_sortable(self, object: &Object) -> bool {
        match self {
            Self::Field(at) => object.fields[at].kind.is_sortable(),
            _ => true,
        }
    }

    /// Whether no two records have the same value.
    pub fn is_unique(self, object: &Object) -> bool {
        match self {
            Self::Id => true,
            Self::Field(at) => object.fields[at].def.unique,
            _ => false,
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
    /// Every record.
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Everything of the record itself that it looks at; a link that it goes through counts.
    pub fn targets(&self) -> Vec<Target> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::targets).collect(),
            Self::Not(part) => part.targets(),
            Self::Missing(target) | Self::Compare(target, ..) | Self::In(target, _) | Self::Text(target, ..) => {
                vec![*target]
            }
            Self::Linked { place, .. } | Self::LinkedMany { place, .. } | Self::Has(place, _) => {
                vec![Target::Field(*place)]
            }
            Self::Linking { .. } | Self::Shared { .. } => Vec::new(),
        }
    }

    /// The objects that it reaches through links.
    pub fn reached(&self) -> Vec<&Arc<Object>> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::reached).collect(),
            Self::Not(part) => part.reached(),
            Self::Linked { object, filter, .. }
            | Self::LinkedMany { object, filter, .. }
            | Self::Linking { object, filter, .. } => {
                let mut all = filter.reached();
                all.push(object);
                all
            }
            _ => Vec::new(),
        }
    }

    /// Whether it asks for given values of a field that is unique, and so for few records.
    pub fn looks_up(&self, object: &Object) -> bool {
        match self {
            Self::And(parts) => parts.iter().any(|part| part.looks_up(object)),
            Self::Compare(target @ Target::Field(_), Comparison::Equal, _) | Self::In(target @ Target::Field(_), _) => {
                target.is_unique(object)
            }
            _ => false,
        }
    }

    /// Whether a record in memory meets it.
    pub fn matches(&self, record: &Record, around: &dyn Around) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(record, around)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(record, around)),
            Self::Not(part) => !part.matches(record, around),
            Self::Missing(target) => target.of(record).is_null(),
            Self::Compare(target, comparison, value) => comparison.holds(&target.of(record), value),
            Self::In(target, values) => {
                let own = target.of(record);
                values.iter().any(|value| Comparison::Equal.holds(&own, value))
            }
            Self::Text(target, test, text) => match target.of(record) {
                Value::Text(own) => test.holds(&own, text),
                _ => false,
            },
            Self::Linked { place, object, filter } => match record.values[*place] {
                Value::Id(id) => around.linked(object, id).is_some_and(|linked| filter.matches(&linked, around)),
                _ => false,
            },
            Self::Has(place, wanted) => has(&record.values[*place], wanted),
            Self::LinkedMany { place, object, filter } => match &record.values[*place] {
                Value::Ids(ids) => {
                    let mut linked = ids.iter().filter_map(|id| around.linked(object, *id));
                    linked.any(|linked| filter.matches(&linked, around))
                }
                _ => false,
            },
            Self::Linking { object, place, filter } => {
                around.linking(object, *place, record.id).iter().any(|linking| filter.matches(linking, around))
            }
            // What is shared is known to the database alone; a new record is shared with nobody.
            Self::Shared { .. } => false,
        }
    }
}

/// Whether a list has a value, or a link to any of several objects is this one.
fn has(own: &Value, wanted: &Value) -> bool {
    match (own, wanted) {
        (Value::List(items), Value::Text(text)) => items.contains(text),
        (Value::Ids(ids), Value::Id(id)) => ids.contains(id),
        (own, wanted) => own == wanted && !own.is_null(),
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        if let (Value::Money(left), Value::Money(right)) = (left, right)
            && left.currency != right.currency
        {
            return false;
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
