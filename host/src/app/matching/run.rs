//! The job: records in the order of their ids, in chunks, each one commit
//! together with the last id that is done. A chunk that is refused as a whole
//! is halved, until the records that are the reason stand alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::AppError;
use super::super::hooks::Refused;
use super::super::jobs::{JobFault, JobRun};
use super::super::settle::settle;
use super::super::unit_of_work::Work;
use super::{DELETE, Deed, Matching, MatchingRequest, spot};
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::invalid::FieldError;
use crate::domain::job::Progress;
use crate::domain::query::Query;
use crate::domain::record::Hand;
use crate::domain::value::Value;
use crate::store::{Conflict, StoreError, Unit};

/// Most records in one commit.
const CHUNK: u32 = 200;
/// Most runs of one chunk after conflicts.
const MAX_RUNS: usize = 16;
/// Most refused records that are listed; the others are counted.
const MAX_FAULTS: usize = 1_000;

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    last: Option<Uuid>,
    total: Option<u64>,
    done: u64,
    written: u64,
    failed: u64,
    faults: Vec<Fault>,
}

/// A record that was refused, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Fault {
    id: Uuid,
    field: String,
    code: String,
    message: String,
}

/// The records of one attempt that are refused.
type Faults = BTreeMap<Uuid, FieldError>;

/// Does what a job asks for.
pub async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let spot = spot(run.caller.tenant, run.row.id);
    let request: MatchingRequest = run.app.open_json(run.caller.tenant, &spot, run.row.payload.clone()).await?;
    // `$now` is when it was asked for, on every attempt.
    let mut matching = run.app.read_matching(&run.caller, &request, run.row.created_at).await?;
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    if position.last.is_none() {
        position.total = match run.app.store.count(&matching.permits, Some(&matching.filter)).await {
            Ok(count) => u64::try_from(count).ok(),
            Err(StoreError::TooLong) => None,
            Err(error) => return Err(error.into()),
        };
    }
    loop {
        run.check_key().await?;
        // Rights, fields and modules may change while a long job runs.
        matching = run.app.read_matching(&run.caller, &request, run.row.created_at).await?;
        let ids = matching.next(run, position.last).await?;
        if ids.is_empty() {
            let what = if run.row.kind == DELETE { "deleted" } else { "changed" };
            let unchanged = position.done - position.written - position.failed;
            return Ok(json!({"records": position.done, what: position.written, "unchanged": unchanged,
                "failed": position.failed, "faults": position.faults}));
        }
        let mut left = vec![&ids[..]];
        while let Some(slice) = left.pop() {
            match (matching.attempt(run, slice, Faults::new(), &mut position).await?, slice) {
                (None, _) => {}
                (Some(fault), [id]) => {
                    matching.attempt(run, slice, Faults::from([(*id, fault)]), &mut position).await?;
                }
                (Some(_), _) => {
                    let (first, second) = slice.split_at(slice.len() / 2);
                    left.extend([second, first]);
                }
            }
        }
    }
}

impl Matching {
    /// The next records behind an id.
    async fn next(&self, run: &JobRun, last: Option<Uuid>) -> Result<Vec<Uuid>, JobFault> {
        let behind = last.map(|id| Filter::Compare(Target::Id, Comparison::Greater, Value::Id(id)));
        let filter = behind.into_iter().chain([self.filter.clone()]).collect();
        let query =
            Query { filter: Some(Filter::And(filter)), limit: CHUNK, fields: Some(Vec::new()), ..Query::default() };
        let found = run.app.store.list(&self.permits, &query).await?;
        Ok(found.into_iter().map(|record| record.id).collect())
    }

