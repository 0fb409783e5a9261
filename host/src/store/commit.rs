//! The commit of a unit of work: every version that it read is checked, every
//! write is made, the events and the answer are kept; all of it or nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use sea_query::Value as Bound;
use uuid::Uuid;

use super::db::{CommitError, Expect, Step, Stmt};
use super::idempotency::{Answer, IdempotencyKey};
use super::tables::quote;
use super::{Store, StoreError};
use crate::access::{Create, Delete, Permit, Read as ToRead, Update};
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::id::TenantId;
use crate::domain::plugin::Manifest;
use crate::domain::record::Record;

/// Events in one statement: SQLite takes 32,766 values.
const EVENTS_PER_STATEMENT: usize = 1_000;

/// Something that the unit of work saw and relies on.
#[derive(Clone, Debug)]
pub struct Read {
    /// The permit it was read under.
    pub permit: Permit<ToRead>,
    /// The record.
    pub id: Uuid,
    /// The version that was seen; none when only its existence matters.
    pub version: Option<i64>,
}

/// What a write does, and the permit to do it.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds the record.
    Create(Permit<Create>),
    /// Changes the fields at these places of the record that had this version.
    Update { permit: Permit<Update>, from: i64, places: Vec<usize> },
    /// Marks as deleted the record that had this version.
    Delete { permit: Permit<Delete>, from: i64 },
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// What is done.
    pub change: Change,
    /// The record as it will be; for a delete, as it was.
    pub record: Record,
}

impl Write {
    /// The plugin that wanted it, if it was not the caller.
    pub fn plugin(&self) -> Option<&Arc<Manifest>> {
        match &self.change {
            Change::Create(permit) => permit.plugin(),
            Change::Update { permit, .. } => permit.plugin(),
            Change::Delete { permit, .. } => permit.plugin(),
        }
    }
}

/// Everything that is committed at once.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Whose records they are.
    pub tenant: TenantId,
    /// What it relies on.
    pub reads: Vec<Read>,
    /// What it writes.
    pub writes: Vec<Write>,
    /// The account of it.
    pub events: Vec<Event>,
    /// The answer to keep for a retry of the same request.
    pub answer: Option<(IdempotencyKey, Answer)>,
    /// What else is written with it, and must hold for it.
    pub further: Vec<Further>,
    /// When it happens.
    pub at: Timestamp,
}

/// A step beside the records, made by another part of the store: the position
/// of the job that the unit of work is a part of, for one.
#[derive(Clone, Debug)]
pub struct Further(pub(super) Step);

/// Why a unit of work was not committed.
#[derive(Debug, thiserror::Error)]
pub enum Conflict {
    /// This record is not any more what the unit of work saw.
    #[error("{object} {id} has changed")]
    Changed {
        /// The object.
        object: String,
        /// The record.
        id: Uuid,
    },
    /// The write at this place has a unique value that another record has.
    #[error("write {0} has a value that is taken")]
    Duplicate(usize),
    /// The same request was already answered.
    #[error("the request was already answered")]
    Answered,
    /// One of the further steps does not hold any more.
    #[error("the step {0} beside the records does not hold")]
    Superseded(usize),
    /// Another commit was in the way.
    #[error("another commit was in the way")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which part of the unit a step came from.
enum Origin {
    Answer,
    Record { object: String, id: Uuid, write: Option<usize> },
    Events,
    Further(usize),
}

impl Store {
    /// Commits a unit of work.
    pub async fn commit(&self, unit: &Unit) -> Result<(), Conflict> {
        let mut steps = Vec::with_capacity(unit.reads.len() + unit.writes.len() + 2);
        let mut origins = Vec::with_capacity(steps.capacity());
        if let Some((key, answer)) = &unit.answer {
            steps.push(self.keep_answer(key, answer, unit.at));
            origins.push(Origin::Answer);
        }
        // One order for all commits, so that two of them never wait for each other in a ring.
        let mut records: Vec<(&str, Uuid, Step, Option<usize>)> = Vec::new();
        for read in &unit.reads {
            records.push((&read.permit.object().name, read.id, self.check(read), None));
        }
        for (at, write) in unit.writes.iter().enumerate() {
            records.push((&write.record.object.name, write.record.id, self.write(unit, write), Some(at)));
        }
        records.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        for (object, id, step, write) in records {
            steps.push(step);
            origins.push(Origin::Record { object: object.to_owned(), id, write });
        }
        for events in unit.events.chunks(EVENTS_PER_STATEMENT) {
            steps.push(self.append(unit.tenant, events));
            origins.push(Origin::Events);
        }
        for (at, further) in unit.further.iter().enumerate() {
            steps.push(further.0.clone());
            origins.push(Origin::Further(at));
        }
        self.db.commit(steps).await.map_err(|error| match error {
            CommitError::Busy => Conflict::Busy,
            CommitError::Store(error) => Conflict::Store(error),
            CommitError::Unmet(at) | CommitError::Unique(at) => match origins.into_iter().nth(at) {
                Some(Origin::Answer) => Conflict::Answered,
                Some(Origin::Record { write: Some(write), .. }) if matches!(error, CommitError::Unique(_)) => {
                    Conflict::Duplicate(write)
                }
                Some(Origin::Record { object, id, .. }) => Conflict::Changed { object, id },
                Some(Origin::Further(at)) => Conflict::Superseded(at),
                Some(Origin::Events) | None => Conflict::Busy,
            },
        })
    }

