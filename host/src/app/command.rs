//! Commands: every change of records goes through here. A command runs as a
//! unit of work, and runs again from the start when it lost a race.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use tokio::time::Instant;
use uuid::Uuid;

use super::staging::{Key, Staged};
use super::unit_of_work::Work;
use super::{App, AppError};
use crate::access::{Chore, Create, Delete, HostPermit, Read, Update};
use crate::domain::caller::Caller;
use crate::domain::plugin::{Fault, Manifest};
use crate::domain::record::{Hand, Record};
use crate::plugin::Failure;
use crate::store::{Answer, Conflict, IdempotencyKey};

/// Most runs of one command. Losers queue for the record, so that a command
/// that needs this many has met something very unusual.
const MAX_RUNS: usize = 64;

/// Most runs because something that a module made was there already.
const MAX_TAKEN: usize = 4;
/// Longest wait for others who change the same records.
const DEADLINE: Duration = Duration::from_secs(10);

/// A change of records.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add a record.
    Create { object: String, fields: Map<String, Json> },
    /// Change fields of a record, if it is still at the version (when one is named).
    Update { object: String, id: Uuid, fields: Map<String, Json>, version: Option<i64> },
    /// Delete a record, likewise.
    Delete { object: String, id: Uuid, version: Option<i64> },
}

/// What a command did.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Added this record.
    Created(Record),
    /// Changed this record, or found nothing to change.
    Updated(Record),
    /// Deleted the record.
    Deleted,
}

/// How a command ended well.
#[derive(Clone, Debug)]
pub enum Done {
    /// It was done now.
    Now(Answer),
    /// It had been done before; this is the answer that was given then.
    Before(Answer),
}

/// Makes the answer that is kept for a retry. It is part of the commit, so it
/// is made before it.
pub type Render = dyn Fn(&Outcome) -> Answer + Send + Sync;

impl App {
    /// Runs a command. With a key, a repeated request gets the first answer.
    pub async fn execute(
        self: &Arc<Self>,
        caller: &Caller,
        command: &Command,
        key: Option<IdempotencyKey>,
        render: &Render,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let catalog = self.catalog(caller.tenant).await?;
        let mut held = self.lanes.hold_none();
        let deadline = Instant::now() + DEADLINE;
        let mut taken = 0;
        for _ in 0..MAX_RUNS {
            let work = Arc::new(Work::begin(self, caller, &catalog, held.lanes()));
            let outcome = self.run(&work, command).await;
            let lost = match (outcome, work.contended().await) {
                (_, Some(record)) => Some(record),
                (Err(error), None) => return Err(error),
                (Ok(outcome), None) => {
                    let answer = render(&outcome);
                    let unit = work.finish(key.clone().map(|key| (key, answer.clone()))).await;
                    if unit.writes.is_empty() && unit.answer.is_none() {
                        return Ok(Done::Now(answer));
                    }
                    match self.store.commit(&unit).await {
                        Ok(()) => return Ok(Done::Now(answer)),
                        Err(Conflict::Answered) => match self.given_answer(key.as_ref()).await? {
                            Some(answer) => return Ok(Done::Before(answer)),
                            None => None,
                        },
                        Err(Conflict::Changed { object, id }) => Some((object, id)),
                        Err(Conflict::Busy | Conflict::Superseded(_)) => None,
                        Err(Conflict::Duplicate(at)) => match unit.writes[at].plugin() {
                            // Two made the same thing at once: the second sees it when it runs again.
                            Some(_) if taken < MAX_TAKEN => {
                                taken += 1;
                                None
                            }
                            Some(plugin) => return Err(taken_by_plugin(plugin, &unit.writes[at].record)),
                            None => return Err(self.duplicate(caller, &unit.writes[at].record).await?),
                        },
                        Err(Conflict::Store(error)) => return Err(error.into()),
                    }
                }
            };
            if let Some((object, id)) = lost {
                let queue = held.join((caller.tenant, object, id));
                if tokio::time::timeout_at(deadline, queue).await.is_err() {
                    break;
                }
            }
        }
        Err(AppError::Contended)
    }

    async fn run(&self, work: &Arc<Work>, command: &Command) -> Result<Outcome, AppError> {
        let caller = &work.caller;
        match command {
            Command::Create { object, fields } => {
                let object = work.object(object)?;
                let permit = self.access.check::<Create>(caller, object).await?;
                let record = work.create(permit, fields, Hand::Caller).await?;
                let key = (object.name.clone(), record.id);
                super::hooks::run(work).await?;
                Ok(Outcome::Created(staged_or(work, &key, record).await))
            }
            Command::Update { object, id, fields, version } => {
                let object = work.object(object)?;
                let current = self.current(work, object, *id, *version).await?;
                let permit = self.access.check::<Update>(caller, object).await?;
                let record = work.update(permit, current, fields, Hand::Caller).await?;
                let key = (object.name.clone(), *id);
                super::hooks::run(work).await?;
                Ok(Outcome::Updated(staged_or(work, &key, record).await))
            }
            Command::Delete { object, id, version } => {
                let object = work.object(object)?;
                let current = self.current(work, object, *id, *version).await?;
                let permit = self.access.check::<Delete>(caller, object).await?;
                work.delete(permit, current).await;
                super::hooks::run(work).await?;
                Ok(Outcome::Deleted)
            }
        }
    }

    /// The record that a command is about, at the version that it names.
    async fn current(
        &self,
        work: &Work,
        object: &Arc<crate::domain::object::Object>,
        id: Uuid,
        version: Option<i64>,
    ) -> Result<Record, AppError> {
        let permit = self.access.check::<Read>(&work.caller, object).await?;
        let record = work.get(&permit, id).await?.ok_or_else(|| AppError::no_record(&object.name, &id))?;
        match version {
            Some(given) if given != record.version => Err(AppError::Stale { current: record.version, given }),
            _ => Ok(record),
        }
    }

    pub(super) async fn given_answer(&self, key: Option<&IdempotencyKey>) -> Result<Option<Answer>, AppError> {
        let Some(key) = key else { return Ok(None) };
        match self.store.answer(HostPermit::new(Chore::Serve), key).await? {
            None => Ok(None),
            Some((true, answer)) => Ok(Some(answer)),
            Some((false, _)) => Err(AppError::KeyReused),
        }
    }

    /// Which value of the record is taken, and by whom.
    async fn duplicate(&self, caller: &Caller, record: &Record) -> Result<AppError, AppError> {
        let object = &record.object;
        let permit = self.access.check::<Read>(caller, object).await?;
        for (place, field) in object.fields.iter().enumerate().filter(|(_, field)| field.def.unique) {
            let value = &record.values[place];
            if value.is_null() {
                continue;
            }
            if let Some(existing) = self.store.holder(&permit, place, value, record.id).await? {
                let (object, field) = (object.name.clone(), field.name().to_owned());
                return Ok(AppError::Duplicate { object, field, existing: Some(existing) });
            }
        }
        // The other one has gone meanwhile; the caller may simply try again.
        Ok(AppError::Contended)
    }
}

/// A module insists on a value that another record has.
fn taken_by_plugin(plugin: &Manifest, record: &Record) -> AppError {
    let message = format!("a unique value of its `{}` belongs to another record", record.object.name);
    AppError::Hook { plugin: plugin.id.clone(), failure: Failure::Fault(Fault::new("duplicate", message)) }
}

/// The record as hooks left it.
async fn staged_or(work: &Work, key: &Key, otherwise: Record) -> Record {
    work.buffer().await.staged.get(key).and_then(Staged::after).cloned().unwrap_or(otherwise)
}
