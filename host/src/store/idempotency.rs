//! Answers kept under the caller's own key, so that a repeated request gets
//! the same answer and changes nothing.

use std::sync::Arc;

use uuid::Uuid;

use super::db::{Expect, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::caller::Origin;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// How long answers are kept.
const KEPT_MICROS: i64 = 7 * 24 * 3_600 * 1_000_000;

/// Names one request of one asker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The API key that sent it, or the member in a session.
    pub asker: Uuid,
    /// The member, when it was one.
    pub member: Option<Uuid>,
    /// The name that the caller gave it.
    pub name: String,
    /// Hash of what was asked.
    pub fingerprint: [u8; 32],
    /// Where the request came from, when it is known.
    pub origin: Option<Arc<Origin>>,
}

impl IdempotencyKey {
    /// The same, with the hash of a body that came in bit by bit.
    #[must_use]
    pub fn with(self, hash: &[u8; 32]) -> Self {
        Self { fingerprint: std::array::from_fn(|at| self.fingerprint[at] ^ hash[at]), ..self }
    }
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `ETag` and `Location`, when there were any.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Store {
    /// The answer given under this name, and whether the same was asked.
    pub async fn answer(&self, _: HostPermit, key: &IdempotencyKey) -> Result<Option<(bool, Answer)>, StoreError> {
        let fingerprint = key.fingerprint;
        let stmt = Stmt::new(
            "select fingerprint, status, headers, body from idempotency \
             where tenant_id = $1 and key_id = $2 and name = $3",
            [key.tenant.0.into(), key.asker.into(), key.name.as_str().into()],
        );
        self.db
            .of(key.tenant)
            .maybe(stmt, move |row| {
                let headers = serde_json::from_value(row.json(2)?)
                    .map_err(|error| StoreError::Inconsistent(error.to_string()))?;
                let status = u16::try_from(row.small(1)?).unwrap_or(500);
                Ok((row.bytes(0)? == fingerprint, Answer { status, headers, body: row.text(3)? }))
            })
            .await
    }

    /// Forgets answers that are older than a week.
    pub async fn forget_answers(&self, permit: HostPermit, now: Timestamp) -> Result<(), StoreError> {
        let before = Timestamp::from_micros(now.micros() - KEPT_MICROS);
        let stmt = Stmt::new("delete from idempotency where created_at < $1", [self.db.engine().time(before)]);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    pub(super) fn keep_answer(&self, key: &IdempotencyKey, answer: &Answer, is_further: bool, at: Timestamp) -> Step {
        let headers = answer.headers.iter().map(|(name, value)| serde_json::json!([name, value])).collect();
        // A further commit of the same request knows more; it replaces only what this request kept.
        let otherwise = if is_further {
            "do update set status = excluded.status, headers = excluded.headers, body = excluded.body \
             where idempotency.fingerprint = excluded.fingerprint"
        } else {
            "do nothing"
        };
        let stmt = Stmt::new(
            format!(
                "insert into idempotency (tenant_id, key_id, name, fingerprint, status, headers, body, created_at) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant_id, key_id, name) {otherwise}"
            ),
            [
                key.tenant.0.into(),
                key.asker.into(),
                key.name.as_str().into(),
                key.fingerprint.to_vec().into(),
                i32::from(answer.status).into(),
                serde_json::Value::Array(headers).into(),
                answer.body.as_str().into(),
                self.db.engine().time(at),
            ],
        );
        Step { stmt, expect: Expect::OneChange }
    }
}
