//! Records: values of an object's fields, in from JSON and out to JSON.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::clock::Timestamp;
use super::invalid::FieldError;
use super::object::{Object, SYSTEM_FIELDS};
use super::value::Value;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its object.
    pub object: Arc<Object>,
    /// Its id.
    pub id: Uuid,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// One value per field of the object, in its order.
    pub values: Vec<Value>,
}

/// Values to set: places in the object's fields, and what to put there.
pub type Changes = Vec<(usize, Value)>;

/// Whose hand sets the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// A caller of the API.
    Caller,
    /// Who brought the object: its plugin, or the host.
    Owner,
}

impl Record {
    /// Value of a field by its name.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.object.position(field).map(|at| &self.values[at])
    }

    /// As JSON in the form of the API.
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).unwrap_or(Json::Null)
    }

    /// Puts the values in, and says which places differ now.
    pub fn apply(&mut self, changes: Changes) -> Vec<usize> {
        let mut changed = Vec::new();
        for (at, value) in changes {
            if self.values[at] != value {
                self.values[at] = value;
                changed.push(at);
            }
        }
        changed
    }

    /// Faults of the record as a whole: what is required and missing.
    pub fn missing(&self) -> Vec<FieldError> {
        self.object
            .fields
            .iter()
            .zip(&self.values)
            .filter(|(field, value)| {
                field.def.required && (value.is_null() || matches!(value, Value::Text(text) if text.trim().is_empty()))
            })
            .map(|(field, _)| FieldError::new(field.name(), "required", "may not be empty"))
            .collect()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + 4))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("version", &self.version)?;
        map.serialize_entry("created_at", &Value::Datetime(self.created_at))?;
        map.serialize_entry("updated_at", &Value::Datetime(self.updated_at))?;
        for (place, field) in self.object.shown() {
            map.serialize_entry(field.name(), &self.values[place])?;
        }
        map.end()
    }
}

/// The values of a new record, before anything is set.
pub fn defaults(object: &Object) -> Vec<Value> {
    object.fields.iter().map(|field| field.default.clone()).collect()
}

/// Reads field values from a JSON object. Every fault is reported, not only the first.
pub fn read_fields(object: &Object, body: &Map<String, Json>, hand: Hand) -> Result<Changes, Vec<FieldError>> {
    let mut changes = Vec::with_capacity(body.len());
    let mut faults = Vec::new();
    for (name, json) in body {
        let Some(at) = object.position(name) else {
            faults.push(if SYSTEM_FIELDS.contains(&name.as_str()) {
                FieldError::new(name, "read_only", "is set by the host")
            } else {
                FieldError::new(name, "unknown_field", format!("`{}` has no field of this name", object.name))
            });
            continue;
        };
        let field = &object.fields[at];
        if field.is_computed() {
            faults.push(FieldError::new(name, "read_only", "is computed by the host"));
            continue;
        }
        if object.locked.contains(&at) {
            faults.push(FieldError::new(name, "read_only", "is not changed by your role"));
            continue;
        }
        if hand == Hand::Caller && field.def.read_only {
            faults.push(FieldError::new(name, "read_only", "is set by a module"));
            continue;
        }
        match field.kind.parse(json) {
            Ok(value) => changes.push((at, value)),
            Err(unfit) => faults.push(unfit.of(name)),
        }
    }
    if faults.is_empty() { Ok(changes) } else { Err(faults) }
}

/// The values of the given fields as a JSON object, to be put back later: see [`FieldType::of_kept`].
///
/// [`FieldType::of_kept`]: crate::domain::field::FieldType::of_kept
pub fn keepsake(object: &Object, values: &[Value], places: &[usize]) -> Map<String, Json> {
    places.iter().map(|&at| (object.fields[at].name().to_owned(), values[at].kept())).collect()
}

/// The values of the given fields as a JSON object, for events.
pub fn excerpt(object: &Object, values: &[Value], places: &[usize]) -> Json {
    let entries = places.iter().map(|&at| {
        let value = serde_json::to_value(&values[at]).unwrap_or(Json::Null);
        (object.fields[at].name().to_owned(), value)
    });
    Json::Object(entries.collect())
}
