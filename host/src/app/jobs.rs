//! Jobs: work that goes on after its request. This file is what callers see of
//! them; [`run`] takes and runs them.

mod run;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use tokio::sync::Notify;
use uuid::Uuid;

pub use run::{JobFault, JobRun};

use super::{App, AppError};
use crate::access::{Chore, HostPermit, Read, Update};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::domain::job::{JobState, Progress};
use crate::domain::permission::Area;
use crate::domain::query::{DEFAULT_LIMIT, check_limit};
use crate::store::{Answer, Conflict, Further, IdempotencyKey, JobFilter, JobRow, KeptAnswer, Lease, NewJob, Unit};

/// How long jobs that have ended can be looked at.
const KEPT_MICROS: i64 = 30 * 24 * 3_600 * 1_000_000;

/// The jobs that this node works on.
pub(super) struct Jobs {
    /// Names the node in the table.
    node: Uuid,
    /// Told when a job is queued here, so that nobody has to wait for the next look.
    queued: Notify,
    /// The running ones, and how to tell each that it is over.
    running: Mutex<HashMap<Uuid, (Lease, Arc<Notify>)>>,
}

/// A job as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct JobView {
    /// Its id.
    pub id: Uuid,
    /// What it does: `import`, `undo_import`, `export`, `export_tenant`, `change_records`, `delete_records`, `recompute`,
    /// `export_person`, `erase_person`, `purge_module`, and of modules `module_job`, `module_task`, `module_enable`.
    pub kind: String,
    /// Where it stands.
    pub state: JobState,
    /// How far it has come.
    pub progress: Progress,
    /// What came of it, once it is done.
    #[schema(value_type = Option<Object>, required = true)]
    pub result: Json,
    /// What went wrong: `code` and `detail`.
    #[schema(value_type = Option<Object>, required = true)]
    pub error: Json,
    /// How often it was begun.
    pub attempts: i64,
    /// When it is to run, while it is queued.
    pub run_at: Option<String>,
    /// When it was asked for.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// Which jobs a caller wants to see.
#[derive(Clone, Debug, Default)]
pub struct JobsRequest {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Page size.
    pub limit: Option<u64>,
    /// The last job of the page before.
    pub cursor: Option<String>,
}

/// A page of jobs, the newest first.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct JobPage {
    /// The jobs.
    pub data: Vec<JobView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

