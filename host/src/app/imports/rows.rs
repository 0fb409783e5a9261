//! Rows as fields of records, after the plan.

use serde_json::{Map, Value as Json};

use super::lookup::is_by_id;
use super::plan::ID;
use crate::domain::field::FieldType;
use crate::domain::guard::unguard;
use crate::domain::import::{Content, Empty, Plan, Row, cell};
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::store::FaultRow;

/// A row, ready to be stored.
pub struct Prepared {
    /// Which one.
    pub number: i64,
    original: Json,
    /// What it wants, or what is wrong with it.
    pub content: Result<Wanted, Vec<FieldError>>,
}

/// What a row wants.
pub struct Wanted {
    /// Values of fields, as the API takes them.
    pub fields: Map<String, Json>,
    /// Fields that are empty in the row, and are to be emptied.
    pub cleared: Vec<String>,
    /// Links by something else than the id: field, and the text to look for.
    pub links: Vec<(String, String)>,
    /// The id of the record, when that is the key.
    pub id: Option<Json>,
}

impl Prepared {
    /// The account of the row, when it is refused.
    pub fn refused(&self, faults: &[FieldError]) -> FaultRow {
        let reasons = faults.iter().map(|fault| {
            if fault.field.is_empty() { fault.message.clone() } else { format!("{}: {}", fault.field, fault.message) }
        });
        FaultRow {
            number: self.number,
            cells: without_nul(&self.original),
            code: faults.first().map_or("invalid", |fault| fault.code).to_owned(),
            reason: reasons.collect::<Vec<_>>().join("; ").replace('\0', "\u{2400}"),
        }
    }
}

/// Turns a row into what it wants.
pub fn prepare(object: &Object, plan: &Plan, row: &Row) -> Prepared {
    let content = match &row.content {
        Err(fault) => Err(vec![fault.clone()]),
        Ok(content) => wanted(object, plan, content),
    };
    Prepared { number: row.number, original: row.original.clone(), content }
}

fn wanted(object: &Object, plan: &Plan, content: &Content) -> Result<Wanted, Vec<FieldError>> {
    let mut wanted = Wanted { fields: Map::new(), cleared: Vec::new(), links: Vec::new(), id: None };
    let mut faults = Vec::new();
    for (at, column) in plan.columns.iter().enumerate() {
        let Some(name) = &column.field else { continue };
        let json = match content {
            Content::Cells(cells) => cells.get(at).map(|cell| Json::from(cell.as_str())),
            Content::Members(members) => members.get(&column.name).cloned(),
        };
        let Some(json) = json else { continue };
        if name == ID {
            wanted.id = Some(json);
            continue;
        }
        let Some(place) = object.position(name) else { continue };
        let field = &object.fields[place];
        let json = match json {
            Json::String(text) => {
                let is_link = matches!(field.kind, FieldType::Link(_));
                if is_link && !is_by_id(column.match_by.as_deref()) && !text.trim().is_empty() {
                    wanted.links.push((name.clone(), unguard(&text).trim().to_owned()));
                    continue;
                }
                cell::value(field, &text, &plan.options)
            }
            other => other,
        };
        if json.is_null() {
            if plan.options.empty == Empty::Clear {
                wanted.cleared.push(name.clone());
            }
            continue;
        }
        wanted.fields.insert(name.clone(), json);
    }
    // A key that no column of the sample had would be lost without a word.
    if let Content::Members(members) = content {
        for name in members.keys().filter(|name| !plan.columns.iter().any(|column| column.name == **name)) {
            faults.push(FieldError::new(name, "unknown_field", "is no column of the first rows"));
        }
    }
    if faults.is_empty() { Ok(wanted) } else { Err(faults) }
}

/// PostgreSQL keeps no NUL; the sign for it stands in its place.
fn without_nul(json: &Json) -> Json {
    let text = |text: &str| text.replace('\0', "\u{2400}");
    match json {
        Json::String(value) => Json::from(text(value)),
        Json::Array(items) => items.iter().map(without_nul).collect(),
        Json::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (text(name), without_nul(value))).collect())
        }
        other => other.clone(),
    }
}
