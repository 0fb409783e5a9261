//! A question for a list of records: filter, order, page.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::filter::{Filter, Target};
use super::invalid::FieldError;
use super::object::Object;
use super::record::Record;
use super::value::Value;

/// Most records on one page.
pub const MAX_LIMIT: u32 = 500;
/// Records on a page when nothing is said.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most fields to sort by.
const MAX_SORT: usize = 5;

/// One field to sort by. Records without a value come last in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What to sort by.
    pub target: Target,
    /// Largest first.
    pub descending: bool,
}

/// What to list.
#[derive(Clone, Debug)]
pub struct Query {
    /// Which records; all when none.
    pub filter: Option<Filter>,
    /// In which order; the id is always the last word.
    pub sort: Vec<Sort>,
    /// Most records to return.
    pub limit: u32,
    /// The place of the last record of the page before: its sort values and its id.
    pub after: Option<Vec<Value>>,
    /// Deleted records instead of those that are there.
    pub deleted: bool,
    /// The fields to read, by their places; all when none.
    pub fields: Option<Vec<usize>>,
}

impl Default for Query {
    fn default() -> Self {
        Self { filter: None, sort: Vec::new(), limit: DEFAULT_LIMIT, after: None, deleted: false, fields: None }
    }
}

impl Query {
    /// Order of two records in this list.
    pub fn order(&self, left: &Record, right: &Record) -> Ordering {
        for sort in &self.sort {
            let (a, b) = (sort.target.of(left), sort.target.of(right));
            let order = match (a.is_null(), b.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => {
                    let order = a.compare(&b).unwrap_or(Ordering::Equal);
                    if sort.descending { order.reverse() } else { order }
                }
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        left.id.cmp(&right.id)
    }

    /// The place of a record in this list, for the next page.
    pub fn place(&self, record: &Record) -> Vec<Value> {
        let mut place: Vec<Value> = self.sort.iter().map(|sort| sort.target.of(record)).collect();
        place.push(Value::Id(record.id));
        place
    }
}

/// The sort values and the id of a place of a list, from the JSON of a cursor.
pub fn read_place(object: &Object, sort: &[Sort], values: &[Json]) -> Option<Vec<Value>> {
    if values.len() != sort.len() + 1 {
        return None;
    }
    let targets = sort.iter().map(|sort| sort.target).chain([Target::Id]);
    targets.zip(values).map(|(target, json)| target.parse(object, json).ok()).collect()
}

/// Reads names of fields with commas between.
pub fn parse_fields(object: &Object, names: &str) -> Result<Vec<Target>, FieldError> {
    let mut targets = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let target = Target::find(object, name).ok_or_else(|| {
            FieldError::new("fields", "unknown_field", format!("`{}` has no field `{name}`", object.name))
        })?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

/// Reads a sort order: field names, `-` in front for descending.
pub fn parse_sort<'a>(object: &Object, names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Sort>, FieldError> {
    let mut sort = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let (name, descending) = name.strip_prefix('-').map_or((name, false), |rest| (rest, true));
        let target = Target::find(object, name).ok_or_else(|| {
            FieldError::new("sort", "unknown_field", format!("`{}` has no field `{name}`", object.name))
        })?;
        if target.kind(object).is_sealed() {
            return Err(FieldError::new("sort", "encrypted", format!("`{name}` is encrypted: it has no order")));
        }
        if !target.is_sortable(object) {
            return Err(FieldError::new("sort", "not_sortable", format!("`{name}` has no order")));
        }
        sort.push(Sort { target, descending });
    }
    if sort.len() > MAX_SORT {
        return Err(FieldError::new("sort", "out_of_range", format!("names more than {MAX_SORT} fields")));
    }
    Ok(sort)
}

/// Checks a page size.
pub fn check_limit(limit: u64) -> Result<u32, FieldError> {
    u32::try_from(limit)
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| FieldError::new("limit", "out_of_range", format!("is between 1 and {MAX_LIMIT}")))
}