impl Jobs {
    pub(super) fn new(node: Uuid) -> Self {
        Self { node, queued: Notify::new(), running: Mutex::default() }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, (Lease, Arc<Notify>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobView {
    /// A job that is about to be queued.
    pub(super) fn of_new(job: &NewJob) -> Self {
        Self {
            id: job.id,
            kind: job.kind.to_owned(),
            state: JobState::Queued,
            progress: Progress::default(),
            result: Json::Null,
            error: Json::Null,
            attempts: 0,
            run_at: Some(job.due_at.to_string()),
            created_at: job.at.to_string(),
            updated_at: job.at.to_string(),
        }
    }
}

impl From<&JobRow> for JobView {
    fn from(job: &JobRow) -> Self {
        let run_at = job.due_at.filter(|_| job.state == JobState::Queued);
        Self {
            id: job.id,
            kind: job.kind.clone(),
            state: job.state,
            progress: job.progress.clone(),
            result: job.result.clone(),
            error: job.error.clone(),
            attempts: job.attempt,
            run_at: run_at.map(|at| at.to_string()),
            created_at: job.created_at.to_string(),
            updated_at: job.updated_at.to_string(),
        }
    }
}

impl App {
    /// A page of the tenant's jobs.
    pub async fn jobs(&self, caller: &Caller, request: &JobsRequest) -> Result<JobPage, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Jobs)?;
        let mut faults = Vec::new();
        let own = (!self.sees_everything(caller).await?).then_some(caller.asker());
        let mut filter = JobFilter { kind: request.kind.clone(), own, ..JobFilter::default() };
        if let Some(state) = &request.state {
            filter.state = JobState::find(state);
            if filter.state.is_none() {
                faults.push(FieldError::new(
                    "state",
                    "unknown_option",
                    "is queued, running, done, failed or cancelled",
                ));
            }
        }
        if let Some(cursor) = &request.cursor {
            filter.before = Uuid::parse_str(cursor).ok();
            if filter.before.is_none() {
                faults.push(FieldError::new("cursor", "invalid_cursor", "is not a cursor of this list"));
            }
        }
        let limit = check_limit(request.limit.unwrap_or(u64::from(DEFAULT_LIMIT))).unwrap_or_else(|fault| {
            faults.push(fault);
            DEFAULT_LIMIT
        });
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let mut rows = self.store.jobs(&permit, &filter, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more).map(|job| job.id.to_string());
        Ok(JobPage { data: rows.iter().map(JobView::from).collect(), next_cursor })
    }

    /// A job of the tenant.
    pub async fn job(&self, caller: &Caller, id: Uuid) -> Result<JobView, AppError> {
        Ok(JobView::from(&self.job_row(caller, id).await?))
    }

    async fn job_row(&self, caller: &Caller, id: Uuid) -> Result<JobRow, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Jobs)?;
        let job = self.store.job(&permit, id).await?.ok_or_else(|| AppError::no_record("job", &id))?;
        // What came of a job counts and names records: they may be others than the caller sees.
        if job.asker != caller.asker() && !self.sees_everything(caller).await? {
            return Err(AppError::no_record("job", &id));
        }
        Ok(job)
    }

    /// Whether the caller sees all records of all objects, with all their fields.
    async fn sees_everything(&self, caller: &Caller) -> Result<bool, AppError> {
        let catalog = self.catalog_of(caller).await?;
        let mut objects = catalog.schema.objects();
        Ok(objects.all(|object| {
            let permit = self.access.check::<Read>(caller, object);
            object.hidden.is_empty() && permit.is_ok_and(|permit| permit.rows().filter().is_none())
        }))
    }

    /// Ends a job. From the answer on it writes nothing more; what it wrote stays.
    /// Who asked for a job may end it, too.
    pub async fn cancel_job(&self, caller: &Caller, id: Uuid) -> Result<JobView, AppError> {
        let job = self.job_row(caller, id).await?;
        if job.asker != caller.asker() {
            self.access.check_area::<Update>(caller, Area::Jobs)?;
        }
        let mut steps = vec![self.store.cancel_job(caller.tenant, id, self.clock.now())];
        steps.extend(self.noted(caller, Note::of_area(Area::Jobs, Some(id), vec!["cancelled".to_owned()])));
        match self.commit_steps(caller.tenant, steps).await {
            // It ended by itself meanwhile, or was cancelled before.
            Ok(()) | Err(Conflict::Superseded(_)) => {}
            Err(other) => return Err(of_conflict(other)),
        }
        self.jobs.running().get(&id).inspect(|(_, told)| told.notify_one());
        self.job(caller, id).await
    }

    /// A job of this caller, to be queued by a commit.
    pub(super) fn new_job(&self, caller: &Caller, kind: &'static str, payload: Json, due_at: Timestamp) -> NewJob {
        NewJob {
            tenant: caller.tenant,
            id: self.ids.make(),
            kind,
            payload,
            checkpoint: Json::Null,
            asker: caller.asker(),
            due_at,
            at: self.clock.now(),
        }
    }

    /// Tells this node's runner that there is something to do.
    pub(super) fn job_queued(&self) {
        self.jobs.queued.notify_one();
    }

    /// Commits steps that belong to no record.
    pub(super) async fn commit_steps(
        &self,
        tenant: crate::domain::id::TenantId,
        further: Vec<Further>,
    ) -> Result<(), Conflict> {
        let unit = Unit { further, ..Unit::empty(tenant, self.clock.now()) };
        self.store.commit(&unit).await
    }

    /// Commits steps that belong to no record, once for a key. What is secret is kept sealed.
    pub(super) async fn commit_once(
        &self,
        caller: &Caller,
        key: Option<IdempotencyKey>,
        answer: Answer,
        further: Vec<Further>,
        notes: Vec<Note>,
        is_secret: bool,
    ) -> Result<super::Done, AppError> {
        let unit = Unit { further, ..Unit::empty(caller.tenant, self.clock.now()) };
        self.commit_unit_once(caller, key, answer, unit, notes, is_secret).await
    }

    /// Commits a unit of work, once for a key.
    pub(super) async fn commit_unit_once(
        &self,
        caller: &Caller,
        key: Option<IdempotencyKey>,
        answer: Answer,
        mut unit: Unit,
        notes: Vec<Note>,
        is_secret: bool,
    ) -> Result<super::Done, AppError> {
        let kept = match &key {
            None => None,
            Some(key) => Some(KeptAnswer {
                answer: self.keepable(key, answer.clone(), &[], is_secret).await?,
                key: key.clone(),
                is_further: false,
            }),
        };
        unit.answer = kept;
        let at = unit.at;
        unit.audit.extend(notes.into_iter().map(|note| note.by(caller, at)));
        match self.store.commit(&unit).await {
            Ok(()) => Ok(super::Done::Now(answer)),
            Err(Conflict::Answered) => {
                let given = self.given_answer(key.as_ref()).await?;
                given.map(super::Done::Before).ok_or(AppError::Contended)
            }
            Err(other) => Err(of_conflict(other)),
        }
    }

    /// The steps of the host itself, without a caller.
    pub(super) fn work_permit() -> HostPermit {
        HostPermit::new(Chore::Work)
    }
}

/// Jobs that ended before this moment are forgotten.
pub(super) fn forgotten_before(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.micros() - KEPT_MICROS)
}

/// What a conflict means to who asked for a change outside of records.
pub(super) fn of_conflict(conflict: Conflict) -> AppError {
    match conflict {
        Conflict::Store(error) => error.into(),
        Conflict::Duplicate => AppError::Duplicate { object: String::new(), field: String::new(), existing: None },
        _ => AppError::Contended,
    }
}
