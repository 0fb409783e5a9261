//! Jobs: a table, and leases. A lease is a job and the number of the attempt
//! at it; whatever its holder writes is written only while that attempt is the
//! current one, so that a runner that was given up for lost does no harm.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::Value as Json;
use uuid::Uuid;

use super::commit::Further;
use super::db::{CommitError, Expect, Reach, Row, Step, Stmt};
use super::tenants::is_served;
use super::{Store, StoreError};
use crate::access::{AreaPermit, HostPermit, Read};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::job::{JobState, Progress};

/// Jobs that a runner looks at to take one.
const CANDIDATES: i64 = 32;
const COLUMNS: &str = "tenant_id, id, kind, payload, state, progress, checkpoint, result, error, key_id, attempt, \
                       failures, due_at, created_at, updated_at";

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    pub kind: &'static str,
    /// With what.
    pub payload: Json,
    /// Where it goes on.
    pub checkpoint: Json,
    /// The API key that asked, or the member who asked in a session.
    pub asker: Uuid,
    /// When it is to run.
    pub due_at: Timestamp,
    /// Now.
    pub at: Timestamp,
}

/// A job as it is kept.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// The tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// With what.
    pub payload: Json,
    /// Where it stands.
    pub state: JobState,
    /// How far it has come.
    pub progress: Progress,
    /// What its next runner has to know.
    pub checkpoint: Json,
    /// What came of it.
    pub result: Json,
    /// What went wrong.
    pub error: Json,
    /// The API key that asked, or the member who asked in a session.
    pub asker: Uuid,
    /// Counts the runners that took it.
    pub attempt: i64,
    /// Attempts since it last came further.
    pub failures: i64,
    /// When it is to run, or when its lease ends.
    pub due_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The right of one runner to work on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub tenant: TenantId,
    /// The job.
    pub job: Uuid,
    /// Which attempt at it this is.
    pub attempt: i64,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only older than this one.
    pub before: Option<Uuid>,
    /// Only what this key asked for.
    pub own: Option<Uuid>,
}

