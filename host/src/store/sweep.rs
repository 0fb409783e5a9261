//! What the host keeps beside records, looked through when a person is erased: answers, jobs, imports, merges.
//! Every statement is about one tenant.

use serde_json::Value as Json;
use uuid::Uuid;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::erasure::among;
use super::idempotency::{Answer, IdempotencyKey};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::job::JobState;

/// Rows of one page.
const PAGE: i64 = 200;

/// A merge and what it knows.
#[derive(Clone, Debug)]
pub struct PastMerge {
    /// Its id.
    pub id: Uuid,
    /// The object of its records.
    pub object: String,
    /// The record that was left.
    pub winner: Uuid,
    /// What is needed to undo it.
    pub account: Json,
}

/// A job, as far as it may hold values of records.
#[derive(Clone, Debug)]
pub struct PastJob {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: String,
    /// With what.
    pub payload: Json,
    /// What came of it.
    pub result: Json,
    /// What its next runner would have to know.
    pub checkpoint: Json,
    /// Whether it has ended.
    pub is_over: bool,
}

impl Store {
    /// Kept answers of a tenant behind this one.
    pub async fn answers_after(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: Option<&IdempotencyKey>,
    ) -> Result<Vec<(IdempotencyKey, Answer)>, StoreError> {
        let (key, name) = after.map_or((Uuid::nil(), ""), |after| (after.asker, after.name.as_str()));
        let stmt = Stmt::new(
            "select key_id, name, fingerprint, status, headers, body from idempotency where tenant_id = $1 \
             and (key_id > $2 or (key_id = $2 and name > $3)) order by key_id, name limit $4",
            [tenant.0.into(), key.into(), name.into(), PAGE.into()],
        );
        let map = move |row: &Row<'_>| {
            let headers =
                serde_json::from_value(row.json(4)?).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            let fingerprint = row.bytes(2)?.try_into().unwrap_or_default();
            let key = IdempotencyKey {
                tenant,
                asker: row.id(0)?,
                member: None,
                name: row.text(1)?,
                fingerprint,
                origin: None,
            };
            let status = u16::try_from(row.small(3)?).unwrap_or(500);
            Ok((key, Answer { status, headers, body: row.text(5)? }))
        };
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// The step that puts something else in the place of a kept answer, which still answers its request.
    pub fn blank_answer(&self, _: HostPermit, key: &IdempotencyKey, body: &str) -> Further {
        let stmt = Stmt::new(
            "update idempotency set body = $1 where tenant_id = $2 and key_id = $3 and name = $4",
            [body.into(), key.tenant.0.into(), key.asker.into(), key.name.as_str().into()],
        );
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// Merges of a tenant behind this one.
    pub async fn merges_after(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: Uuid,
    ) -> Result<Vec<PastMerge>, StoreError> {
        let stmt = Stmt::new(
            "select id, object, winner, account from merge where tenant_id = $1 and id > $2 order by id limit $3",
            [tenant.0.into(), after.into(), PAGE.into()],
        );
        let map = |row: &Row<'_>| {
            Ok(PastMerge { id: row.id(0)?, object: row.text(1)?, winner: row.id(2)?, account: row.json(3)? })
        };
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// The steps that forget merges, so that they cannot be undone.
    pub fn forget_merges(&self, _: HostPermit, tenant: TenantId, merges: &[Uuid]) -> Vec<Further> {
        let sql = [
            "delete from merge where tenant_id = $1 and id",
            "delete from merged_record where tenant_id = $1 and merge_id",
        ];
        sql.map(|sql| Further(among(sql, tenant, &[], merges))).into()
    }

    /// Jobs of a tenant behind this one.
    pub async fn jobs_after(&self, _: HostPermit, tenant: TenantId, after: Uuid) -> Result<Vec<PastJob>, StoreError> {
        let stmt = Stmt::new(
            "select id, kind, payload, result, checkpoint, state from job where tenant_id = $1 and id > $2 \
             order by id limit $3",
            [tenant.0.into(), after.into(), PAGE.into()],
        );
        let map = |row: &Row<'_>| {
            Ok(PastJob {
                id: row.id(0)?,
                kind: row.text(1)?,
                payload: row.json(2)?,
                result: row.json_or_null(3)?,
                checkpoint: row.json_or_null(4)?,
                is_over: JobState::find(&row.text(5)?).is_some_and(JobState::is_over),
            })
        };
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// The step that forgets what a job was asked and what came of it, and ends it if it has not ended.
    pub fn blank_job(&self, _: HostPermit, tenant: TenantId, job: Uuid, with: &Json, now: Timestamp) -> Further {
        let stmt = Stmt::new(
            "update job set payload = $1, result = $2, checkpoint = $3, error = $4, \
             state = case when due_at is null then state else 'cancelled' end, due_at = null, updated_at = $5 \
             where tenant_id = $6 and id = $7",
            [
                with.clone().into(),
                with.clone().into(),
                Json::Null.into(),
                Json::Null.into(),
                self.db.engine().time(now),
                tenant.0.into(),
                job.into(),
            ],
        );
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// Ids of the imports of a tenant into an object.
    pub async fn imports_of(&self, _: HostPermit, tenant: TenantId, object: &str) -> Result<Vec<Uuid>, StoreError> {
        let stmt = Stmt::new(
            "select id from import where tenant_id = $1 and object = $2 order by id",
            [tenant.0.into(), object.into()],
        );
        self.db.of(tenant).all(Reach::List, stmt, |row| row.id(0)).await
    }

    /// The steps that leave of an import only how it was done, and what it did to other records.
    pub fn blank_import(&self, permit: HostPermit, tenant: TenantId, import: Uuid, plan: Json) -> Vec<Further> {
        let stmt = Stmt::new(
            "update import set plan = $1, name = '' where tenant_id = $2 and id = $3",
            [plan.into(), tenant.0.into(), import.into()],
        );
        vec![Further(Step { stmt, expect: Expect::Nothing }), self.forget_faults(permit, tenant, import)]
    }
}
