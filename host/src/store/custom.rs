//! Values of fields that a tenant added: kept together in one JSON column,
//! and once more in an indexed column when the field is indexed or unique.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sea_query::{Alias, Expr, Value as Bound};
use serde_json::{Map, Value as Json, json};

use super::StoreError;
use super::db::{Engine, Row};
use super::tables::quote;
use crate::domain::clock::Timestamp;
use crate::domain::field::{Field, FieldType};
use crate::domain::money::{Currency, Money};
use crate::domain::record::Record;
use crate::domain::slot::{NUMBER_SLOTS, slots};
use crate::domain::value::Value;

/// The column of the values.
pub const CUSTOM: &str = "x_custom";
/// A value as it is kept in the JSON column. Numbers are whole, so that both
/// engines compare them exactly.
fn kept(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => json!(i64::from(*value)),
        Value::Decimal(value) => json!(value.mantissa().to_i64()),
        Value::Money(money) => json!([money.minor, money.currency.code()]),
        Value::Datetime(at) => json!(at.micros()),
        Value::Sealed(bytes) => json!(STANDARD.encode(bytes)),
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

/// A value of a field, as it was kept.
pub fn unpack(kind: &FieldType, json: &Json) -> Result<Value, StoreError> {
    let wrong = || StoreError::Inconsistent(format!("{json} is no value of {kind:?}"));
    if json.is_null() {
        return Ok(Value::Null);
    }
    Ok(match kind {
        FieldType::Boolean => Value::Boolean(json.as_i64().ok_or_else(wrong)? != 0),
        FieldType::Datetime => Value::Datetime(Timestamp::from_micros(json.as_i64().ok_or_else(wrong)?)),
        FieldType::Decimal { scale, .. } => {
            let mantissa = json.as_i64().ok_or_else(wrong)?;
            Value::Decimal(Decimal::from_i128_with_scale(mantissa.into(), *scale))
        }
        FieldType::Money => {
            let minor = json[0].as_i64().ok_or_else(wrong)?;
            let currency = json[1].as_str().and_then(Currency::parse).ok_or_else(wrong)?;
            Value::Money(Money { minor, currency })
        }
        // Options may have gone meanwhile; what was chosen stays.
        FieldType::Select(_) => Value::Text(json.as_str().ok_or_else(wrong)?.to_owned()),
        FieldType::MultiSelect(_) => Value::List(serde_json::from_value(json.clone()).map_err(|_| wrong())?),
        FieldType::Sealed(_) => {
            let text = json.as_str().ok_or_else(wrong)?;
            Value::Sealed(STANDARD.decode(text).map_err(|_| wrong())?)
        }
        kind => kind.parse(json).map_err(|_| wrong())?,
    })
}

/// A value as it is bound in a comparison with what is kept.
pub fn bind(value: &Value) -> Bound {
    match kept(value) {
        Json::Number(number) => Bound::BigInt(number.as_i64()),
        Json::Array(parts) if matches!(value, Value::Money(_)) => Bound::BigInt(parts[0].as_i64()),
        Json::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

/// A value as it stands in the slot of its field.
fn in_slot(field: &Field, value: &Value) -> Bound {
    match (field.def.unique, field.kind.is_whole(), value) {
        (false, true, Value::Null) => Bound::BigInt(None),
        (_, _, Value::Null) => Bound::String(None),
        (true, ..) => unique_text(value).into(),
        _ => bind(value),
    }
}

/// A value as text that is the same for equal values only.
fn unique_text(value: &Value) -> String {
    match kept(value) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// The values of all fields that a tenant added, for a new row: the JSON
/// column, then the slots.
pub fn row(record: &Record) -> Vec<Bound> {
    let mut map = Map::new();
    for (field, value) in record.object.fields.iter().zip(&record.values) {
        if field.is_custom && !value.is_null() {
            map.insert(field.name().to_owned(), kept(value));
        }
    }
    let mut values: Vec<Bound> = vec![Json::Object(map).into()];
    for slot in slots() {
        let holder = record.object.fields.iter().zip(&record.values).find(|(field, _)| slot_of(field) == Some(slot));
        values.push(match holder {
            Some((field, value)) => in_slot(field, value),
            None if NUMBER_SLOTS.contains(&slot) => Bound::BigInt(None),
            None => Bound::String(None),
        });
    }
    values
}

/// Adds to an update what changes fields that a tenant added. Only the named
/// keys are touched: a node that does not know a new field yet keeps its values.
pub fn set(engine: Engine, record: &Record, places: &[usize], values: &mut Vec<Bound>) -> String {
    let changed = || places.iter().filter(|&&at| record.object.fields[at].is_custom);
    if changed().next().is_none() {
        return String::new();
    }
    let mut sql = match engine {
        Engine::Sqlite => {
            let mut set = format!(", {CUSTOM} = json_set(coalesce({CUSTOM}, '{{}}')");
            for &at in changed() {
                values.push(kept(&record.values[at]).to_string().into());
                let _ = write!(set, ", '$.{}', json(${})", record.object.fields[at].name(), values.len());
            }
            set + ")"
        }
        Engine::Postgres => {
            let patch = changed().map(|&at| (record.object.fields[at].name().to_owned(), kept(&record.values[at])));
            values.push(Json::Object(patch.collect()).into());
            format!(", {CUSTOM} = coalesce({CUSTOM}, '{{}}'::jsonb) || ${}", values.len())
        }
    };
    for &at in changed() {
        let field = &record.object.fields[at];
        if let Some(slot) = slot_of(field) {
            values.push(in_slot(field, &record.values[at]));
            let _ = write!(sql, ", {} = ${}", quote(slot), values.len());
        }
    }
    sql
}

fn slot_of(field: &Field) -> Option<&str> {
    field.def.slot.as_deref().filter(|_| field.is_custom)
}

/// What a field that a tenant added is compared and sorted by. `is_equality`
/// says that only equal values matter: then a unique field has an index.
pub fn expression(engine: Engine, table: &str, field: &Field, is_equality: bool) -> Expr {
    match slot_of(field) {
        Some(slot) if !field.def.unique || is_equality => Expr::col((Alias::new(table), Alias::new(slot))),
        _ => part(engine, table, field, ""),
    }
}

/// A value of a field that [`expression`] gave; amounts without their currency are read by their own.
pub fn value(row: &Row<'_>, at: usize, kind: &FieldType) -> Result<Value, StoreError> {
    let json =
        if kind.is_whole() { row.maybe_integer(at)?.map(Json::from) } else { row.maybe_text(at)?.map(Json::from) };
    json.map_or(Ok(Value::Null), |json| unpack(kind, &json))
}

/// The value that stands for another in a comparison of equality.
pub fn equality(field: &Field, value: &Value) -> Bound {
    if field.def.unique && slot_of(field).is_some() { unique_text(value).into() } else { bind(value) }
}

/// The currency of a money field that a tenant added.
pub fn currency(engine: Engine, table: &str, field: &Field) -> Expr {
    part(engine, table, field, "1")
}

/// A list of a field that a tenant added, as JSON.
pub fn list(engine: Engine, table: &str, field: &Field) -> Expr {
    let name = field.name();
    Expr::cust(match engine {
        Engine::Sqlite => format!("json_extract({table}.{CUSTOM}, '$.{name}')"),
        Engine::Postgres => format!("({table}.{CUSTOM} -> '{name}')"),
    })
}

/// What is kept under the name of a field, as it belongs in its slot.
pub fn stored(engine: Engine, field: &Field) -> String {
    text_of(engine, CUSTOM, field, "")
}

/// What is kept under the name of a field; money has two places.
fn part(engine: Engine, table: &str, field: &Field, place: &str) -> Expr {
    Expr::cust(text_of(engine, &format!("{table}.{CUSTOM}"), field, place))
}

fn text_of(engine: Engine, column: &str, field: &Field, place: &str) -> String {
    let name = field.name();
    let place = match field.kind {
        FieldType::Money if place.is_empty() => "0",
        _ => place,
    };
    let is_text = place == "1" || !field.kind.is_whole();
    let sql = match (engine, place) {
        (Engine::Sqlite, "") => return format!("json_extract({column}, '$.{name}')"),
        (Engine::Sqlite, place) => return format!("json_extract({column}, '$.{name}[{place}]')"),
        (Engine::Postgres, "") => format!("({column} ->> '{name}')"),
        (Engine::Postgres, place) => format!("({column} -> '{name}' ->> {place})"),
    };
    if is_text { format!("({sql} collate \"C\")") } else { format!("({sql}::bigint)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_as_it_was() {
        let decimal = FieldType::Decimal { precision: 9, scale: 2 };
        let id = uuid::Uuid::from_u128(7);
        for (kind, value) in [
            (FieldType::Boolean, Value::Boolean(true)),
            (FieldType::Integer, Value::Integer(i64::MIN)),
            (decimal, Value::Decimal(Decimal::new(-1_250, 2))),
            (FieldType::Money, Value::Money(Money::parse("29.33", "EUR").unwrap())),
            (FieldType::Datetime, Value::Datetime(Timestamp::from_micros(1_234_567))),
            (FieldType::Date, Value::Date("2026-11-22".parse().unwrap())),
            (FieldType::User, Value::Id(id)),
            (FieldType::LinkMany("a".to_owned()), Value::Ids(vec![id])),
            (FieldType::MultiSelect(vec!["a".to_owned()]), Value::List(vec!["a".to_owned()])),
            (FieldType::Json, Value::Json(json!({"a": [1, null]}))),
            (FieldType::Text(9), Value::Null),
        ] {
            assert_eq!(unpack(&kind, &kept(&value)).unwrap(), value);
        }
    }
}