    /// Tries to do these records at once, again after conflicts; those with faults are only
    /// noted. Answers why they cannot all be done at once.
    async fn attempt(
        &self,
        run: &JobRun,
        ids: &[Uuid],
        mut faults: Faults,
        position: &mut Position,
    ) -> Result<Option<FieldError>, JobFault> {
        let app = &run.app;
        let tenant = run.caller.tenant;
        let mut held = app.lanes.hold_none();
        let mut runs = 0;
        while runs < MAX_RUNS {
            let work = Arc::new(Work::begin(app, &run.caller, &self.catalog, held.lanes()));
            let settled = match self.stage(&work, ids, &mut faults).await {
                Ok(()) => settle(&work).await,
                Err(error) => Err(Refused::All(error)),
            };
            if let Some((object, id)) = work.contended().await {
                runs += 1;
                held.join((tenant, object, id)).await;
                continue;
            }
            match settled {
                Ok(()) => {}
                Err(refused) => match self.blame(refused, ids, &mut faults)? {
                    None => continue,
                    whole => return Ok(whole),
                },
            }
            let mut unit = work.finish(None).await;
            let next = self.position_after(position, ids, &faults, &unit);
            unit.further
                .push(run.advance(&next.progress(&run.row.kind), &serde_json::to_value(&next).unwrap_or_default()));
            runs += 1;
            match app.store.commit(&unit).await {
                Ok(()) => {
                    *position = next;
                    return Ok(None);
                }
                Err(Conflict::Changed { object, id }) => held.join((tenant, object, id)).await,
                Err(Conflict::Busy | Conflict::Answered) => {}
                Err(Conflict::Duplicate) => {
                    let message = "a unique value belongs to another record";
                    return Ok(Some(FieldError::new("", "duplicate", message)));
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(AppError::Contended.into())
    }

    /// Stages what is to be done with the records that still meet the filter.
    async fn stage(&self, work: &Work, ids: &[Uuid], faults: &mut Faults) -> Result<(), AppError> {
        let wanted: Vec<Value> = ids.iter().filter(|id| !faults.contains_key(id)).copied().map(Value::Id).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let filter = Filter::And(vec![Filter::In(Target::Id, wanted), self.filter.clone()]);
        let query = Query { filter: Some(filter), limit: CHUNK, ..Query::default() };
        for record in work.query(&self.permits, &query).await? {
            let id = record.id;
            let done = match &self.deed {
                Deed::Delete(permit) => work.delete(permit.clone(), record).await,
                Deed::Change(permit, fields) => {
                    work.update(permit.clone(), record, fields, Hand::Caller).await.map(drop)
                }
            };
            if let Err(error) = done {
                faults.insert(id, error.refusal().ok_or(error)?);
            }
        }
        Ok(())
    }

    /// Notes which records were refused. When that cannot be said, the answer is why all of them are.
    fn blame(&self, refused: Refused, ids: &[Uuid], faults: &mut Faults) -> Result<Option<FieldError>, AppError> {
        let object = &self.permits.own().object().name;
        if let Refused::Records(records) = &refused {
            let own = |(key, error): &((String, Uuid), AppError)| {
                let is_own = key.0 == *object && ids.contains(&key.1) && !faults.contains_key(&key.1);
                Some((key.1, error.refusal()?)).filter(|_| is_own)
            };
            if let Some(own) = records.iter().map(own).collect::<Option<Vec<_>>>().filter(|own| !own.is_empty()) {
                faults.extend(own);
                return Ok(None);
            }
        }
        let error = refused.into_error();
        error.refusal().map(Some).ok_or(error)
    }

    fn position_after(&self, position: &Position, ids: &[Uuid], faults: &Faults, unit: &Unit) -> Position {
        let object = &self.permits.own().object().name;
        let is_own =
            |write: &&crate::store::Write| write.record.object.name == *object && ids.contains(&write.record.id);
        let mut next = position.clone();
        next.last = ids.last().copied().or(next.last);
        next.done += ids.len() as u64;
        next.written += unit.writes.iter().filter(is_own).count() as u64;
        next.failed += faults.len() as u64;
        let room = MAX_FAULTS.saturating_sub(next.faults.len());
        next.faults.extend(faults.iter().take(room).map(|(id, fault)| Fault {
            id: *id,
            field: fault.field.clone(),
            code: fault.code.to_owned(),
            message: fault.message.clone(),
        }));
        next
    }
}

impl Position {
    fn progress(&self, kind: &str) -> Progress {
        let written = if kind == DELETE { "deleted" } else { "changed" };
        let counts = [(written, self.written), ("failed", self.failed)];
        let counts = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        // Records that came meanwhile are done, too.
        Progress { done: self.done, total: self.total.map(|total| total.max(self.done)), counts }
    }
}