impl Store {
    /// The step that queues a job.
    pub fn queue_job(&self, _: HostPermit, job: &NewJob) -> Further {
        let engine = self.db.engine();
        let progress = serde_json::to_value(Progress::default()).unwrap_or_default();
        let stmt = Stmt::new(
            "insert into job (tenant_id, id, kind, payload, state, progress, checkpoint, result, error, key_id, \
             attempt, failures, due_at, created_at, updated_at) \
             values ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, 0, 0, $10, $11, $12)",
            [
                job.tenant.0.into(),
                job.id.into(),
                job.kind.into(),
                job.payload.clone().into(),
                progress.into(),
                job.checkpoint.clone().into(),
                Json::Null.into(),
                Json::Null.into(),
                job.asker.into(),
                engine.time(job.due_at),
                engine.time(job.at),
                engine.time(job.at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Jobs that wait for a runner, or whose runner has not been heard of in time; not of tenants that rest.
    pub async fn due_jobs(&self, permit: HostPermit, now: Timestamp) -> Result<Vec<Lease>, StoreError> {
        let stmt = Stmt::new(
            format!(
                "select tenant_id, id, attempt from job where due_at <= $1 and {} order by due_at limit $2",
                is_served("job.tenant_id")
            ),
            [self.db.engine().time(now), CANDIDATES.into()],
        );
        let map = |row: &Row<'_>| Ok(Lease { tenant: TenantId(row.id(0)?), job: row.id(1)?, attempt: row.integer(2)? });
        self.db.across(permit).all(Reach::List, stmt, map).await
    }

    /// With what the jobs of a kind are that have not ended.
    pub async fn open_jobs(&self, _: HostPermit, tenant: TenantId, kind: &str) -> Result<Vec<Json>, StoreError> {
        let states = [JobState::Queued, JobState::Running].map(|state| format!("'{}'", state.name())).join(", ");
        let stmt = Stmt::new(
            format!("select payload from job where tenant_id = $1 and kind = $2 and state in ({states})"),
            [tenant.0.into(), kind.into()],
        );
        self.db.of(tenant).all(Reach::List, stmt, |row| row.json(0)).await
    }

    /// Takes a job that was due, unless another runner was faster.
    pub async fn take_job(
        &self,
        permit: HostPermit,
        seen: Lease,
        node: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<JobRow>, StoreError> {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "update job set failures = failures + case when state = 'running' then 1 else 0 end, state = 'running', \
             attempt = attempt + 1, node = $1, due_at = $2, updated_at = $3 \
             where tenant_id = $4 and id = $5 and attempt = $6 and due_at <= $7",
            [
                node.into(),
                engine.time(until),
                engine.time(now),
                seen.tenant.0.into(),
                seen.job.into(),
                seen.attempt.into(),
                engine.time(now),
            ],
        );
        match self.db.of(seen.tenant).commit(vec![Step { stmt, expect: Expect::OneChange }]).await {
            Ok(()) => {}
            Err(CommitError::Unmet(_) | CommitError::Busy) => return Ok(None),
            Err(error) => return Err(super::db::store_error(error)),
        }
        let job = self.job_of(permit, seen.tenant, seen.job).await?;
        Ok(job.filter(|job| job.attempt == seen.attempt + 1 && job.state == JobState::Running))
    }

    /// The step that says how far the holder of a lease has come, and keeps the lease.
    pub fn advance_job(
        &self,
        lease: Lease,
        progress: &Progress,
        checkpoint: &Json,
        now: Timestamp,
        until: Timestamp,
    ) -> Further {
        let engine = self.db.engine();
        let progress = serde_json::to_value(progress).unwrap_or_default();
        let values = vec![progress.into(), checkpoint.clone().into(), engine.time(until), engine.time(now)];
        fenced(
            "update job set progress = $1, checkpoint = $2, failures = 0, due_at = $3, updated_at = $4",
            values,
            lease,
        )
    }

    /// The step that keeps the lease.
    pub fn keep_lease(&self, lease: Lease, until: Timestamp) -> Further {
        fenced("update job set due_at = $1", vec![self.db.engine().time(until)], lease)
    }

    /// The step that ends a job.
    pub fn end_job(&self, lease: Lease, state: JobState, result: &Json, error: &Json, now: Timestamp) -> Further {
        let values: Vec<Bound> =
            vec![state.name().into(), result.clone().into(), error.clone().into(), self.db.engine().time(now)];
        fenced("update job set state = $1, result = $2, error = $3, due_at = null, updated_at = $4", values, lease)
    }

    /// The step that gives a job back, to be tried again.
    pub fn give_back_job(&self, lease: Lease, failures: i64, error: &Json, due_at: Timestamp) -> Further {
        let values: Vec<Bound> = vec![failures.into(), error.clone().into(), self.db.engine().time(due_at)];
        fenced("update job set state = 'queued', failures = $1, error = $2, due_at = $3", values, lease)
    }

    /// The step that ends a job which has not ended, whoever works on it.
    pub fn cancel_job(&self, tenant: TenantId, id: Uuid, now: Timestamp) -> Further {
        let stmt = Stmt::new(
            "update job set state = 'cancelled', due_at = null, updated_at = $1 \
             where tenant_id = $2 and id = $3 and state in ('queued', 'running')",
            [self.db.engine().time(now), tenant.0.into(), id.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// A job of a tenant.
    pub async fn job(&self, permit: &AreaPermit<Read>, id: Uuid) -> Result<Option<JobRow>, StoreError> {
        self.job_row(permit.tenant(), id).await
    }

    /// A job, for the host itself.
    pub async fn job_of(&self, _: HostPermit, tenant: TenantId, id: Uuid) -> Result<Option<JobRow>, StoreError> {
        self.job_row(tenant, id).await
    }

    async fn job_row(&self, tenant: TenantId, id: Uuid) -> Result<Option<JobRow>, StoreError> {
        let sql = format!("select {COLUMNS} from job where tenant_id = $1 and id = $2");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), id.into()]), decode).await
    }

    /// Jobs of a tenant, the newest first.
    pub async fn jobs(
        &self,
        permit: &AreaPermit<Read>,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let mut sql = format!("select {COLUMNS} from job where tenant_id = $1");
        let mut values: Vec<Bound> = vec![permit.tenant().0.into()];
        let mut and = |condition: &str, value: Bound| {
            values.push(value);
            let _ = write!(sql, " and {condition} ${}", values.len());
        };
        if let Some(kind) = &filter.kind {
            and("kind =", kind.as_str().into());
        }
        if let Some(state) = filter.state {
            and("state =", state.name().into());
        }
        if let Some(before) = filter.before {
            and("id <", before.into());
        }
        if let Some(own) = filter.own {
            and("key_id =", own.into());
        }
        values.push(i64::from(limit).into());
        let _ = write!(sql, " order by id desc limit ${}", values.len());
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), decode).await
    }

    /// Forgets jobs that ended before this moment.
    pub async fn forget_jobs(&self, permit: HostPermit, before: Timestamp) -> Result<(), StoreError> {
        let stmt =
            Stmt::new("delete from job where due_at is null and updated_at < $1", [self.db.engine().time(before)]);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

/// A change of a job that is made only while this lease holds.
fn fenced(sql: &str, mut values: Vec<Bound>, lease: Lease) -> Further {
    let at = values.len();
    let sql = format!(
        "{sql} where tenant_id = ${} and id = ${} and attempt = ${} and state = 'running'",
        at + 1,
        at + 2,
        at + 3
    );
    values.extend([lease.tenant.0.into(), lease.job.into(), lease.attempt.into()]);
    Further(Step { stmt: Stmt::new(sql, values), expect: Expect::OneChange })
}

fn decode(row: &Row<'_>) -> Result<JobRow, StoreError> {
    let inconsistent = |what: String| StoreError::Inconsistent(what);
    let state = row.text(4)?;
    Ok(JobRow {
        tenant: TenantId(row.id(0)?),
        id: row.id(1)?,
        kind: row.text(2)?,
        payload: row.json(3)?,
        state: JobState::find(&state).ok_or_else(|| inconsistent(format!("the job state `{state}`")))?,
        progress: serde_json::from_value(row.json(5)?).map_err(|error| inconsistent(error.to_string()))?,
        checkpoint: row.json_or_null(6)?,
        result: row.json_or_null(7)?,
        error: row.json_or_null(8)?,
        asker: row.id(9)?,
        attempt: row.integer(10)?,
        failures: row.integer(11)?,
        due_at: row.maybe_time(12)?,
        created_at: row.time(13)?,
        updated_at: row.time(14)?,
    })
}
