//! Merging: several records of one object become one of them, and whatever
//! linked to the others links to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::AppError;
use super::staging::key_of;
use super::unit_of_work::Work;
use crate::access::{Delete, Permit, Read, Update};
use crate::domain::field::FieldType;
use crate::domain::filter::{Comparison, Filter, MAX_LIST, Target};
use crate::domain::object::Object;
use crate::domain::query::Query;
use crate::domain::record::{Changes, Hand, Record, keepsake, read_fields};
use crate::domain::value::{Reference, Value};
use crate::store::MergeNote;

/// Most records that one merge takes in.
pub const MAX_MERGED: usize = 100;
/// Most records whose links one merge moves.
pub const MAX_MOVED: usize = 10_000;

/// A merge, as it is asked for.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The object.
    pub object: String,
    /// The record that is left.
    pub into: Uuid,
    /// The records that become part of it.
    pub from: Vec<Uuid>,
    /// Where values come from: `{"from": id}`, or a value. A field that is not
    /// named keeps the value of the record that is left, or of the first with one.
    pub fields: Map<String, Json>,
}

/// A link of one record.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct LinkOf {
    /// Object of the record.
    pub object: String,
    /// The record.
    pub id: Uuid,
    /// The field that links.
    pub field: String,
    /// The record that it linked to before the merge.
    pub to: Uuid,
    /// Records that it linked to as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Uuid>,
}

/// What a merge did.
#[derive(Clone, Debug, Serialize)]
pub struct MergeReport {
    /// Id of the merge, to take it back.
    pub merge: Uuid,
    /// How many links lead to the record that is left now, of records that the caller sees.
    pub moved: usize,
    /// Links of such records that stay, because only one record may link to it.
    pub not_moved: Vec<LinkOf>,
}

/// What is needed to take a merge back.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Account {
    /// The records that became part of the other.
    pub losers: Vec<Uuid>,
    /// The fields that changed: before and after.
    pub before: Map<String, Json>,
    pub after: Map<String, Json>,
    /// The links that were moved.
    pub moved: Vec<LinkOf>,
}

/// The links that point to some records.
pub(super) struct Mover<'a> {
    work: &'a Work,
    merged: Permit<Delete>,
    /// How many records were looked at.
    count: usize,
}

impl Merge {
    /// Stages it; returns the record that is left.
    pub(super) async fn stage(&self, work: &Work, object: &Arc<Object>) -> Result<(Record, MergeReport), AppError> {
        let (access, caller) = (&work.app.access, &work.caller);
        let may_read = access.check::<Read>(caller, object)?;
        let may_update = access.check::<Update>(caller, object)?;
        let may_delete = access.check::<Delete>(caller, object)?;
        let may_merge = access.check::<crate::access::Merge>(caller, object)?;
        self.check_form()?;
        let winner = self.find(work, &may_read, "into", self.into).await?;
        work.may_change(&may_merge, &winner).await?;
        let mut losers = Vec::with_capacity(self.from.len());
        for (at, id) in self.from.iter().enumerate() {
            let loser = self.find(work, &may_read, &format!("from[{at}]"), *id).await?;
            work.may_change(&may_merge, &loser).await?;
            losers.push(loser);
        }
        let mut mover = Mover { work, merged: may_delete.clone(), count: 0 };
        let (moved, not_moved) = mover.move_links(object, &self.from, self.into).await?;
        for loser in &losers {
            work.delete(may_delete.clone(), loser.clone()).await?;
            work.buffer().await.kinds.insert(key_of(loser), "merged");
        }
        // The winner may have been changed by the move of a link already.
        let current = work.get(&may_read, self.into).await?.unwrap_or_else(|| winner.clone());
        let mut changes = if object.has_sealed_fields() {
            // What is sealed for one record does not open in another.
            self.choose(object, &current, &work.opened(&losers).await?)?
        } else {
            self.choose(object, &current, &losers)?
        };
        work.seal(object, current.id, Some(&current.values), &mut changes).await?;
        let after = work.apply(may_update, current, changes).await?;
        let places: Vec<usize> = (0..after.values.len()).filter(|&at| winner.values[at] != after.values[at]).collect();
        let excerpt = |record: &Record| keepsake(object, &record.values, &places);
        let account = Account {
            losers: self.from.clone(),
            before: excerpt(&winner),
            after: excerpt(&after),
            moved: moved.clone(),
        };
        let merge = work.app.ids.make();
        let (moved, not_moved) = (told(work, moved).await?, told(work, not_moved).await?);
        let mut buffer = work.buffer().await;
        buffer.kinds.insert(key_of(&after), "merged");
        buffer.merges.push(MergeNote::Made {
            id: merge,
            object: object.name.clone(),
            winner: self.into,
            losers: self.from.clone(),
            actor: caller.actor(),
            account: serde_json::to_value(account).unwrap_or(Json::Null),
        });
        Ok((after, MergeReport { merge, moved: moved.len(), not_moved }))
    }

