//! The runner: takes due jobs, one runner per job over all nodes, and runs
//! each under the rights of who asked for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::super::{App, AppError, archive, exports, imports, matching, module_jobs, modules, persons, recompute};
use crate::access::Denied;
use crate::domain::caller::{Caller, Origin, Trace};
use crate::domain::clock::Timestamp;
use crate::domain::job::{JobState, Progress};
use crate::store::{Conflict, Further, JobRow, Lease, StoreError};

/// Jobs of one node at the same time.
const AT_ONCE: usize = 4;
/// Longest time until a job that another node queued is noticed.
const LOOK: Duration = Duration::from_secs(2);
/// How long a runner is believed in after its last sign of life.
const LEASE: Duration = Duration::from_secs(30);
/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Attempts without coming further, after which a job is given up.
const MAX_FAILURES: i64 = 20;
/// The wait before the second attempt; it doubles with each further one.
const BACKOFF: Duration = Duration::from_secs(2);

/// The wait of a job whose module was stopped, until somebody looks whether there is another version.
const REVOKED: Duration = Duration::from_mins(1);

/// A job while this node works on it.
pub struct JobRun {
    /// The application.
    pub app: Arc<App>,
    /// With whose rights.
    pub caller: Caller,
    /// The job as it was taken.
    pub row: JobRow,
    lease: Lease,
}

/// Why a job came to no good end.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// It was cancelled, or is another runner's by now.
    #[error("the job is not this runner's any more")]
    Lost,
    /// Something failed.
    #[error(transparent)]
    App(#[from] AppError),
}

impl From<StoreError> for JobFault {
    fn from(error: StoreError) -> Self {
        Self::App(error.into())
    }
}

impl From<Denied> for JobFault {
    fn from(denied: Denied) -> Self {
        Self::App(denied.into())
    }
}

impl From<Conflict> for JobFault {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Superseded(_) => Self::Lost,
            other => Self::App(super::of_conflict(other)),
        }
    }
}

impl JobRun {
    /// The step that says how far the job has come. A commit that holds it
    /// fails once the job is not this runner's any more.
    pub fn advance(&self, progress: &Progress, checkpoint: &Json) -> Further {
        let now = self.app.clock.now();
        self.app.store.advance_job(self.lease, progress, checkpoint, now, after(now, LEASE))
    }

    /// Whether who asked is still there, in the same roles and teams; when not, the job goes on later, with the
    /// rights of then.
    pub async fn check_key(&self) -> Result<(), JobFault> {
        let now = caller_of(&self.app, &self.row).await?;
        let is_same = |a: &Caller, b: &Caller| (&a.roles, &a.teams, a.company) == (&b.roles, &b.teams, b.company);
        if is_same(&now, &self.caller) { Ok(()) } else { Err(AppError::Contended.into()) }
    }
}

