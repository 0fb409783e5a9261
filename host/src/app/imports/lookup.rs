//! What rows refer to: the records that they change, those that have their
//! unique values, and those that they link to; each with one query.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::AppError;
use super::super::jobs::{JobFault, JobRun};
use super::plan::ID;
use crate::access::Read;
use crate::domain::filter::{Filter, Target};
use crate::domain::object::Object;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;

/// Most records that one lookup reads: with more, names are not told apart.
const MOST: u32 = 2_000;

/// Values that one query looks for, where each may belong to many records: with
/// more, an engine may find it cheaper to read the whole object.
const FEW: usize = 20;

/// Records by the text of a value.
pub type Found = HashMap<String, Vec<Record>>;

/// The text under which a value is found.
pub fn text_of(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A value of a column, read as that field would.
pub fn read(object: &Object, field: &str, json: &Json) -> Option<Value> {
    let target = Target::find(object, field)?;
    target.parse(object, json).ok().filter(|value| !value.is_null())
}

/// The records of an object that have one of these values in the field.
pub async fn find(run: &JobRun, object: &Arc<Object>, field: &str, values: Vec<Value>) -> Result<Found, JobFault> {
    let mut found = Found::new();
    let Some(target) = Target::find(object, field).filter(|_| !values.is_empty()) else { return Ok(found) };
    let permit = run.app.access.check::<Read>(&run.caller, object)?;
    let at_once = if target.is_unique(object) { values.len() } else { FEW };
    for values in values.chunks(at_once) {
        let query = Query { filter: Some(Filter::In(target, values.to_vec())), limit: MOST, ..Query::default() };
        for record in run.app.store.list(&permit.alone(), &query).await? {
            found.entry(text_of(&target.of(&record))).or_default().push(record);
        }
    }
    Ok(found)
}

/// The ids that texts of a link's column stand for, or why there is none.
pub async fn links(
    run: &JobRun,
    to: &Arc<Object>,
    by: &str,
    texts: &[&str],
) -> Result<HashMap<String, Result<Uuid, String>>, JobFault> {
    let mut values: Vec<(String, Option<Value>)> = Vec::new();
    for text in texts {
        if !values.iter().any(|(known, _)| known == text) {
            values.push(((*text).to_owned(), read(to, by, &json!(text))));
        }
    }
    let wanted = values.iter().filter_map(|(_, value)| value.clone()).collect();
    let found = find(run, to, by, wanted).await?;
    let answer = values.into_iter().map(|(text, value)| {
        let records = value.and_then(|value| found.get(&text_of(&value))).map_or(&[][..], Vec::as_slice);
        let id = match records {
            [one] => Ok(one.id),
            [] => Err(format!("there is no {} whose {by} is `{}`", to.name, shown(&text))),
            _ => Err(format!("more than one {} has the {by} `{}`", to.name, shown(&text))),
        };
        (text, id)
    });
    Ok(answer.collect())
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The object that a link goes to.
pub fn linked<'a>(catalog: &'a super::super::Catalog, to: &str) -> Result<&'a Arc<Object>, AppError> {
    catalog.schema.object(to).ok_or_else(|| AppError::UnknownObject(to.to_owned()))
}

/// Whether a link's column holds ids.
pub fn is_by_id(by: Option<&str>) -> bool {
    by.is_none_or(|by| by == ID)
}
