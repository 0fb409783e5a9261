//! The modules that tenants made of plugins.

use serde_json::Value as Json;

use super::db::{Expect, Reach, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit, Read};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A plugin as one tenant has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleRow {
    /// The plugin.
    pub plugin: String,
    /// The version that the tenant has pinned.
    pub version: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its settings.
    pub config: Json,
    /// Names of the capabilities that it was granted; none for all that its manifest asks for.
    pub granted: Option<Vec<String>>,
    /// The version before this one.
    pub previous: Option<String>,
    /// What that one had been granted.
    pub previous_granted: Option<Vec<String>>,
    /// Its settings.
    pub previous_config: Option<Json>,
    /// The version that was told last that it is switched on, or comes from another one.
    pub told: Option<String>,
    /// A version that waits for consent.
    pub pending: Option<String>,
    /// Whether the operator's rollouts change the version.
    pub automatic: bool,
    /// Why its component must not run any more.
    pub revoked: Option<String>,
    /// Whether failed calls are kept as they were.
    pub keep_failures: bool,
    /// How many of the newest calls of its hooks are kept as they were.
    pub record_calls: u32,
}

impl Store {
    /// The modules of a tenant, for serving it.
    pub async fn modules_of(&self, _: HostPermit, tenant: TenantId) -> Result<Vec<ModuleRow>, StoreError> {
        self.module_rows(tenant).await
    }

    /// The modules of the caller's tenant.
    pub async fn modules(&self, permit: AreaPermit<Read>) -> Result<Vec<ModuleRow>, StoreError> {
        self.module_rows(permit.tenant()).await
    }

    /// The step that sets a module of a tenant.
    pub fn put_module(&self, permit: AreaPermit<Configure>, module: &ModuleRow, at: Timestamp) -> Further {
        let stmt = Stmt::new(
            "insert into module (tenant_id, plugin_id, plugin_version, enabled, config, granted, previous_version, \
             pending_version, is_automatic, changed_at, keep_failures, previous_granted, \
             record_calls, previous_config, told_version) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             on conflict (tenant_id, plugin_id) do update set \
             plugin_version = excluded.plugin_version, enabled = excluded.enabled, config = excluded.config, \
             granted = excluded.granted, previous_version = excluded.previous_version, \
             pending_version = excluded.pending_version, is_automatic = excluded.is_automatic, \
             changed_at = excluded.changed_at, keep_failures = excluded.keep_failures, \
             previous_granted = excluded.previous_granted, record_calls = excluded.record_calls, \
             previous_config = excluded.previous_config, told_version = excluded.told_version",
            [
                permit.tenant().0.into(),
                module.plugin.as_str().into(),
                module.version.as_str().into(),
                module.enabled.into(),
                module.config.clone().into(),
                names(module.granted.as_ref()).into(),
                module.previous.clone().into(),
                module.pending.clone().into(),
                module.automatic.into(),
                self.db.engine().time(at),
                module.keep_failures.into(),
                names(module.previous_granted.as_ref()).into(),
                i64::from(module.record_calls).into(),
                module.previous_config.clone().into(),
                module.told.clone().into(),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The steps that take a module that is switched off from a tenant.
    pub fn remove_module(&self, permit: AreaPermit<Configure>, plugin: &str) -> Vec<Further> {
        let of = |sql: &str| Stmt::new(sql, [permit.tenant().0.into(), plugin.into()]);
        let module = of("delete from module where tenant_id = $1 and plugin_id = $2 and not enabled");
        let schedule = of("delete from module_schedule where tenant_id = $1 and plugin_id = $2");
        let cursor = of("delete from module_cursor where tenant_id = $1 and plugin_id = $2");
        let mut steps = vec![Further(Step { stmt: module, expect: Expect::OneChange })];
        steps.extend([schedule, cursor].map(|stmt| Further(Step { stmt, expect: Expect::Nothing })));
        steps
    }

    async fn module_rows(&self, tenant: TenantId) -> Result<Vec<ModuleRow>, StoreError> {
        let stmt = Stmt::new(
            "select m.plugin_id, m.plugin_version, m.enabled, m.config, m.granted, m.previous_version, \
             m.pending_version, m.is_automatic, r.reason, m.keep_failures, m.previous_granted, m.record_calls, \
             m.previous_config, m.told_version from module m \
             left join plugin p on p.id = m.plugin_id and p.version = m.plugin_version \
             left join plugin_revocation r on r.digest = p.digest \
             where m.tenant_id = $1 order by m.plugin_id",
            [tenant.0.into()],
        );
        self.db
            .of(tenant)
            .all(Reach::Point, stmt, |row| {
                Ok(ModuleRow {
                    plugin: row.text(0)?,
                    version: row.text(1)?,
                    enabled: row.boolean(2)?,
                    config: row.json(3)?,
                    granted: row.maybe_json(4)?.map(named).transpose()?,
                    previous: row.maybe_text(5)?,
                    previous_granted: row.maybe_json(10)?.map(named).transpose()?,
                    previous_config: row.maybe_json(12)?,
                    told: row.maybe_text(13)?,
                    pending: row.maybe_text(6)?,
                    automatic: row.boolean(7)?,
                    revoked: row.maybe_text(8)?,
                    keep_failures: row.boolean(9)?,
                    record_calls: u32::try_from(row.integer(11)?).unwrap_or_default(),
                })
            })
            .await
    }

    /// Has the component with this digest run nowhere any more.
    pub async fn revoke_component(
        &self,
        permit: HostPermit,
        digest: &[u8],
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "insert into plugin_revocation (digest, reason, revoked_at) values ($1, $2, $3) on conflict do nothing",
            [digest.to_vec().into(), reason.into(), self.db.engine().time(at)],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Lets the component with this digest run again.
    pub async fn restore_component(&self, permit: HostPermit, digest: &[u8]) -> Result<(), StoreError> {
        let stmt = Stmt::new("delete from plugin_revocation where digest = $1", [digest.to_vec().into()]);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Digests of components that must not run any more.
    pub async fn revoked_components(&self, permit: HostPermit) -> Result<Vec<Vec<u8>>, StoreError> {
        let stmt = Stmt::new("select digest from plugin_revocation", []);
        self.db.across(permit).all(Reach::Point, stmt, |row| row.bytes(0)).await
    }

    /// Tenants that have modules.
    pub async fn tenants_with_modules(&self, permit: HostPermit) -> Result<Vec<TenantId>, StoreError> {
        let stmt = Stmt::new("select distinct tenant_id from module", []);
        self.db.across(permit).all(Reach::Point, stmt, |row| Ok(TenantId(row.id(0)?))).await
    }

    /// Tenants that have a plugin, with whether rollouts change its version; those of tenants that rest, too.
    pub async fn tenants_with_plugin(
        &self,
        permit: HostPermit,
        plugin: &str,
    ) -> Result<Vec<(TenantId, bool)>, StoreError> {
        let stmt = Stmt::new(
            "select tenant_id, is_automatic from module where plugin_id = $1 order by tenant_id",
            [plugin.into()],
        );
        self.db.across(permit).all(Reach::Point, stmt, |row| Ok((TenantId(row.id(0)?), row.boolean(1)?))).await
    }
}

/// Names as they are kept.
fn names(names: Option<&Vec<String>>) -> Option<Json> {
    names.map(|names| Json::from(names.clone()))
}

fn named(kept: Json) -> Result<Vec<String>, StoreError> {
    serde_json::from_value(kept).map_err(|error| StoreError::Inconsistent(error.to_string()))
}