impl App {
    /// Runs jobs until the future is dropped; those that are running then end
    /// where they are, and go on when a node takes them up again.
    pub async fn run_jobs(self: &Arc<Self>) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            match self.take_job().await {
                Ok(Some(job)) => {
                    let app = Arc::clone(self);
                    tasks.spawn(async move {
                        app.work_on_job(job).await;
                        drop(place);
                    });
                }
                Ok(None) => {
                    let _ = tokio::time::timeout(LOOK, self.jobs.queued.notified()).await;
                }
                Err(error) => {
                    tracing::error!(%error, "jobs cannot be looked for");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Runs the jobs that are due now, one after the other, until none is left.
    pub async fn run_due_jobs(self: &Arc<Self>) -> Result<(), AppError> {
        while let Some(job) = self.take_job().await? {
            self.work_on_job(job).await;
        }
        Ok(())
    }

    /// Gives back what this node was at, once nothing of it runs any more, so
    /// that others need not wait until the leases end.
    pub async fn give_back_jobs(&self) {
        let left: Vec<Lease> = self.jobs.running().drain().map(|(_, (lease, _))| lease).collect();
        for lease in left {
            let step = self.store.give_back_job(lease, 0, &Json::Null, self.clock.now());
            if let Err(error) = self.commit_steps(lease.tenant, vec![step]).await {
                tracing::warn!(job = %lease.job, %error, "a job could not be given back");
            }
        }
    }

    /// Takes the job that has been due for longest.
    async fn take_job(&self) -> Result<Option<JobRow>, AppError> {
        let now = self.clock.now();
        let permit = Self::work_permit();
        let due = self.store.due_jobs(permit, now).await?;
        for seen in due {
            let until = after(now, LEASE);
            if let Some(job) = self.store.take_job(permit, seen, self.jobs.node, now, until).await? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// Runs a job that was taken, and says how it ended.
    async fn work_on_job(self: &Arc<Self>, row: JobRow) {
        let lease = Lease { tenant: row.tenant, job: row.id, attempt: row.attempt };
        let (id, kind, failures) = (row.id, row.kind.clone(), row.failures);
        let told = Arc::new(Notify::new());
        self.jobs.running().insert(id, (lease, Arc::clone(&told)));
        let ended = if failures >= MAX_FAILURES {
            let text = format!("it was begun {failures} times without coming further");
            Err(JobFault::App(AppError::Refused(text)))
        } else {
            tokio::select! {
                ended = self.run_kind(row, lease) => ended,
                () = told.notified() => Err(JobFault::Lost),
                () = self.heartbeat(lease) => Err(JobFault::Lost),
            }
        };
        self.jobs.running().remove(&id);
        let now = self.clock.now();
        let step = match &ended {
            Ok(result) => self.store.end_job(lease, JobState::Done, result, &Json::Null, now),
            Err(JobFault::Lost) => {
                tracing::info!(%id, kind, "a job is not this runner's any more");
                return;
            }
            // It is not looked at before its tenant is served again.
            Err(JobFault::App(error)) if error.is_rest() => self.store.give_back_job(lease, failures, &Json::Null, now),
            // Nobody of the tenant has chosen it: the next version does what this one left.
            Err(JobFault::App(error @ AppError::ModuleRevoked { .. })) => {
                self.store.give_back_job(lease, failures, &told_of(error), after(now, REVOKED))
            }
            Err(JobFault::App(error)) if failures + 1 < MAX_FAILURES && is_passing(error) => {
                tracing::warn!(%id, kind, error = logged(error), "a job failed and is tried again");
                let wait = BACKOFF * 2_u32.pow(u32::try_from(failures).unwrap_or(0).min(10));
                self.store.give_back_job(lease, failures + 1, &told_of(error), after(now, wait))
            }
            Err(JobFault::App(error)) => {
                tracing::warn!(%id, kind, error = logged(error), "a job failed");
                self.store.end_job(lease, JobState::Failed, &Json::Null, &told_of(error), now)
            }
        };
        if let Err(error) = self.commit_steps(lease.tenant, vec![step]).await {
            // Somebody else has it, or will have it once the lease ends.
            tracing::warn!(%id, kind, %error, "the end of a job could not be kept");
        }
    }

    async fn run_kind(self: &Arc<Self>, row: JobRow, lease: Lease) -> Result<Json, JobFault> {
        let caller = caller_of(self, &row).await?;
        let run = JobRun { app: Arc::clone(self), caller, row, lease };
        match run.row.kind.as_str() {
            imports::IMPORT => Box::pin(imports::run(&run)).await,
            imports::UNDO => Box::pin(imports::undo(&run)).await,
            matching::CHANGE | matching::DELETE => Box::pin(matching::run(&run)).await,
            recompute::RECOMPUTE => Box::pin(recompute::run(&run)).await,
            archive::EXPORT_TENANT => Box::pin(archive::run(&run)).await,
            exports::EXPORT => Box::pin(exports::run(&run)).await,
            module_jobs::JOB | module_jobs::TASK | module_jobs::FIRST_WORD => Box::pin(module_jobs::run(&run)).await,
            modules::PURGE => Box::pin(modules::purge(&run)).await,
            persons::EXPORT_PERSON => Box::pin(persons::export(&run)).await,
            persons::ERASE_PERSON => Box::pin(persons::erase(&run)).await,
            other => Err(AppError::Refused(format!("this host knows no job `{other}`")).into()),
        }
    }

    /// Keeps a lease; ends when it is lost.
    async fn heartbeat(&self, lease: Lease) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let step = self.store.keep_lease(lease, after(self.clock.now(), LEASE));
            match self.commit_steps(lease.tenant, vec![step]).await {
                Err(Conflict::Superseded(_)) => return,
                Err(error) => tracing::warn!(job = %lease.job, %error, "a lease could not be kept"),
                Ok(()) => {}
            }
        }
    }
}

/// Who asked for the job, as they are now: a key that has ended asks for nothing, nor does a member who may do nothing.
async fn caller_of(app: &App, row: &JobRow) -> Result<Caller, JobFault> {
    let trace = Trace::beginning(row.id);
    let origin = Some(Arc::new(Origin { peer: None, request: Some(format!("job:{}", row.id)), trace }));
    if let Some(module) = module_jobs::module_of(row, origin.clone()) {
        app.prepare_policy(row.tenant).await?;
        return Ok(module);
    }
    Ok(app.who_asked(row.tenant, row.asker, origin).await?.ok_or(AppError::Unauthenticated)?)
}

/// Whether the same may work later.
fn is_passing(error: &AppError) -> bool {
    matches!(error, AppError::Setup(_)) || App::may_pass(error)
}

/// What callers are told of a failure: the host's own troubles are for the log.
fn told_of(error: &AppError) -> Json {
    let (code, detail) = match error {
        AppError::Store(StoreError::TooLong) => {
            ("query_too_expensive", "a query takes too long: filter by an indexed field, or sort by one".to_owned())
        }
        AppError::Store(_) | AppError::Setup(_) => ("host_fault", "the host failed".to_owned()),
        AppError::Unopened => ("cannot_decrypt", error.to_string()),
        AppError::NoOperatorKey => ("no_operator_key", error.to_string()),
        AppError::Unauthenticated => {
            ("unauthenticated", "the API key that asked for the job does not hold any more".to_owned())
        }
        AppError::Denied(Denied::Resting { .. }) => ("module_disabled", error.to_string()),
        AppError::Denied(_) => ("permission_denied", error.to_string()),
        AppError::Hook { failure, .. } => (failure.code(), failure.to_string()),
        AppError::Contended => ("conflict", error.to_string()),
        AppError::NotFound { .. } | AppError::UnknownObject(_) => ("not_found", error.to_string()),
        AppError::Invalid(faults) => {
            return json!({"code": "validation_failed", "detail": error.to_string(), "errors": faults});
        }
        _ => ("refused", error.to_string()),
    };
    json!({"code": code, "detail": detail})
}

/// What the log is told of a failure: the host's own troubles in full, of all others the code, since the
/// sentence may repeat values.
fn logged(error: &AppError) -> String {
    match error {
        AppError::Store(_) | AppError::Setup(_) => error.to_string(),
        other => told_of(other)["code"].as_str().unwrap_or_default().to_owned(),
    }
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    Timestamp::from_micros(now.micros() + i64::try_from(wait.as_micros()).unwrap_or(i64::MAX / 2))
}