    fn check(&self, read: &Read) -> Step {
        let texts = self.texts(read.permit.object());
        let mut values: Vec<Bound> = vec![read.permit.tenant().0.into(), read.id.into()];
        let sql = match read.version {
            Some(version) => {
                values.push(version.into());
                &texts.is_version
            }
            None => &texts.stays,
        };
        Step { stmt: Stmt::new(Arc::clone(sql), values), expect: Expect::Found }
    }

    fn write(&self, unit: &Unit, write: &Write) -> Step {
        let engine = self.db.engine();
        let record = &write.record;
        let object = &record.object;
        let texts = self.texts(object);
        let stmt = match &write.change {
            Change::Create(permit) => {
                let mut values: Vec<Bound> = Vec::with_capacity(object.fields.len() + 5);
                values.push(permit.tenant().0.into());
                values.push(record.id.into());
                values.push(engine.time(record.created_at));
                values.push(engine.time(record.updated_at));
                for (field, value) in object.fields.iter().zip(&record.values) {
                    engine.bind(field, value, &mut values);
                }
                Stmt::new(Arc::clone(&texts.insert), values)
            }
            Change::Update { permit, from, places } => {
                let mut values: Vec<Bound> = vec![engine.time(record.updated_at)];
                let mut sql = format!("update {} set version = version + 1, updated_at = $1", texts.table);
                for &place in places {
                    let field = &object.fields[place];
                    for (offset, name) in field.columns().iter().enumerate() {
                        let _ = write!(sql, ", {} = ${}", quote(name), values.len() + 1 + offset);
                    }
                    engine.bind(field, &record.values[place], &mut values);
                }
                finish(sql, values, permit.tenant(), record.id, *from)
            }
            Change::Delete { permit, from } => {
                let values = vec![engine.time(unit.at)];
                let sql = format!("update {} set version = version + 1, deleted_at = $1", texts.table);
                finish(sql, values, permit.tenant(), record.id, *from)
            }
        };
        Step { stmt, expect: Expect::OneChange }
    }

    fn append(&self, tenant: TenantId, events: &[Event]) -> Step {
        let engine = self.db.engine();
        let mut sql = "insert into event (tenant_id, id, kind, object, record_id, version, actor, plugin, at, \
                       before_values, after_values) values "
            .to_owned();
        let mut values: Vec<Bound> = Vec::with_capacity(events.len() * 11);
        for event in events {
            sql.push_str(if values.is_empty() { "(" } else { ", (" });
            let row: [Bound; 11] = [
                tenant.0.into(),
                event.id.into(),
                event.kind.into(),
                event.object.as_str().into(),
                event.record.into(),
                event.version.into(),
                event.actor.as_str().into(),
                event.plugin.as_deref().into(),
                engine.time(event.at),
                event.before.clone().into(),
                event.after.clone().into(),
            ];
            for (at, value) in row.into_iter().enumerate() {
                values.push(value);
                let _ = write!(sql, "{}${}", if at == 0 { "" } else { ", " }, values.len());
            }
            sql.push(')');
        }
        Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing }
    }
}

/// Ends an update of one record that must have this version still.
fn finish(mut sql: String, mut values: Vec<Bound>, tenant: TenantId, id: Uuid, version: i64) -> Stmt {
    let at = values.len();
    let _ = write!(
        sql,
        " where tenant_id = ${} and id = ${} and version = ${} and deleted_at is null",
        at + 1,
        at + 2,
        at + 3
    );
    values.extend([tenant.0.into(), id.into(), version.into()]);
    Stmt::new(sql, values)
}
