//! Looks of a unit of work at more than one record: what its operations will
//! need, who has a unique value, and what all of it would come to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::AppError;
use super::command::PlannedChange;
use super::operation::Operation;
use super::staging::{Key, Seen, key_of};
use super::unit_of_work::Work;
use crate::access::{Permit, Read};
use crate::domain::filter::{Comparison, Filter, MAX_LIST, Target};
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;

impl Work {
    /// Reads what many operations will look at with few statements: the records
    /// that they change, and whether those that they link to are there.
    pub async fn prefetch(&self, operations: &[&Operation]) -> Result<(), AppError> {
        let mut records: BTreeMap<&str, BTreeSet<Uuid>> = BTreeMap::new();
        let mut linked: BTreeMap<&str, BTreeSet<Uuid>> = BTreeMap::new();
        let mut unique: BTreeMap<(&str, usize), Vec<Value>> = BTreeMap::new();
        for operation in operations {
            let Some(object) = self.catalog.schema.object(operation.object()) else { continue };
            let fields = match operation {
                Operation::Update { id, fields, .. } => {
                    records.entry(&object.name).or_default().insert(*id);
                    fields
                }
                Operation::Delete { id, .. } => {
                    records.entry(&object.name).or_default().insert(*id);
                    continue;
                }
                Operation::Create { fields, .. } => fields,
                Operation::Upsert { field, fields, .. } => {
                    let place = object.position(field).filter(|&place| object.fields[place].def.unique);
                    let value = place.and_then(|at| Some((at, object.fields[at].kind.parse(fields.get(field)?).ok()?)));
                    if let Some((place, value)) = value.filter(|(_, value)| !value.is_null()) {
                        unique.entry((&object.name, place)).or_default().push(value);
                    }
                    fields
                }
                _ => continue,
            };
            for (_, field, to) in object.links() {
                let id = fields.get(field.name()).and_then(Json::as_str).and_then(|text| Uuid::parse_str(text).ok());
                if let Some(id) = id {
                    linked.entry(to).or_default().insert(id);
                }
            }
        }
        for (object, ids) in records {
            let Some(permit) = self.may_read(object) else { continue };
            for record in self.by_ids(&permit, &ids).await? {
                self.remember(&permit, &record).await?;
            }
        }
        for ((object, place), values) in unique {
            let Some(permit) = self.may_read(object) else { continue };
            self.look_up(&permit, place, &values).await?;
        }
        for (object, ids) in linked {
            let Some(permit) = self.may_read(object) else { continue };
            for record in self.by_ids(&permit, &ids).await? {
                let seen = Seen { permit: permit.clone(), record: None };
                self.buffer().await.reads.entry(key_of(&record)).or_insert(seen);
            }
        }
        Ok(())
    }

    /// Finds out who has these values of a unique field.
    async fn look_up(&self, permit: &Permit<Read>, place: usize, values: &[Value]) -> Result<(), AppError> {
        let name = &permit.object().name;
        for values in values.chunks(MAX_LIST) {
            let filter = Some(Filter::In(Target::Field(place), values.to_vec()));
            let limit = u32::try_from(values.len()).unwrap_or(u32::MAX);
            let found = self.app.store.list(&permit.alone(), &Query { filter, limit, ..Query::default() }).await?;
            for record in &found {
                self.remember(permit, record).await?;
            }
            let mut buffer = self.buffer().await;
            let nobody = values.iter().map(|value| ((name.clone(), place, value.to_string()), None));
            buffer.looked_up.extend(nobody);
            let somebody =
                found.iter().map(|record| ((name.clone(), place, record.values[place].to_string()), Some(record.id)));
            buffer.looked_up.extend(somebody);
        }
        Ok(())
    }

    /// A permit to read; who has none is told when it matters.
    fn may_read(&self, object: &str) -> Option<Permit<Read>> {
        self.app.access.check::<Read>(&self.caller, self.catalog.schema.object(object)?).ok()
    }

