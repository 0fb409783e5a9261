//! Webhooks: where events are sent to.

use uuid::Uuid;

use super::commit::Conflict;
use super::db::{CommitError, Expect, Reach, Row, Step, Stmt};
use super::idempotency::{Answer, IdempotencyKey};
use super::{Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::position::Position;

/// A webhook.
#[derive(Clone)]
pub struct WebhookRow {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Where events go.
    pub url: String,
    /// What people read.
    pub description: String,
    /// Patterns of the types that it gets; all when there is none.
    pub types: Vec<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Why the host switched it off.
    pub disabled_reason: Option<String>,
    /// `whsec_…` or `whsk_…`.
    pub secret: String,
    /// The one before, and until when it signs too.
    pub old_secret: Option<(String, Timestamp)>,
    /// Up to where events were put into deliveries.
    pub cursor: Position,
    /// Since when no delivery worked.
    pub failing_since: Option<Timestamp>,
    /// Until when nothing is sent.
    pub paused_until: Option<Timestamp>,
}

/// The columns of a webhook, in the order in which [`webhook`] reads them.
const COLUMNS: &str = "tenant_id, id, version, created_at, updated_at, url, description, types, enabled, \
     disabled_reason, secret, old_secret, old_secret_until, cursor_tx, cursor_seq, failing_since, paused_until";

/// An answer to keep for a retry of the same request.
type Kept<'a> = Option<&'a (IdempotencyKey, Answer)>;

impl Store {
    /// The webhooks of the caller's tenant, the oldest first.
    pub async fn webhooks(&self, permit: AreaPermit<Configure>) -> Result<Vec<WebhookRow>, StoreError> {
        let sql = format!("select {COLUMNS} from webhook where tenant_id = $1 order by id");
        self.db.of(permit.tenant()).all(Reach::Point, Stmt::new(sql, [permit.tenant().0.into()]), webhook).await
    }

    /// The webhook of that id.
    pub async fn webhook(&self, permit: AreaPermit<Configure>, id: Uuid) -> Result<Option<WebhookRow>, StoreError> {
        self.webhook_row(permit.tenant(), id).await
    }

    /// Adds a webhook; false when the tenant has this many already.
    pub async fn add_webhook(
        &self,
        permit: AreaPermit<Configure>,
        row: &WebhookRow,
        most: i64,
        answer: Kept<'_>,
    ) -> Result<bool, Conflict> {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into webhook (tenant_id, id, version, created_at, updated_at, url, description, types, enabled, \
             secret, cursor_tx, cursor_seq) select $1, $2, 1, $3, $3, $4, $5, $6, $7, $8, $9, $10 \
             where (select count(*) from webhook where tenant_id = $1) < $11",
            [
                permit.tenant().0.into(),
                row.id.into(),
                engine.time(row.created_at),
                row.url.as_str().into(),
                row.description.as_str().into(),
                serde_json::json!(row.types).into(),
                row.enabled.into(),
                row.secret.as_str().into(),
                row.cursor.tx.into(),
                row.cursor.seq.into(),
                most.into(),
            ],
        );
        let added =
            self.change(permit.tenant(), vec![Step { stmt, expect: Expect::OneChange }], answer, row.created_at).await;
        match added {
            Err(Conflict::Changed { .. }) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Saves what a webhook has become since this version.
    pub async fn save_webhook(
        &self,
        permit: AreaPermit<Configure>,
        row: &WebhookRow,
        answer: Kept<'_>,
    ) -> Result<(), Conflict> {
        let engine = self.db.engine();
        let (old_secret, until) = row.old_secret.clone().unzip();
        let stmt = Stmt::new(
            "update webhook set updated_at = $1, url = $2, description = $3, types = $4, enabled = $5, \
             disabled_reason = $6, secret = $7, old_secret = $8, old_secret_until = $9, failing_since = $10, \
             paused_until = null, version = version + 1 \
             where tenant_id = $11 and id = $12 and version = $13",
            [
                engine.time(row.updated_at),
                row.url.as_str().into(),
                row.description.as_str().into(),
                serde_json::json!(row.types).into(),
                row.enabled.into(),
                row.disabled_reason.as_deref().into(),
                row.secret.as_str().into(),
                old_secret.into(),
                engine.maybe_time(until),
                engine.maybe_time(row.failing_since),
                permit.tenant().0.into(),
                row.id.into(),
                (row.version - 1).into(),
            ],
        );
        self.change(permit.tenant(), vec![Step { stmt, expect: Expect::OneChange }], answer, row.updated_at).await
    }

    /// The webhooks of all tenants with a secret that does not look like this.
    pub async fn webhooks_in_plain(&self, permit: HostPermit, sealed: &str) -> Result<Vec<WebhookRow>, StoreError> {
        let sql = format!("select {COLUMNS} from webhook where secret not like $1 or old_secret not like $1");
        self.db.across(permit).all(Reach::List, Stmt::new(sql, [sealed.into()]), webhook).await
    }

    /// Keeps the secrets of a webhook sealed, if they are still those that were seen.
    pub async fn seal_webhook(&self, _: HostPermit, seen: &WebhookRow, sealed: &WebhookRow) -> Result<(), StoreError> {
        let old = sealed.old_secret.as_ref().map(|(secret, _)| secret.clone());
        let stmt = Stmt::new(
            "update webhook set secret = $1, old_secret = $2 where tenant_id = $3 and id = $4 and secret = $5 \
             and version = $6",
            [
                sealed.secret.as_str().into(),
                old.into(),
                seen.tenant.0.into(),
                seen.id.into(),
                seen.secret.as_str().into(),
                seen.version.into(),
            ],
        );
        self.db.of(seen.tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Removes a webhook and its deliveries.
    pub async fn remove_webhook(
        &self,
        permit: AreaPermit<Configure>,
        id: Uuid,
        answer: Kept<'_>,
        at: Timestamp,
    ) -> Result<(), Conflict> {
        let of = |sql: &str| Stmt::new(sql, [permit.tenant().0.into(), id.into()]);
        let steps = vec![
            Step { stmt: of("delete from webhook where tenant_id = $1 and id = $2"), expect: Expect::OneChange },
            Step {
                stmt: of("delete from webhook_delivery where tenant_id = $1 and webhook_id = $2"),
                expect: Expect::Nothing,
            },
        ];
        self.change(permit.tenant(), steps, answer, at).await
    }

    /// Commits changes of a webhook, and the answer to them.
    pub(super) async fn change(
        &self,
        tenant: TenantId,
        steps: Vec<Step>,
        answer: Kept<'_>,
        at: Timestamp,
    ) -> Result<(), Conflict> {
        let kept = answer.map(|(key, answer)| self.keep_answer(key, answer, false, at));
        let has_answer = kept.is_some();
        let all = kept.into_iter().chain(steps).collect();
        self.db.of(tenant).commit(all).await.map_err(|error| match error {
            CommitError::Unmet(0) | CommitError::Unique(0) if has_answer => Conflict::Answered,
            CommitError::Unmet(_) | CommitError::Unique(_) => {
                Conflict::Changed { object: "webhook".to_owned(), id: Uuid::nil() }
            }
            CommitError::Busy => Conflict::Busy,
            CommitError::Store(error) => Conflict::Store(error),
        })
    }

    pub(super) async fn webhook_row(&self, tenant: TenantId, id: Uuid) -> Result<Option<WebhookRow>, StoreError> {
        let sql = format!("select {COLUMNS} from webhook where tenant_id = $1 and id = $2");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), id.into()]), webhook).await
    }
}

fn webhook(row: &Row<'_>) -> Result<WebhookRow, StoreError> {
    let types = serde_json::from_value(row.json(7)?).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
    Ok(WebhookRow {
        tenant: TenantId(row.id(0)?),
        id: row.id(1)?,
        version: row.integer(2)?,
        created_at: row.time(3)?,
        updated_at: row.time(4)?,
        url: row.text(5)?,
        description: row.text(6)?,
        types,
        enabled: row.boolean(8)?,
        disabled_reason: row.maybe_text(9)?,
        secret: row.text(10)?,
        old_secret: row.maybe_text(11)?.zip(row.maybe_time(12)?),
        cursor: Position { tx: row.integer(13)?, seq: row.integer(14)? },
        failing_since: row.maybe_time(15)?,
        paused_until: row.maybe_time(16)?,
    })
}
