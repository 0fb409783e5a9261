//! Looking for records that may be the same thing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::disclosure::Disclosure;
use super::{App, AppError};
use crate::access::{Denied, Permit, Read};
use crate::domain::caller::Caller;
use crate::domain::duplicate::{DuplicateRule, LIKELY, Match, Reason, forms, score};
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::object::Object;
use crate::domain::query::{Query, Sort};
use crate::domain::record::{self, Hand, Record, read_fields};
use crate::domain::value::Value;

/// Records that one look into an index takes.
const PER_LOOK: u32 = 25;
/// Most candidates that are told.
const MAX_CANDIDATES: usize = 20;

/// A record that may be the same.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// The record.
    pub id: Uuid,
    /// How likely it is the same, up to 100.
    pub score: u32,
    /// What the score is made of.
    pub reasons: Vec<Reason>,
    /// The record as it is.
    pub record: Record,
}

/// What duplicates are looked for.
#[derive(Clone, Debug)]
pub enum Like {
    /// Of a record with these fields, which need not be complete.
    Fields(Map<String, Json>),
    /// Of this record.
    Record(Uuid),
}

impl App {
    /// Records that may be the same as this one, best first.
    pub async fn duplicates(&self, caller: &Caller, object: &str, like: &Like) -> Result<Vec<Candidate>, AppError> {
        let permit = self.reader(caller, object).await?;
        let object = permit.object();
        let (values, own) = match like {
            Like::Record(id) => (self.record(caller, &object.name, *id).await?.values, Some(*id)),
            Like::Fields(fields) => {
                let mut values = record::defaults(object);
                for (place, value) in read_fields(object, fields, Hand::Caller).map_err(AppError::Invalid)? {
                    values[place] = value;
                }
                (values, None)
            }
        };
        let finders: Vec<_> = object.duplicates.iter().filter(|rule| rule.finds).collect();
        let mut found = self.alike(&permit, &finders, &values).await?;
        found.retain(|candidate| Some(candidate.id) != own);
        found.truncate(MAX_CANDIDATES);
        let mut disclosure = Disclosure::new(self, caller);
        disclosure.show_all(found.iter_mut().map(|candidate| &mut candidate.record).collect()).await?;
        disclosure.finish().await?;
        Ok(found)
    }

    /// Refuses a new record that is likely there already, with the likely ones; what is encrypted stays so in them. Only what could come
    /// to a likely score is looked for: most records cost one query or none.
    pub(super) async fn check_new(&self, caller: &Caller, new: &Record) -> Result<(), AppError> {
        let object = &new.object;
        let finders = needed(object, &new.values);
        if finders.is_empty() {
            return Ok(());
        }
        // Who may not read cannot be told.
        let permit = match self.access.check::<Read>(caller, object) {
            Ok(permit) => permit,
            Err(Denied::Policy(error)) => return Err(Denied::Policy(error).into()),
            Err(_) => return Ok(()),
        };
        let mut found = self.alike(&permit, &finders, &new.values).await?;
        found.retain(|candidate| candidate.score >= LIKELY && candidate.id != new.id);
        found.truncate(MAX_CANDIDATES);
        if found.is_empty() {
            return Ok(());
        }
        let mut disclosure = Disclosure::new(self, caller);
        for candidate in &found {
            disclosure.show_outside(&candidate.record);
        }
        disclosure.finish().await?;
        Err(AppError::PossibleDuplicate { object: object.name.clone(), candidates: found })
    }

    async fn alike(
        &self,
        permit: &Permit<Read>,
        finders: &[&DuplicateRule],
        values: &[Value],
    ) -> Result<Vec<Candidate>, AppError> {
        let object = permit.object();
        let mut found: BTreeMap<Uuid, Record> = BTreeMap::new();
        for rule in finders {
            let Some(place) = object.position(&rule.fields[0]) else { continue };
            for query in looks(rule, place, &values[place]) {
                found.extend(
                    self.store.list(&permit.alone(), &query).await?.into_iter().map(|record| (record.id, record)),
                );
            }
        }
        let mut candidates: Vec<Candidate> = found
            .into_values()
            .map(|record| {
                let (score, reasons) = score(object, values, &record.values);
                Candidate { id: record.id, score, reasons, record }
            })
            .filter(|candidate| candidate.score > 0)
            .collect();
        candidates.sort_by(|a, b| b.score.cmp(&a.score).then(a.id.cmp(&b.id)));
        Ok(candidates)
    }
}

/// The rules that a likely duplicate of a new record can be found by. The
/// database itself sees to unique fields. When the rules that have been used do
/// not agree and the rest cannot come to a likely score, the rest is not needed.
fn needed<'a>(object: &'a Arc<Object>, values: &[Value]) -> Vec<&'a DuplicateRule> {
    let is_unique = |rule: &DuplicateRule| {
        rule.kind == Match::Exact
            && rule.fields.len() == 1
            && object.position(&rule.fields[0]).is_some_and(|place| object.fields[place].def.unique)
    };
    let mut open: Vec<&DuplicateRule> =
        object.duplicates.iter().filter(|rule| !is_unique(rule) && rule.applies(object, values)).collect();
    // Exact looks first: they are cheap, and sure.
    open.sort_by_key(|rule| (!rule.finds, rule.kind != Match::Exact));
    let mut finders = Vec::new();
    let mut left: u32 = open.iter().map(|rule| rule.weight).sum();
    for rule in open {
        if left < LIKELY || !rule.finds {
            break;
        }
        left -= rule.weight;
        finders.push(rule);
    }
    finders
}

/// The looks into the index of a field: at the same value, or at the nearest
/// ones before and behind it.
fn looks(rule: &DuplicateRule, place: usize, value: &Value) -> Vec<Query> {
    let target = Target::Field(place);
    let look = |filter, descending| Query {
        filter: Some(filter),
        sort: if rule.kind == Match::Exact { Vec::new() } else { vec![Sort { target, descending }] },
        limit: PER_LOOK,
        ..Query::default()
    };
    match (value, rule.kind) {
        (Value::Null, _) => Vec::new(),
        (Value::Text(text), Match::Similar) => {
            let around = |form: String| {
                let form = Value::Text(form);
                [
                    look(Filter::Compare(target, Comparison::GreaterOrEqual, form.clone()), false),
                    look(Filter::Compare(target, Comparison::Less, form), true),
                ]
            };
            forms(text).into_iter().flat_map(around).collect()
        }
        (value, _) => vec![look(Filter::Compare(target, Comparison::Equal, value.clone()), false)],
    }
}