    async fn by_ids(&self, permit: &Permit<Read>, ids: &BTreeSet<Uuid>) -> Result<Vec<Record>, AppError> {
        let ids: Vec<Value> = ids.iter().copied().map(Value::Id).collect();
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_LIST) {
            let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let filter = Some(Filter::In(Target::Id, ids.to_vec()));
            found.extend(self.app.store.list(&permit.alone(), &Query { filter, limit, ..Query::default() }).await?);
        }
        Ok(found)
    }

    /// The record that has the value in the unique field at this place.
    pub async fn find_unique(
        &self,
        permit: &Permit<Read>,
        place: usize,
        value: &Value,
    ) -> Result<Option<Record>, AppError> {
        let name = &permit.object().name;
        let known = self.buffer().await.looked_up.get(&(name.clone(), place, value.to_string())).copied();
        if let Some(known) = known {
            let buffer = self.buffer().await;
            let mut staged = buffer.staged.iter().filter(|(key, _)| key.0 == *name).filter_map(|(_, it)| it.after());
            if let Some(own) = staged.find(|record| record.values[place] == *value) {
                return Ok(Some(own.clone()));
            }
            drop(buffer);
            let Some(id) = known else { return Ok(None) };
            let record = self.get(permit, id).await?;
            return Ok(record.filter(|record| record.values[place] == *value));
        }
        let filter = Filter::Compare(Target::Field(place), Comparison::Equal, value.clone());
        let query = Query { filter: Some(filter), limit: 1, ..Query::default() };
        Ok(self.query(&permit.alone(), &query).await?.into_iter().next())
    }

    /// Whether another record than this one has the value in the unique field at this place.
    pub async fn find_other(
        &self,
        permit: &Permit<Read>,
        place: usize,
        value: &Value,
        other_than: Uuid,
    ) -> Result<bool, AppError> {
        let same = Filter::Compare(Target::Field(place), Comparison::Equal, value.clone());
        let other = Filter::Not(Box::new(Filter::Compare(Target::Id, Comparison::Equal, Value::Id(other_than))));
        let query = Query { filter: Some(Filter::And(vec![same, other])), limit: 1, ..Query::default() };
        Ok(!self.query(&permit.alone(), &query).await?.is_empty())
    }

    /// Which of these records, as they are stored, the caller sees.
    pub async fn seen(&self, records: impl IntoIterator<Item = Key>) -> Result<HashSet<Key>, AppError> {
        let mut by_object: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for (object, id) in records {
            by_object.entry(object).or_default().insert(id);
        }
        let mut seen = HashSet::new();
        for (object, ids) in by_object {
            let Some(permit) = self.may_read(&object) else { continue };
            if permit.rows().filter().is_none() {
                seen.extend(ids.into_iter().map(|id| (object.clone(), id)));
            } else {
                seen.extend(self.by_ids(&permit, &ids).await?.iter().map(key_of));
            }
        }
        Ok(seen)
    }

    /// Gives a record the object as the caller sees it: modules stage what they write with all fields.
    pub fn as_seen(&self, record: &mut Record) {
        if let Some(object) = self.catalog.schema.object(&record.object.name) {
            record.object = Arc::clone(object);
        }
    }

    /// What the unit of work would write, of what the caller sees.
    pub async fn planned(&self) -> Result<Vec<PlannedChange>, AppError> {
        let planned = self.all_planned().await;
        let seen = self.seen(planned.iter().map(|change| (change.object.clone(), change.id))).await?;
        let mut shown = Vec::with_capacity(planned.len());
        for mut change in planned {
            let is_seen = match (&change.before, &change.after) {
                (None, Some(after)) => change.plugin.is_none() || self.sees_new(after).await?,
                _ => seen.contains(&(change.object.clone(), change.id)),
            };
            if is_seen {
                change.before.iter_mut().chain(&mut change.after).for_each(|record| self.as_seen(record));
                shown.push(change);
            }
        }
        Ok(shown)
    }

    /// Whether the caller would see a record that is not stored yet.
    async fn sees_new(&self, record: &Record) -> Result<bool, AppError> {
        let Some(permit) = self.may_read(&record.object.name) else { return Ok(false) };
        match permit.rows().filter() {
            None => Ok(true),
            Some(filter) => self.fits(filter, record).await,
        }
    }

    /// Everything that the unit of work would write.
    async fn all_planned(&self) -> Vec<PlannedChange> {
        let buffer = self.buffer().await;
        let planned =
            buffer.staged.iter().filter(|(_, staged)| staged.is_change()).map(|(key, staged)| PlannedChange {
                kind: buffer.kinds.get(key).copied().unwrap_or(staged.kind()),
                object: key.0.clone(),
                id: key.1,
                before: staged.before().cloned(),
                after: staged.after().cloned(),
                plugin: staged.plugin().or(buffer.amended.get(key)).map(|plugin| plugin.id.clone()),
            });
        planned.collect()
    }
}
