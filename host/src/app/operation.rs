//! Operations: the single changes that a command is made of, and how each is staged.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::AppError;
use super::actions::ActionCall;
use super::files::{Attach, FILE};
use super::merge::{Merge, MergeReport};
use super::staging::{Key, Staged, key_of};
use super::unit_of_work::Work;
use super::unmerge::{UnmergeReport, unmerge};
use crate::access::{Create, Delete, Read, Update};
use crate::domain::object::Object;
use crate::domain::record::{Hand, Record};

/// A change of one record, as it is asked for.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Add a record.
    Create { object: String, fields: Map<String, Json> },
    /// Change fields of a record, if it is still at the version (when one is named).
    Update { object: String, id: Uuid, fields: Map<String, Json>, version: Option<i64> },
    /// Delete a record, likewise.
    Delete { object: String, id: Uuid, version: Option<i64> },
    /// Bring a deleted record back.
    Restore { object: String, id: Uuid },
    /// Change the record that has this value in a unique field; add it when there is none.
    Upsert { object: String, field: String, fields: Map<String, Json> },
    /// Make several records one.
    Merge(Merge),
    /// Take a merge back.
    Unmerge { object: String, merge: Uuid },
    /// Give a file its content.
    Attach(Attach),
    /// Have a module do an action.
    Call(ActionCall),
}

/// A link of a record to one that is gone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MissingLink {
    /// The field.
    pub field: String,
    /// The object that it links to.
    pub object: String,
    /// The record that is gone.
    pub id: Uuid,
}

/// What an operation did.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Added this record.
    Created(Record),
    /// Changed this record, or found nothing to change.
    Updated(Record),
    /// Deleted the record.
    Deleted,
    /// Brought this record back, with links that lead nowhere now.
    Restored(Record, Vec<MissingLink>),
    /// Made several records this one.
    Merged(Record, MergeReport),
    /// Took a merge back; this record is what it had left.
    Unmerged(Record, UnmergeReport),
    /// Had a module do an action; this is what it answered.
    Called(Json),
}

/// An operation that is staged.
pub(super) struct Did {
    /// The record that it is about.
    pub key: Key,
    /// What it did.
    pub outcome: Outcome,
}

impl Operation {
    /// The object that it is about.
    pub fn object(&self) -> &str {
        match self {
            Self::Create { object, .. }
            | Self::Update { object, .. }
            | Self::Delete { object, .. }
            | Self::Restore { object, .. }
            | Self::Upsert { object, .. }
            | Self::Unmerge { object, .. } => object,
            Self::Merge(merge) => &merge.object,
            Self::Attach(_) => FILE,
            Self::Call(_) => "",
        }
    }

    /// Stages it in a unit of work.
    pub(super) async fn stage(&self, work: &Arc<Work>) -> Result<Did, AppError> {
        if let Self::Call(call) = self {
            return Ok(Did { key: Key::default(), outcome: Outcome::Called(call.run(work).await?) });
        }
        let (access, caller) = (&work.app.access, &work.caller);
        let object = work.object(self.object())?;
        let did = |outcome: Outcome, key: Key| Did { key, outcome };
        match self {
            Self::Create { fields, .. } => {
                let permit = access.check::<Create>(caller, object)?;
                let record = work.create(permit, fields, Hand::Caller).await?;
                let key = key_of(&record);
                Ok(did(Outcome::Created(record), key))
            }
            Self::Update { id, fields, version, .. } => {
                let current = current(work, object, *id, *version).await?;
                let permit = access.check::<Update>(caller, object)?;
                let record = work.update(permit, current, fields, Hand::Caller).await?;
                Ok(did(Outcome::Updated(record), (object.name.clone(), *id)))
            }
            Self::Delete { id, version, .. } => {
                let current = current(work, object, *id, *version).await?;
                let permit = access.check::<Delete>(caller, object)?;
                work.delete(permit, current).await?;
                Ok(did(Outcome::Deleted, (object.name.clone(), *id)))
            }
            Self::Restore { id, .. } => {
                let may_read = access.check::<Read>(caller, object)?;
                let permit = access.check::<Create>(caller, object)?;
                let record = work.restore(&may_read, permit, *id).await?;
                let missing = work.missing_links(&record).await?;
                Ok(did(Outcome::Restored(record, missing), (object.name.clone(), *id)))
            }
            Self::Upsert { field, fields, .. } => upsert(work, object, field, fields).await,
            Self::Merge(merge) => {
                let (record, report) = merge.stage(work, object).await?;
                let key = key_of(&record);
                Ok(did(Outcome::Merged(record, report), key))
            }
            Self::Unmerge { merge, .. } => {
                let (record, report) = unmerge(work, object, *merge).await?;
                let key = key_of(&record);
                Ok(did(Outcome::Unmerged(record, report), key))
            }
            Self::Attach(attach) => attach.stage(work, object).await,
            Self::Call(_) => Err(AppError::UnknownObject(String::new())),
        }
    }

