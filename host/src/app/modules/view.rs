//! Modules as callers see them.

use serde_json::Value as Json;

use super::settings;
use crate::app::catalog::Catalog;
use crate::app::{App, AppError};
use crate::domain::id::TenantId;
use crate::domain::plugin::Capability;
use crate::store::ModuleRow;

/// A module as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ModuleView {
    /// The plugin it is made of, `publisher.name`.
    pub plugin: String,
    /// The version that the tenant has pinned.
    pub version: String,
    /// What people read.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it runs, and why not.
    pub state: ModuleState,
    /// Until when this node does not call it, while it is suspended.
    pub suspended_until: Option<String>,
    /// Why its version runs nowhere any more, when it was revoked.
    pub revoked: Option<String>,
    /// Plugins that it requires and that do not run here now: what it does with them fails meanwhile.
    pub missing: Vec<String>,
    /// Its settings, without the secret ones.
    #[schema(value_type = Object)]
    pub config: Json,
    /// Names of the secret settings that are set, with dots between, and of the secrets; their values are shown to
    /// nobody.
    pub secrets: Vec<String>,
    /// Names of the capabilities that it was granted.
    pub granted: Vec<String>,
    /// The version that it can go back to.
    pub previous_version: Option<String>,
    /// A newer version that asks for more than was granted, and waits for consent.
    pub pending: Option<PendingVersion>,
    /// Whether rollouts of the operator change its version.
    pub automatic: bool,
    /// Whether calls that fail are kept as they were, to run them again.
    pub keep_failures: bool,
    /// How many of the newest calls of its hooks are kept as they were, to try other versions on them.
    pub record_calls: u32,
}

/// Whether a module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// It runs.
    Active,
    /// It failed too often and is not called for a while.
    Suspended,
    /// The tenant switched it off.
    Disabled,
    /// Its version must not run any more.
    Revoked,
}

/// A version that waits for consent.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct PendingVersion {
    /// The version.
    pub version: String,
    /// What it asks for beyond what was granted.
    pub asks: Vec<Capability>,
}

impl App {
    /// Modules of a tenant as callers see them.
    pub(in crate::app) async fn module_views(
        &self,
        tenant: TenantId,
        rows: &[ModuleRow],
    ) -> Result<Vec<ModuleView>, AppError> {
        let catalog = self.catalog(tenant).await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.module_view(tenant, &catalog, row.clone()).await?);
        }
        Ok(views)
    }

    async fn module_view(&self, tenant: TenantId, catalog: &Catalog, row: ModuleRow) -> Result<ModuleView, AppError> {
        let plugin = self.plugin(&row.plugin, &row.version).await?;
        let manifest = &plugin.compiled.manifest;
        let suspended = self.runs.suspended_until(tenant, &row.plugin, self.clock.now());
        let state = if row.revoked.is_some() {
            ModuleState::Revoked
        } else if !row.enabled {
            ModuleState::Disabled
        } else if suspended.is_some() {
            ModuleState::Suspended
        } else {
            ModuleState::Active
        };
        let required = manifest.requires.iter().filter(|_| row.enabled).map(|required| &required.plugin);
        let missing = required.filter(|plugin| catalog.module(plugin).is_none()).cloned().collect();
        let all = || manifest.capabilities().into_iter().map(|one| one.name).collect();
        let granted: Vec<String> = row.granted.clone().unwrap_or_else(all);
        let pending = match row.pending {
            None => None,
            Some(version) => {
                let newer = self.plugin(&row.plugin, &version).await?;
                let asks = newer.compiled.manifest.asks_more(&granted, manifest);
                Some(PendingVersion { version, asks })
            }
        };
        let (config, mut secrets) = settings::shown(manifest, row.config);
        secrets.extend(self.secret_names(tenant, &row.plugin).await?);
        Ok(ModuleView {
            name: manifest.name.clone(),
            description: manifest.description.clone(),
            plugin: row.plugin,
            version: row.version,
            enabled: row.enabled,
            state,
            suspended_until: suspended.map(|until| until.to_string()),
            revoked: row.revoked,
            missing,
            config,
            secrets,
            granted,
            previous_version: row.previous,
            pending,
            automatic: row.automatic,
            keep_failures: row.keep_failures,
            record_calls: row.record_calls,
        })
    }
}
