//! Records as lines of CSV or of JSON.

use std::sync::Arc;

use serde_json::Map;

use super::{ExportFormat, ExportHeader, ExportRequest, is_number};
use crate::domain::filter::Target;
use crate::domain::guard::guard;
use crate::domain::object::Object;
use crate::domain::record::Record;
use crate::domain::value::Value;

/// Writes one export.
#[derive(Clone)]
pub struct Writer {
    object: Arc<Object>,
    targets: Vec<Target>,
    format: ExportFormat,
    header: ExportHeader,
    bom: bool,
}

impl Writer {
    /// Writes these fields of the object.
    pub fn new(object: &Arc<Object>, targets: Vec<Target>, request: &ExportRequest) -> Self {
        let object = Arc::clone(object);
        Self { object, targets, format: request.format, header: request.header, bom: request.bom }
    }

    /// The fields that it writes.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Whether all fields that it writes are still shown.
    pub fn is_for(&self, object: &Object) -> bool {
        self.targets.iter().all(|target| !matches!(target, Target::Field(at) if object.hidden.contains(at)))
    }

    /// What comes before the first record.
    pub fn start(&self) -> Vec<u8> {
        if self.format == ExportFormat::Jsonl {
            return Vec::new();
        }
        let mut bytes = if self.bom { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        let names = self.targets.iter().map(|target| match (self.header, target) {
            (ExportHeader::Labels, Target::Field(at)) => self.object.fields[*at].def.label.clone(),
            _ => self.name(*target).to_owned(),
        });
        line(names.map(|name| guard(&name).into_owned()), &mut bytes);
        bytes
    }

    /// Writes a record.
    pub fn record(&self, record: &Record, into: &mut Vec<u8>) {
        match self.format {
            ExportFormat::Csv => {
                let cells = self.targets.iter().map(|target| {
                    let text = text(&target.of(record));
                    if is_number(&self.object, *target) { text } else { guard(&text).into_owned() }
                });
                line(cells, into);
            }
            ExportFormat::Jsonl => {
                let members = self.targets.iter().map(|target| {
                    let value = serde_json::to_value(target.of(record)).unwrap_or_default();
                    (self.name(*target).to_owned(), value)
                });
                let object: Map<String, serde_json::Value> = members.collect();
                into.extend(serde_json::to_vec(&object).unwrap_or_default());
                into.push(b'\n');
            }
        }
    }

    fn name(&self, target: Target) -> &str {
        match target {
            Target::Id => "id",
            Target::Version => "version",
            Target::CreatedAt => "created_at",
            Target::UpdatedAt => "updated_at",
            Target::Field(at) => self.object.fields[at].name(),
        }
    }
}

/// Writes a line of CSV. Whatever some program takes for a delimiter is quoted.
pub fn line(cells: impl Iterator<Item = String>, into: &mut Vec<u8>) {
    let start = into.len();
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            into.push(b',');
        }
        if cell.contains([',', ';', '\t', '|', '"', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' ') {
            into.push(b'"');
            into.extend(cell.replace('"', "\"\"").as_bytes());
            into.push(b'"');
        } else {
            into.extend(cell.as_bytes());
        }
    }
    if into.len() == start {
        // A line without anything is no record.
        into.extend(b"\"\"");
    }
    into.extend(b"\r\n");
}

/// A value as one cell, in the form that an import reads.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Money(money) => format!("{money} {}", money.currency.code()),
        Value::Text(text) => text.clone(),
        Value::Id(id) => id.to_string(),
        other => match serde_json::to_value(other) {
            Ok(serde_json::Value::String(text)) if !matches!(other, Value::Json(_)) => text,
            Ok(json) => json.to_string(),
            Err(_) => String::new(),
        },
    }
}