    /// Whether the operation would have changed the record, had it seen that
    /// another one has the value of this field.
    pub(super) fn yields_to(&self, taken: &str) -> bool {
        matches!(self, Self::Upsert { field, .. } if field == taken)
    }
}

impl Outcome {
    /// The record that it left; none when it deleted it.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Created(record)
            | Self::Updated(record)
            | Self::Restored(record, _)
            | Self::Merged(record, _)
            | Self::Unmerged(record, _) => Some(record),
            Self::Deleted | Self::Called(_) => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn record_mut(&mut self) -> Option<&mut Record> {
        match self {
            Self::Created(record)
            | Self::Updated(record)
            | Self::Restored(record, _)
            | Self::Merged(record, _)
            | Self::Unmerged(record, _) => Some(record),
            Self::Deleted | Self::Called(_) => None,
        }
    }

    /// Takes the record over as hooks and later operations left it.
    pub(super) fn refresh(&mut self, staged: Option<&Staged>) {
        let Some(after) = staged.and_then(Staged::after) else { return };
        match self {
            Self::Created(record)
            | Self::Updated(record)
            | Self::Restored(record, _)
            | Self::Merged(record, _)
            | Self::Unmerged(record, _) => *record = after.clone(),
            Self::Deleted | Self::Called(_) => {}
        }
    }
}

/// The record that an operation is about, at the version that it names.
pub(super) async fn current(
    work: &Work,
    object: &Arc<Object>,
    id: Uuid,
    version: Option<i64>,
) -> Result<Record, AppError> {
    let permit = work.app.access.check::<Read>(&work.caller, object)?;
    let record = work.get(&permit, id).await?.ok_or_else(|| AppError::no_record(&object.name, &id))?;
    let Some(given) = version else { return Ok(record) };
    // An earlier operation of the same command does not make the caller's knowledge stale.
    let stored = work.buffer().await.staged.get(&key_of(&record)).and_then(Staged::before).map(|before| before.version);
    if given == record.version || Some(given) == stored {
        return Ok(record);
    }
    Err(AppError::Stale { current: stored.unwrap_or(record.version), given })
}

async fn upsert(work: &Work, object: &Arc<Object>, field: &str, fields: &Map<String, Json>) -> Result<Did, AppError> {
    let (access, caller) = (&work.app.access, &work.caller);
    let may_read = access.check::<Read>(caller, object)?;
    // Who may do neither is told so before anything else.
    if access.check::<Update>(caller, object).is_err() {
        access.check::<Create>(caller, object)?;
    }
    let place = object.position(field).filter(|&place| object.fields[place].def.unique);
    let Some(place) = place else {
        return Err(AppError::invalid(
            "match",
            "not_unique",
            format!("`{field}` is no unique field of `{}`", object.name),
        ));
    };
    let value = match fields.get(field) {
        None | Some(Json::Null) => None,
        Some(json) => {
            let value = object.fields[place].kind.parse(json);
            Some(value.map_err(|unfit| AppError::Invalid(vec![unfit.of(field)]))?).filter(|value| !value.is_null())
        }
    };
    let value = value.ok_or_else(|| AppError::invalid(field, "required", "decides which record it is"))?;
    if let Some(current) = work.find_unique(&may_read, place, &value).await? {
        let permit = access.check::<Update>(caller, object)?;
        let key = key_of(&current);
        let record = work.update(permit, current, fields, Hand::Caller).await?;
        return Ok(Did { key, outcome: Outcome::Updated(record) });
    }
    let permit = access.check::<Create>(caller, object)?;
    let record = work.create(permit, fields, Hand::Caller).await?;
    Ok(Did { key: key_of(&record), outcome: Outcome::Created(record) })
}