    fn check_form(&self) -> Result<(), AppError> {
        if self.from.is_empty() || self.from.len() > MAX_MERGED {
            return Err(AppError::invalid("from", "out_of_range", format!("names 1 to {MAX_MERGED} records")));
        }
        for (at, id) in self.from.iter().enumerate() {
            if *id == self.into {
                return Err(AppError::invalid(&format!("from[{at}]"), "same_record", "is the record to merge into"));
            }
            if self.from[..at].contains(id) {
                return Err(AppError::invalid(&format!("from[{at}]"), "same_record", "is named twice"));
            }
        }
        Ok(())
    }

    async fn find(&self, work: &Work, permit: &Permit<Read>, field: &str, id: Uuid) -> Result<Record, AppError> {
        if let Some(record) = work.get(permit, id).await? {
            return Ok(record);
        }
        let message = match work.app.store.merged_into(permit, id).await? {
            Some(into) => format!("was merged into {into} already"),
            None => format!("there is no {} {id}", self.object),
        };
        Err(AppError::invalid(field, "unknown_record", message))
    }

    /// The values that the winner gets.
    fn choose(&self, object: &Arc<Object>, winner: &Record, losers: &[Record]) -> Result<Changes, AppError> {
        let mut given = Map::new();
        let mut changes = Changes::new();
        for (name, choice) in &self.fields {
            let from = choice.as_object().filter(|choice| choice.len() == 1).and_then(|choice| choice.get("from"));
            let Some(from) = from else {
                given.insert(name.clone(), choice.clone());
                continue;
            };
            let id = from.as_str().and_then(|text| Uuid::parse_str(text).ok());
            let record = losers.iter().chain([winner]).find(|record| Some(record.id) == id);
            let record =
                record.ok_or_else(|| AppError::invalid(name, "unknown_record", "is none of the merged records"))?;
            let place = object.position(name).ok_or_else(|| {
                AppError::invalid(name, "unknown_field", format!("`{}` has no field of this name", object.name))
            })?;
            changes.push((place, record.values[place].clone()));
        }
        changes.extend(read_fields(object, &given, Hand::Caller).map_err(AppError::Invalid)?);
        for (place, value) in winner.values.iter().enumerate() {
            if value.is_null() && !changes.iter().any(|(at, _)| *at == place) {
                let filled = losers.iter().map(|loser| &loser.values[place]).find(|value| !value.is_null());
                changes.extend(filled.map(|value| (place, value.clone())));
            }
        }
        // A record that linked to one that is part of it now would link to itself.
        for (place, _, to) in object.links() {
            let is_own = |value: &Value| matches!(value, Value::Id(id) if *id == self.into || self.from.contains(id));
            let now = changes.iter().find(|(at, _)| *at == place).map_or(&winner.values[place], |(_, value)| value);
            if to == object.name && is_own(now) {
                changes.retain(|(at, _)| *at != place);
                changes.push((place, Value::Null));
            }
        }
        Ok(changes)
    }
}

