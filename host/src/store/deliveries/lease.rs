//! Who works on a webhook: one node at a time, for as long as it says so.

use std::time::Duration;

use uuid::Uuid;

use super::super::db::{Engine, Expect, Reach, Row, Step, Stmt};
use super::super::tenants::is_served;
use super::super::{Store, StoreError, WebhookRow};
use super::met;
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// How long a node may be silent before another one takes its work.
const LEASE: Duration = Duration::from_secs(6);

impl Store {
    /// Which tenants have a webhook that is switched on.
    pub async fn tenants_with_webhooks(&self, permit: HostPermit) -> Result<Vec<TenantId>, StoreError> {
        let sql =
            format!("select distinct tenant_id from webhook where enabled and {}", is_served("webhook.tenant_id"));
        let stmt = Stmt::new(sql, []);
        self.db.across(permit).all(Reach::List, stmt, |row| row.id(0).map(TenantId)).await
    }

    /// Webhooks of a tenant for which there is something to do that nobody does,
    /// and whether it can be done yet.
    pub async fn idle_webhooks(
        &self,
        _: HostPermit,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, bool)>, StoreError> {
        let engine = self.db.engine();
        let is_due = "exists (select 1 from webhook_delivery d where d.tenant_id = w.tenant_id \
             and d.webhook_id = w.id and d.next_at is not null and d.next_at <= $1)";
        let has_events = format!(
            "exists (select 1 from event e where e.tenant_id = w.tenant_id and {}",
            engine.is_behind("e", "w.cursor_tx", "w.cursor_seq"),
        );
        let sql = format!(
            "select w.id, ({is_due} or {has_events} and {})) from webhook w where w.enabled and w.tenant_id = $2 and {} \
             and (w.leased_until is null or w.leased_until <= $1) and (w.paused_until is null or w.paused_until <= $1) \
             and ({is_due} or {has_events}))",
            engine.is_settled("e.tx"),
            is_served("w.tenant_id"),
        );
        let read = |row: &Row<'_>| Ok((row.id(0)?, row.boolean(1)?));
        let values = [engine.time(now), tenant.0.into()];
        self.db.of(tenant).all(Reach::List, Stmt::new(sql, values), read).await
    }

    /// Takes a webhook to work on, unless another node has it.
    pub async fn lease_webhook(
        &self,
        _: HostPermit,
        (tenant, id): (TenantId, Uuid),
        lease: Uuid,
        now: Timestamp,
    ) -> Result<Option<WebhookRow>, StoreError> {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            format!(
                "update webhook set lease = $1, leased_until = $2 where tenant_id = $3 and id = $4 and enabled \
                 and (leased_until is null or leased_until <= $5) and {}",
                is_served("webhook.tenant_id")
            ),
            [lease.into(), engine.time(now.plus(LEASE)), tenant.0.into(), id.into(), engine.time(now)],
        );
        if !met(self.db.of(tenant).commit(vec![Step { stmt, expect: Expect::OneChange }]).await)? {
            return Ok(None);
        }
        self.webhook_row(tenant, id).await
    }

    /// Keeps a webhook; what it has become meanwhile, or none when it is not ours any more.
    pub async fn renew_webhook(
        &self,
        _: HostPermit,
        (tenant, id): (TenantId, Uuid),
        lease: Uuid,
        now: Timestamp,
    ) -> Result<Option<WebhookRow>, StoreError> {
        if !met(self.db.of(tenant).commit(vec![self.renew((tenant, id), lease, now)]).await)? {
            return Ok(None);
        }
        self.webhook_row(tenant, id).await
    }

    /// Gives a webhook back.
    pub async fn release_webhook(
        &self,
        _: HostPermit,
        (tenant, id): (TenantId, Uuid),
        lease: Uuid,
    ) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "update webhook set lease = null, leased_until = null where tenant_id = $1 and id = $2 and lease = $3",
            [tenant.0.into(), id.into(), lease.into()],
        );
        self.db.of(tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Lets go of everything that was being worked on: for the start of the only node there is.
    pub async fn free_leases(&self, permit: HostPermit) -> Result<(), StoreError> {
        if self.db.engine() == Engine::Postgres {
            return Ok(());
        }
        let stmt = Stmt::new("update webhook set lease = null, leased_until = null where lease is not null", []);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    pub(super) fn renew(&self, key: (TenantId, Uuid), lease: Uuid, now: Timestamp) -> Step {
        let stmt = Stmt::new(
            format!(
                "update webhook set leased_until = $1 where tenant_id = $2 and id = $3 and lease = $4 and enabled and {}",
                is_served("webhook.tenant_id")
            ),
            [self.db.engine().time(now.plus(LEASE)), key.0.0.into(), key.1.into(), lease.into()],
        );
        Step { stmt, expect: Expect::OneChange }
    }
}
