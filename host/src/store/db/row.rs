//! One row of either engine, read by place.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::Row as _;
use uuid::Uuid;

use super::StoreError;
use crate::domain::clock::Timestamp;
use crate::domain::field::FieldType;
use crate::domain::money::{Currency, Money};
use crate::domain::value::{Reference, Value};

/// A row while it is being read.
pub enum Row<'r> {
    /// From rusqlite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// From sqlx.
    Postgres(&'r sqlx::postgres::PgRow),
}

impl Row<'_> {
    /// Reads a column of a type that both drivers know.
    fn get<T>(&self, at: usize) -> Result<T, StoreError>
    where
        T: rusqlite::types::FromSql + for<'a> sqlx::Decode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.get(at).map_err(|error| StoreError::Inconsistent(error.to_string())),
            Self::Postgres(row) => row.try_get(at).map_err(|error| StoreError::Inconsistent(error.to_string())),
        }
    }

    /// An id.
    pub fn id(&self, at: usize) -> Result<Uuid, StoreError> {
        self.get(at)
    }

    /// Text.
    pub fn text(&self, at: usize) -> Result<String, StoreError> {
        self.get(at)
    }

    /// Text that may be missing.
    pub fn maybe_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        self.get(at)
    }

    /// A whole number of 64 bits that may be missing.
    pub fn maybe_integer(&self, at: usize) -> Result<Option<i64>, StoreError> {
        self.get(at)
    }

    /// A whole number of 32 bits that may be missing.
    pub fn maybe_small(&self, at: usize) -> Result<Option<i32>, StoreError> {
        self.get(at)
    }

    /// A whole number of 64 bits.
    pub fn integer(&self, at: usize) -> Result<i64, StoreError> {
        self.get(at)
    }

    /// A whole number of 32 bits.
    pub fn small(&self, at: usize) -> Result<i32, StoreError> {
        self.get(at)
    }

    /// A boolean.
    pub fn boolean(&self, at: usize) -> Result<bool, StoreError> {
        self.get(at)
    }

    /// Bytes.
    pub fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        self.get(at)
    }

    /// JSON.
    pub fn json(&self, at: usize) -> Result<serde_json::Value, StoreError> {
        match self {
            Self::Sqlite(_) => serde_json::from_str(&self.get::<String>(at)?)
                .map_err(|error| StoreError::Inconsistent(error.to_string())),
            Self::Postgres(_) => self.get(at),
        }
    }

    /// JSON that may be missing.
    pub fn maybe_json(&self, at: usize) -> Result<Option<serde_json::Value>, StoreError> {
        match self {
            Self::Sqlite(_) => match self.get::<Option<String>>(at)? {
                None => Ok(None),
                Some(text) => {
                    serde_json::from_str(&text).map(Some).map_err(|error| StoreError::Inconsistent(error.to_string()))
                }
            },
            Self::Postgres(_) => self.get(at),
        }
    }

    /// JSON, `null` when it is missing.
    pub fn json_or_null(&self, at: usize) -> Result<serde_json::Value, StoreError> {
        Ok(self.maybe_json(at)?.unwrap_or_default())
    }

    /// A moment that may be missing.
    pub fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(self.get::<Option<i64>>(at)?.map(Timestamp::from_micros)),
            Self::Postgres(_) => Ok(self.get::<Option<DateTime<Utc>>>(at)?.map(Timestamp::from)),
        }
    }

    /// A moment.
    pub fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        self.maybe_time(at)?.ok_or_else(|| StoreError::Inconsistent("a time is missing".to_owned()))
    }

    /// An id that may be missing.
    pub fn maybe_id(&self, at: usize) -> Result<Option<Uuid>, StoreError> {
        self.get(at)
    }

    /// A value of a field, from the column at this place (and the next, for money).
    pub fn value(&self, at: usize, kind: &FieldType) -> Result<Value, StoreError> {
        let value = match kind {
            FieldType::Text(_)
            | FieldType::LongText
            | FieldType::Select(_)
            | FieldType::Email
            | FieldType::Phone
            | FieldType::Url => self.get::<Option<String>>(at)?.map(Value::Text),
            FieldType::Integer => self.get::<Option<i64>>(at)?.map(Value::Integer),
            FieldType::Boolean => self.get::<Option<bool>>(at)?.map(Value::Boolean),
            FieldType::Datetime => self.maybe_time(at)?.map(Value::Datetime),
            FieldType::Link(_) | FieldType::User => self.get::<Option<Uuid>>(at)?.map(Value::Id),
            FieldType::LinkAny(_) => match self.get::<Option<Uuid>>(at)? {
                None => None,
                Some(id) => Some(Value::Reference(Reference { object: self.text(at + 1)?, id })),
            },
            FieldType::MultiSelect(_) => self.maybe_json(at)?.map(list).transpose()?.map(Value::List),
            FieldType::LinkMany(_) => self.maybe_json(at)?.map(list).transpose()?.map(Value::Ids),
            FieldType::Decimal { scale, .. } => match self {
                Self::Sqlite(_) => self
                    .get::<Option<i64>>(at)?
                    .map(|scaled| Value::Decimal(Decimal::from_i128_with_scale(i128::from(scaled), *scale))),
                Self::Postgres(row) => row
                    .try_get::<Option<Decimal>, _>(at)
                    .map_err(|error| StoreError::Inconsistent(error.to_string()))?
                    .map(Value::Decimal),
            },
            FieldType::Date => match self {
                Self::Sqlite(_) => match self.get::<Option<String>>(at)? {
                    None => None,
                    Some(text) => Some(Value::Date(
                        NaiveDate::from_str(&text).map_err(|error| StoreError::Inconsistent(error.to_string()))?,
                    )),
                },
                Self::Postgres(_) => self.get::<Option<NaiveDate>>(at)?.map(Value::Date),
            },
            FieldType::Json => self.maybe_json(at)?.map(Value::Json),
            FieldType::Sealed(_) => self.get::<Option<Vec<u8>>>(at)?.map(Value::Sealed),
            FieldType::Money => match self.get::<Option<i64>>(at)? {
                None => None,
                Some(minor) => {
                    let code = self.text(at + 1)?;
                    let currency = Currency::parse(&code)
                        .ok_or_else(|| StoreError::Inconsistent(format!("the currency `{code}`")))?;
                    Some(Value::Money(Money { minor, currency }))
                }
            },
        };
        Ok(value.unwrap_or(Value::Null))
    }
}

/// A list that is kept as JSON.
fn list<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> Result<Vec<T>, StoreError> {
    serde_json::from_value(json).map_err(|error| StoreError::Inconsistent(error.to_string()))
}