impl Mover<'_> {
    /// Stages the move of every link from these records to another; returns
    /// those that were moved, and those that cannot be.
    async fn move_links(
        &mut self,
        merged: &Arc<Object>,
        from: &[Uuid],
        into: Uuid,
    ) -> Result<(Vec<LinkOf>, Vec<LinkOf>), AppError> {
        let (mut moved, mut not_moved) = (Vec::new(), Vec::new());
        let objects: Vec<Arc<Object>> = self.work.catalog.schema.objects().cloned().collect();
        for object in &objects {
            let places = object.links().filter(|(_, _, to)| *to == merged.name).map(|(place, field, _)| (place, field));
            for (place, field) in places {
                let found = self.linking(object, place, from).await?;
                let mut is_free = !field.def.unique || (!found.is_empty() && self.is_free(object, place, into).await?);
                for record in found {
                    // What is merged itself goes away or is looked at later.
                    if object.name == merged.name && (from.contains(&record.id) || record.id == into) {
                        continue;
                    }
                    let linked = field.linked(&record.values[place]);
                    let Some(to) = linked.iter().map(|(_, id)| *id).find(|id| from.contains(id)) else { continue };
                    let beside = linked.iter().map(|(_, id)| *id).filter(|id| *id != to).collect();
                    let link = LinkOf {
                        object: object.name.clone(),
                        id: record.id,
                        field: field.name().to_owned(),
                        to,
                        beside,
                    };
                    if is_free {
                        let (_, permit) = self.work.app.access.follow(&self.merged, object);
                        let value = led_to(&record.values[place], from, into);
                        self.work.apply(permit, record, vec![(place, value)]).await?;
                        moved.push(link);
                        is_free = !field.def.unique;
                    } else {
                        not_moved.push(link);
                    }
                }
            }
        }
        Ok((moved, not_moved))
    }

    /// The records that link to one of these, by the field at this place.
    async fn linking(&mut self, object: &Arc<Object>, place: usize, to: &[Uuid]) -> Result<Vec<Record>, AppError> {
        let (permit, _) = self.work.app.access.follow(&self.merged, object);
        let of_losers = match (&object.fields[place].kind, &self.merged.object().name) {
            (FieldType::LinkMany(_), _) => Filter::Or(to.iter().map(|id| Filter::Has(place, Value::Id(*id))).collect()),
            (FieldType::LinkAny(_), name) => {
                let one = |id: &Uuid| Value::Reference(Reference { object: name.clone(), id: *id });
                Filter::Or(to.iter().map(|id| Filter::Has(place, one(id))).collect())
            }
            _ => Filter::In(Target::Field(place), to.iter().copied().map(Value::Id).collect()),
        };
        let mut found: BTreeMap<Uuid, Record> = BTreeMap::new();
        let limit = u32::try_from(MAX_LIST).unwrap_or(u32::MAX);
        loop {
            let mut parts = vec![of_losers.clone()];
            if let Some((last, _)) = found.last_key_value() {
                parts.push(Filter::Compare(Target::Id, Comparison::Greater, Value::Id(*last)));
            }
            let query = Query { filter: Some(Filter::And(parts)), limit, ..Query::default() };
            let page = self.work.query(&permit.alone(), &query).await?;
            let is_last = page.len() < MAX_LIST;
            self.count += page.len();
            if self.count > MAX_MOVED {
                return Err(AppError::Refused(format!(
                    "more than {MAX_MOVED} records link to the ones to merge: merge fewer at once, or move some links first"
                )));
            }
            found.extend(page.into_iter().map(|record| (record.id, record)));
            if is_last {
                return Ok(found.into_values().collect());
            }
        }
    }

    /// Whether no record links to this one by a field that only one may have.
    async fn is_free(&self, object: &Arc<Object>, place: usize, id: Uuid) -> Result<bool, AppError> {
        let (permit, _) = self.work.app.access.follow(&self.merged, object);
        Ok(self.work.find_unique(&permit, place, &Value::Id(id)).await?.is_none())
    }
}

/// Those of these links that the caller sees.
pub(super) async fn told(work: &Work, links: Vec<LinkOf>) -> Result<Vec<LinkOf>, AppError> {
    let seen = work.seen(links.iter().map(|link| (link.object.clone(), link.id))).await?;
    let is_shown = |link: &LinkOf| {
        work.catalog.schema.object(&link.object).is_some_and(|object| object.position(&link.field).is_some())
    };
    Ok(links.into_iter().filter(|link| is_shown(link) && seen.contains(&(link.object.clone(), link.id))).collect())
}

/// A link that leads to one record instead of these.
fn led_to(value: &Value, from: &[Uuid], into: Uuid) -> Value {
    match value {
        Value::Ids(ids) => {
            let mut led = Vec::with_capacity(ids.len());
            for id in ids {
                let id = if from.contains(id) { into } else { *id };
                if !led.contains(&id) {
                    led.push(id);
                }
            }
            Value::Ids(led)
        }
        Value::Reference(reference) => Value::Reference(Reference { id: into, ..reference.clone() }),
        _ => Value::Id(into),
    }
}
