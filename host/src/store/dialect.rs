//! Where the two engines differ: column types and how values are bound.

use rust_decimal::prelude::ToPrimitive;
use sea_query::Value as Bound;

use super::db::Engine;
use crate::domain::clock::Timestamp;
use crate::domain::field::{Field, FieldType};
use crate::domain::slot;
use crate::domain::value::Value;

impl Engine {
    /// Type of an id column.
    pub(super) fn id_type(self) -> &'static str {
        match self {
            Self::Sqlite => "blob",
            Self::Postgres => "uuid",
        }
    }

    /// Type of a column for whole numbers.
    pub(super) fn integer_type(self) -> &'static str {
        match self {
            Self::Sqlite => "integer",
            Self::Postgres => "bigint",
        }
    }

    /// Type of a column for moments.
    pub(super) fn time_type(self) -> &'static str {
        match self {
            Self::Sqlite => "integer",
            Self::Postgres => "timestamptz",
        }
    }

    /// Type of a column for JSON.
    pub(super) fn json_type(self) -> &'static str {
        match self {
            Self::Sqlite => "text",
            Self::Postgres => "jsonb",
        }
    }

    /// Type of a slot for values of tenants' own fields.
    pub(super) fn slot_type(self, slot: &str) -> &'static str {
        match self {
            _ if slot::NUMBER_SLOTS.contains(&slot) => self.integer_type(),
            Self::Sqlite => "text",
            Self::Postgres => "text collate \"C\"",
        }
    }

    /// Types of the columns of a field, in the order of [`Field::columns`].
    pub(super) fn column_types(self, field: &Field) -> Vec<String> {
        let text = match self {
            Self::Sqlite => "text",
            Self::Postgres => "text collate \"C\"",
        };
        let one = match (&field.kind, self) {
            (
                FieldType::Text(_)
                | FieldType::LongText
                | FieldType::Select(_)
                | FieldType::Email
                | FieldType::Phone
                | FieldType::Url,
                _,
            ) => text.to_owned(),
            (FieldType::Integer, engine) => engine.integer_type().to_owned(),
            (FieldType::Decimal { .. } | FieldType::Boolean, Self::Sqlite) => "integer".to_owned(),
            (FieldType::Decimal { precision, scale }, Self::Postgres) => format!("numeric({precision}, {scale})"),
            (FieldType::Boolean, Self::Postgres) => "boolean".to_owned(),
            (FieldType::Date | FieldType::Json | FieldType::MultiSelect(_) | FieldType::LinkMany(_), Self::Sqlite) => {
                "text".to_owned()
            }
            (FieldType::Date, Self::Postgres) => "date".to_owned(),
            (FieldType::Json | FieldType::MultiSelect(_) | FieldType::LinkMany(_), Self::Postgres) => {
                "jsonb".to_owned()
            }
            (FieldType::Datetime, engine) => engine.time_type().to_owned(),
            (FieldType::Link(_) | FieldType::User, engine) => engine.id_type().to_owned(),
            (FieldType::LinkAny(_), engine) => return vec![engine.id_type().to_owned(), text.to_owned()],
            (FieldType::Sealed(_), Self::Sqlite) => "blob".to_owned(),
            (FieldType::Sealed(_), Self::Postgres) => "bytea".to_owned(),
            (FieldType::Money, engine) => return vec![engine.integer_type().to_owned(), text.to_owned()],
        };
        vec![one]
    }

    /// A moment as a bound value.
    pub(super) fn time(self, at: Timestamp) -> Bound {
        match self {
            Self::Sqlite => at.micros().into(),
            Self::Postgres => at.to_chrono().into(),
        }
    }

    /// A moment that may be missing as a bound value.
    pub(super) fn maybe_time(self, at: Option<Timestamp>) -> Bound {
        match (self, at) {
            (_, Some(at)) => self.time(at),
            (Self::Sqlite, None) => Bound::BigInt(None),
            (Self::Postgres, None) => Bound::ChronoDateTimeUtc(None),
        }
    }

    /// A value as it is bound in a comparison: for money its minor units.
    pub(super) fn bind_one(self, value: &Value) -> Bound {
        match value {
            Value::Null => Bound::String(None),
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Decimal(value) => match self {
                Self::Sqlite => value.mantissa().to_i64().into(),
                Self::Postgres => (*value).into(),
            },
            Value::Money(money) => money.minor.into(),
            Value::Text(value) => value.as_str().into(),
            Value::Date(value) => match self {
                Self::Sqlite => value.to_string().into(),
                Self::Postgres => (*value).into(),
            },
            Value::Datetime(value) => self.time(*value),
            Value::Id(value) => (*value).into(),
            Value::List(_) | Value::Ids(_) => serde_json::to_value(value).unwrap_or_default().into(),
            Value::Reference(reference) => reference.id.into(),
            Value::Json(value) => value.clone().into(),
            Value::Sealed(bytes) => bytes.clone().into(),
        }
    }

    /// A value as it is bound to the columns of its field: two for money, and for a link to any of several objects.
    pub(super) fn bind(self, field: &Field, value: &Value, into: &mut Vec<Bound>) {
        match (value, &field.kind) {
            (Value::Money(money), _) => {
                into.push(money.minor.into());
                into.push(money.currency.code().into());
            }
            (Value::Reference(reference), _) => {
                into.push(reference.id.into());
                into.push(reference.object.as_str().into());
            }
            (Value::Null, FieldType::LinkAny(_)) => {
                into.push(self.null(&FieldType::User));
                into.push(Bound::String(None));
            }
            (Value::Null, FieldType::Money) => {
                into.push(Bound::BigInt(None));
                into.push(Bound::String(None));
            }
            (Value::Null, kind) => into.push(self.null(kind)),
            (value, _) => into.push(self.bind_one(value)),
        }
    }

    /// A missing value, with the type that PostgreSQL wants to know.
    fn null(self, kind: &FieldType) -> Bound {
        if self == Self::Sqlite {
            return Bound::String(None);
        }
        match kind {
            FieldType::Integer | FieldType::Money => Bound::BigInt(None),
            FieldType::Decimal { .. } => Bound::Decimal(None),
            FieldType::Boolean => Bound::Bool(None),
            FieldType::Date => Bound::ChronoDate(None),
            FieldType::Datetime => Bound::ChronoDateTimeUtc(None),
            FieldType::Json | FieldType::MultiSelect(_) | FieldType::LinkMany(_) => Bound::Json(None),
            FieldType::Link(_) | FieldType::LinkAny(_) | FieldType::User => Bound::Uuid(None),
            FieldType::Sealed(_) => Bound::Bytes(None),
            _ => Bound::String(None),
        }
    }

    /// What comes first when tables are changed: on PostgreSQL nodes take turns,
    /// and may take long.
    pub(super) fn before_table_changes(self) -> impl Iterator<Item = &'static str> {
        let first: &[_] = match self {
            Self::Sqlite => &[],
            Self::Postgres => &["set local statement_timeout = 0", "select pg_advisory_xact_lock(7233181)"],
        };
        first.iter().copied()
    }

    /// Adds a column only where it is missing. SQLite has one writer, which has just looked.
    pub(super) fn if_missing(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " if not exists",
        }
    }

    /// What keeps a row for this commit to change.
    pub(super) fn hold_for_change(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for no key update",
        }
    }

    /// Whether an event is behind a place in the log, in SQL. Where there is
    /// one writer all transactions are 0, and an index is used to its end only
    /// when that is said.
    pub(super) fn is_behind(self, event: &str, tx: &str, seq: &str) -> String {
        match self {
            Self::Sqlite => format!("({event}.tx = {tx} and {event}.seq > {seq})"),
            Self::Postgres => format!("(({event}.tx, {event}.seq) > (({tx})::text::xid8, {seq}))"),
        }
    }

    /// Whether one delivery is for an earlier event than another, in SQL.
    pub(super) fn is_earlier(self, one: &str, other: &str) -> String {
        match self {
            Self::Sqlite => format!("({one}.tx = {other}.tx and {one}.seq < {other}.seq)"),
            Self::Postgres => format!("(({one}.tx, {one}.seq) < ({other}.tx, {other}.seq))"),
        }
    }

    /// A transaction of the log as a number, in SQL.
    pub(super) fn transaction_number(self, column: &str) -> String {
        match self {
            Self::Sqlite => column.to_owned(),
            Self::Postgres => format!("{column}::text::bigint"),
        }
    }

    /// Whether no open transaction can still come before this one, in SQL.
    pub(super) fn is_settled(self, column: &str) -> String {
        match self {
            Self::Sqlite => "(1 = 1)".to_owned(),
            Self::Postgres => format!("({column} < pg_snapshot_xmin(pg_current_snapshot()))"),
        }
    }

    /// What keeps a row that was read from changing until the commit.
    pub(super) fn hold(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for share",
        }
    }
}
