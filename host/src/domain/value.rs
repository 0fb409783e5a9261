//! One value of one field.

use std::cmp::Ordering;
use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use super::clock::Timestamp;
use super::money::Money;

/// What a field holds. The field's type decides which variant it is, or `Null`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// An amount of money.
    Money(Money),
    /// Text of any kind: e-mail, phone, URL and select values too.
    Text(String),
    /// A day.
    Date(NaiveDate),
    /// A moment.
    Datetime(Timestamp),
    /// The id of a record.
    Id(Uuid),
    /// Several values of a multi-select.
    List(Vec<String>),
    /// The ids of several records.
    Ids(Vec<Uuid>),
    /// A record of one of several objects.
    Reference(Reference),
    /// Any JSON.
    Json(serde_json::Value),
    /// What an encrypted field holds, sealed.
    Sealed(Vec<u8>),
}

/// Names a record of any object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reference {
    /// Its object.
    pub object: String,
    /// Its id.
    pub id: Uuid,
}

impl Value {
    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Order within one type, the same as the databases': text by bytes, money
    /// by minor units. `None` when either side is null or the types differ.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Decimal(a), Self::Decimal(b)) => Some(a.cmp(b)),
            (Self::Money(a), Self::Money(b)) => Some(a.minor.cmp(&b.minor)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Datetime(a), Self::Datetime(b)) => Some(a.cmp(b)),
            (Self::Id(a), Self::Id(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Value {
    /// The form of the HTTP API: decimals and amounts as strings, times in RFC 3339. Of what is
    /// sealed only that it is there.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Decimal(value) => serializer.collect_str(value),
            Self::Money(money) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("amount", &money.to_string())?;
                map.serialize_entry("currency", money.currency.code())?;
                map.end()
            }
            Self::Text(value) => serializer.serialize_str(value),
            Self::Date(value) => serializer.collect_str(value),
            Self::Datetime(value) => serializer.collect_str(value),
            Self::Id(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Ids(ids) => ids.serialize(serializer),
            Self::Reference(reference) => reference.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
            Self::Sealed(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("encrypted", &true)?;
                map.end()
            }
        }
    }
}
