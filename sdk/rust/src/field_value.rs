//! What a field of a typed record may be.

use serde_json::{Map, Value};

use crate::{Decimal, Money};

/// A type that a field of a [`TypedRecord`](crate::TypedRecord) may have.
///
/// | Field of the object | Type |
/// |---|---|
/// | text, long text, e-mail, phone, URL, select, autonumber | `String` |
/// | link, user, file | `String`: the id |
/// | date, datetime | `String`: `2026-11-21`, `2026-11-21T09:30:00.000000Z` |
/// | integer | `i64` |
/// | boolean | `bool` |
/// | decimal | [`Decimal`] |
/// | money | [`Money`] |
/// | multi-select, link to many | `Vec<String>` |
/// | link to any of several objects | [`AnyLink`] |
/// | JSON | [`Value`] |
/// | one that may be empty, or not readable | `Option` of these |
///
/// Implement it for a type of your own, such as an enum of a select's options.
#[diagnostic::on_unimplemented(
    message = "a field of a record cannot be a `{Self}`",
    label = "no type of a field",
    note = "it may be String (text, select, link, date, datetime), i64, bool, Decimal, Money, Vec<String>, AnyLink, Value, \
            an Option of one of these, or a type that implements FieldValue; use Decimal instead of floats, which lose digits"
)]
pub trait FieldValue: Sized {
    /// What it is, as faults name it: `an integer`.
    fn expected() -> String;

    /// Reads it from what the record has there: nothing when the field is not in the record, `null` when it is empty.
    /// `None` when that does not fit.
    fn read(value: Option<&Value>) -> Option<Self>;

    /// What is written; `None` leaves the field out.
    fn write(&self) -> Option<Value>;
}

/// A link to a record of any of several objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyLink {
    /// The object, `order`.
    pub object: String,
    /// The id of the record.
    pub id: String,
}

impl From<AnyLink> for Value {
    fn from(link: AnyLink) -> Self {
        let members = [("object", link.object), ("id", link.id)];
        Self::Object(Map::from_iter(members.map(|(name, text)| (name.to_owned(), Self::String(text)))))
    }
}

/// Types that read one kind of value, and are written as they are.
macro_rules! plain {
    ($($type:ty, $expected:literal, $read:expr;)+) => {
        $(impl FieldValue for $type {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn read(value: Option<&Value>) -> Option<Self> {
                value.and_then($read)
            }

            fn write(&self) -> Option<Value> {
                Some(Value::from(self.clone()))
            }
        })+
    };
}

plain! {
    String, "text", |value| value.as_str().map(str::to_owned);
    i64, "an integer", Value::as_i64;
    bool, "true or false", Value::as_bool;
    Decimal, "a decimal number, as text", |value| value.as_str()?.parse().ok();
    Money, "an amount of money", Money::from_value;
    AnyLink, "a link with its object", any_link;
    Value, "JSON", |value| Some(value.clone()).filter(|value| !value.is_null());
}

fn any_link(value: &Value) -> Option<AnyLink> {
    let text = |name| Some(value.get(name)?.as_str()?.to_owned());
    Some(AnyLink { object: text("object")?, id: text("id")? })
}

/// A list; an empty field is one without entries.
impl<T: FieldValue> FieldValue for Vec<T> {
    fn expected() -> String {
        format!("a list, each entry {}", T::expected())
    }

    fn read(value: Option<&Value>) -> Option<Self> {
        match value? {
            Value::Null => Some(Self::new()),
            Value::Array(entries) => entries.iter().map(|entry| T::read(Some(entry))).collect(),
            _ => None,
        }
    }

    fn write(&self) -> Option<Value> {
        Some(self.iter().map(|entry| entry.write().unwrap_or_default()).collect())
    }
}

/// `None` when the field is empty or not in the record, and left out when it is written. Of an `Option<Option<T>>`,
/// `Some(None)` is an empty field, and empties it.
impl<T: FieldValue> FieldValue for Option<T> {
    fn expected() -> String {
        format!("{} or nothing", T::expected())
    }

    fn read(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(None),
            Some(Value::Null) => Some(T::read(value)),
            Some(_) => T::read(value).map(Some),
        }
    }

    fn write(&self) -> Option<Value> {
        self.as_ref().map(|value| value.write().unwrap_or_default())
    }
}
