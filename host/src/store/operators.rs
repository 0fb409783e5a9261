//! Keys of the operator's people and programs, and answers to them that are kept for a retry.

use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Answer, Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A key of the operator, as it is listed: never the key itself.
#[derive(Clone, Debug)]
pub struct OperatorKeyInfo {
    /// Its id.
    pub id: Uuid,
    /// What people read.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, a minute late at most.
    pub last_used_at: Option<Timestamp>,
    /// The publisher whose plugins it publishes; it does nothing else then.
    pub publisher: Option<String>,
}

/// Names one request of one key of the operator.
#[derive(Clone, Debug)]
pub struct OperatorRequest {
    /// The key; nil at the command line.
    pub key: Uuid,
    /// The name that was given to it.
    pub name: String,
    /// Hash of what was asked.
    pub fingerprint: [u8; 32],
}

const COLUMNS: &str = "id, name, created_at, expires_at, last_used_at, publisher";

impl Store {
    /// Keeps a new key, as the hash of it.
    pub async fn add_operator_key(
        &self,
        permit: HostPermit,
        row: &OperatorKeyInfo,
        hash: [u8; 32],
    ) -> Result<(), StoreError> {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into operator_key (id, hash, name, created_at, expires_at, publisher) values ($1, $2, $3, $4, $5, $6)",
            [
                row.id.into(),
                hash.to_vec().into(),
                row.name.as_str().into(),
                engine.time(row.created_at),
                engine.maybe_time(row.expires_at),
                row.publisher.clone().into(),
            ],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::OneChange }]).await
    }

    /// The keys that work, the newest first.
    pub async fn operator_keys(&self, permit: HostPermit) -> Result<Vec<OperatorKeyInfo>, StoreError> {
        let sql = format!("select {COLUMNS} from operator_key where revoked_at is null order by id desc");
        self.db.across(permit).all(Reach::List, Stmt::new(sql, []), key).await
    }

    /// The key of that hash.
    pub async fn operator_key(
        &self,
        permit: HostPermit,
        hash: [u8; 32],
    ) -> Result<Option<OperatorKeyInfo>, StoreError> {
        let sql = format!("select {COLUMNS} from operator_key where hash = $1 and revoked_at is null");
        self.db.across(permit).maybe(Stmt::new(sql, [hash.to_vec().into()]), key).await
    }

    /// Notes when a key was used.
    pub async fn operator_key_used(&self, permit: HostPermit, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "update operator_key set last_used_at = $1 where id = $2",
            [self.db.engine().time(at), id.into()],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Ends a key; false when there is none that works.
    pub async fn revoke_operator_key(&self, permit: HostPermit, id: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        if !self.operator_keys(permit).await?.iter().any(|key| key.id == id) {
            return Ok(false);
        }
        let stmt = Stmt::new(
            "update operator_key set revoked_at = $1 where id = $2 and revoked_at is null",
            [self.db.engine().time(at), id.into()],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await?;
        Ok(true)
    }

    /// The answer that was given to a request, which tenant it is about, and whether the same was asked.
    pub async fn operator_answer(
        &self,
        permit: HostPermit,
        request: &OperatorRequest,
    ) -> Result<Option<(bool, TenantId, Answer)>, StoreError> {
        let fingerprint = request.fingerprint;
        let stmt = Stmt::new(
            "select fingerprint, tenant_id, status, headers, body from operator_answer \
             where key_id = $1 and name = $2",
            [request.key.into(), request.name.as_str().into()],
        );
        let read = move |row: &Row<'_>| {
            let headers =
                serde_json::from_value(row.json(3)?).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            let status = u16::try_from(row.small(2)?).unwrap_or(500);
            let answer = Answer { status, headers, body: row.text(4)? };
            Ok((row.bytes(0)? == fingerprint, TenantId(row.id(1)?), answer))
        };
        self.db.across(permit).maybe(stmt, read).await
    }

    /// The step that keeps an answer, unless the request has one.
    pub fn keep_operator_answer(
        &self,
        _: HostPermit,
        request: &OperatorRequest,
        tenant: TenantId,
        answer: &Answer,
        at: Timestamp,
    ) -> Further {
        let headers = answer.headers.iter().map(|(name, value)| serde_json::json!([name, value])).collect();
        let stmt = Stmt::new(
            "insert into operator_answer (key_id, name, tenant_id, fingerprint, status, headers, body, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (key_id, name) do nothing",
            [
                request.key.into(),
                request.name.as_str().into(),
                tenant.0.into(),
                request.fingerprint.to_vec().into(),
                i32::from(answer.status).into(),
                serde_json::Value::Array(headers).into(),
                answer.body.as_str().into(),
                self.db.engine().time(at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Forgets answers from before this moment.
    pub async fn forget_operator_answers(&self, permit: HostPermit, before: Timestamp) -> Result<(), StoreError> {
        let stmt = Stmt::new("delete from operator_answer where created_at < $1", [self.db.engine().time(before)]);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

fn key(row: &Row<'_>) -> Result<OperatorKeyInfo, StoreError> {
    Ok(OperatorKeyInfo {
        id: row.id(0)?,
        name: row.text(1)?,
        created_at: row.time(2)?,
        expires_at: row.maybe_time(3)?,
        last_used_at: row.maybe_time(4)?,
        publisher: row.maybe_text(5)?,
    })
}
