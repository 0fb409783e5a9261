//! The commit of a unit of work: every version that it read is checked, every
//! write is made, the events and the answer are kept; all of it or nothing.

mod plan;
mod steps;

use std::sync::Arc;

use uuid::Uuid;

pub(super) use steps::chunks;

use super::db::{CommitError, Step};
use super::idempotency::{Answer, IdempotencyKey};
use super::merges::MergeNote;
use super::{Store, StoreError};
use crate::access::{Create, Delete, Permit, Read as ToRead, Update};
use crate::domain::audit::Entry;
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::id::TenantId;
use crate::domain::plugin::Manifest;
use crate::domain::record::Record;
use crate::domain::value::Value;

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
    /// Brings back the deleted record that had this version, with changes at these places.
    Restore { permit: Permit<Create>, from: i64, places: Vec<usize> },
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// What is done.
    pub change: Change,
    /// The record as it will be; for a delete, as it was.
    pub record: Record,
    /// For an update, the values as they were.
    pub before: Option<Vec<Value>>,
}

impl Write {
    /// The plugin that wanted it, if it was not the caller.
    pub fn plugin(&self) -> Option<&Arc<Manifest>> {
        match &self.change {
            Change::Create(permit) | Change::Restore { permit, .. } => permit.plugin(),
            Change::Update { permit, .. } => permit.plugin(),
            Change::Delete { permit, .. } => permit.plugin(),
        }
    }
}

/// An answer that is kept with a commit.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// The request.
    pub key: IdempotencyKey,
    /// What it is answered.
    pub answer: Answer,
    /// Whether it takes the place of the one that an earlier commit of the same request kept.
    pub is_further: bool,
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
    pub answer: Option<KeptAnswer>,
    /// Merges that it makes or undoes.
    pub merges: Vec<MergeNote>,
    /// What the audit trail says of it.
    pub audit: Vec<Entry>,
    /// What else is written with it, and must hold for it.
    pub further: Vec<Further>,
    /// What modules do beside records: when it does not hold any more, the same may work when it runs again.
    pub effects: Vec<Further>,
    /// When it happens.
    pub at: Timestamp,
}

impl Unit {
    /// Nothing yet.
    pub fn empty(tenant: TenantId, at: Timestamp) -> Self {
        Self {
            tenant,
            reads: Vec::new(),
            writes: Vec::new(),
            events: Vec::new(),
            answer: None,
            merges: Vec::new(),
            audit: Vec::new(),
            further: Vec::new(),
            effects: Vec::new(),
            at,
        }
    }

    /// Whether it writes nothing: what it read is not checked then, either.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.answer.is_none()
            && self.merges.is_empty()
            && self.events.is_empty()
            && self.effects.is_empty()
            && self.further.is_empty()
    }
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
    /// A write has a unique value that another record has.
    #[error("a write has a value that is taken")]
    Duplicate,
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

impl Store {
    /// Commits a unit of work.
    pub async fn commit(&self, unit: &Unit) -> Result<(), Conflict> {
        let (steps, origins): (Vec<_>, Vec<_>) = self.steps_of(unit).into_iter().unzip();
        let error = match self.db.of(unit.tenant).commit_at_once(steps).await {
            Ok(()) => {
                if let (false, Some(call)) = (unit.events.is_empty(), self.committed.get()) {
                    call(unit.tenant);
                }
                return Ok(());
            }
            Err(error) => error,
        };
        match error {
            CommitError::Busy => Err(Conflict::Busy),
            CommitError::Store(error) => Err(Conflict::Store(error)),
            CommitError::Unique(_) => Err(Conflict::Duplicate),
            CommitError::Unmet(at) => match origins.into_iter().nth(at) {
                Some(plan::Origin::Answer) => Err(Conflict::Answered),
                Some(plan::Origin::Records(sight)) => Err(self.changed(unit.tenant, sight).await),
                Some(plan::Origin::Further(at)) => Err(Conflict::Superseded(at)),
                Some(plan::Origin::Other) | None => Err(Conflict::Busy),
            },
        }
    }
}
