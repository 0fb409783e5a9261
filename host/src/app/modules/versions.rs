//! Versions of modules: going back, rolling out, and stopping one everywhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::plan::{ModuleInput, Wish};
use super::{Consent, ModuleView};
use crate::access::{Chore, Configure, HostPermit};
use crate::app::jobs::of_conflict;
use crate::app::people::read;
use crate::app::{App, AppError, Operator};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::store::PluginRow;

/// Most tries of a rollout at one tenant, whose admin may be at its modules in the same moment.
const TRIES: usize = 8;

/// Which tenants get a version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// The version.
    version: String,
    /// Only these tenants, by slug or id; all that let the operator change the version when not given.
    tenants: Option<Vec<String>>,
    /// Only so many of a hundred of them, 1 to 100; the same ones for a larger share, and more.
    percent: Option<u8>,
}

/// What a rollout came to.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RolledOut {
    /// Ids of tenants that have the version now.
    pub upgraded: Vec<uuid::Uuid>,
    /// Ids of tenants whose admins have to agree to what it asks for.
    pub pending: Vec<uuid::Uuid>,
    /// Ids of tenants that cannot have it, with why.
    pub refused: Vec<RefusedTenant>,
    /// Ids of tenants for which the host failed; the same rollout again finds the others done.
    pub failed: Vec<uuid::Uuid>,
}

/// A tenant that cannot have a version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedTenant {
    /// The tenant.
    pub tenant: uuid::Uuid,
    /// Why.
    pub reason: String,
}

impl App {
    /// Has a module go back to the version that it had before.
    pub async fn roll_back_module(self: &Arc<Self>, caller: &Caller, plugin: &str) -> Result<ModuleView, AppError> {
        let read = self.access.check_area::<crate::access::Read>(caller, Area::Modules)?;
        self.access.check_area::<Configure>(caller, Area::Modules)?;
        let rows = self.store.modules(read).await?;
        let row = rows.into_iter().find(|row| row.plugin == plugin);
        let row = row.ok_or_else(|| AppError::no_record("module", &plugin))?;
        let refused = || AppError::Refused(format!("{plugin} had no other version before"));
        let version = row.previous.ok_or_else(refused)?;
        // It gets what it had been granted then, which somebody has agreed to, and the settings that it had: those of
        // now may be none of its own.
        let consent = row.previous_granted.map_or(Consent::AsBefore, Consent::To);
        let config = match row.previous_config {
            Some(config) => {
                let before = self.plugin(plugin, &version).await?;
                Some(self.settings_in_use(caller.tenant, &before.compiled.manifest, config).await?)
            }
            None => None,
        };
        let input = ModuleInput { version: Some(version), consent, config, ..ModuleInput::default() };
        self.set_module(caller, plugin, input).await
    }

    /// Gives tenants a version of a plugin, one after the other.
    pub async fn roll_out(
        self: &Arc<Self>,
        operator: &Operator,
        plugin: &str,
        fields: &Map<String, Json>,
    ) -> Result<RolledOut, AppError> {
        let input: Rollout = read(fields)?;
        if input.percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
            return Err(AppError::invalid("percent", "out_of_range", "is 1 to 100"));
        }
        let permit = HostPermit::new(Chore::Operate);
        self.installed(plugin, &input.version).await?;
        let mut named = None;
        if let Some(tenants) = &input.tenants {
            let mut ids = Vec::with_capacity(tenants.len());
            for tenant in tenants {
                ids.push(self.tenant_row(tenant).await?.id);
            }
            named = Some(ids);
        }
        let mut done = RolledOut::default();
        for (tenant, is_automatic) in self.store.tenants_with_plugin(permit, plugin).await? {
            let is_meant = match &named {
                Some(named) => named.contains(&tenant),
                None => is_automatic && input.percent.is_none_or(|percent| place_of(tenant) < percent),
            };
            if !is_meant {
                continue;
            }
            let refused = |reason: String| RefusedTenant { tenant: tenant.0, reason };
            match self.give_version_at_last(operator, tenant, plugin, &input.version).await {
                Ok(true) => done.upgraded.push(tenant.0),
                Ok(false) => done.pending.push(tenant.0),
                // The others have their answer all the same.
                Err(error) if error.is_of_the_host() => {
                    tracing::error!(%tenant, plugin, %error, "a rollout failed");
                    done.failed.push(tenant.0);
                }
                Err(error) => done.refused.push(refused(error.to_string())),
            }
        }
        Ok(done)
    }

    /// Gives one tenant a version, again when its admin changed something meanwhile.
    async fn give_version_at_last(
        self: &Arc<Self>,
        operator: &Operator,
        tenant: TenantId,
        plugin: &str,
        version: &str,
    ) -> Result<bool, AppError> {
        for _ in 0..TRIES {
            match self.give_version(operator, tenant, plugin, version).await {
                Err(AppError::Contended) => {}
                other => return other,
            }
        }
        Err(AppError::Contended)
    }

    /// Gives one tenant a version; false when it has to wait for consent.
    async fn give_version(
        self: &Arc<Self>,
        operator: &Operator,
        tenant: TenantId,
        plugin: &str,
        version: &str,
    ) -> Result<bool, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        self.prepare_policy(tenant).await?;
        // What was read before this is what the commit stands on: the admin's word counts, whoever was faster.
        let policy = self.store.policy_version(Self::work_permit(), tenant).await?;
        let rows = self.store.modules_of(permit, tenant).await?;
        let (own_version, own) = self.own_schema(tenant).await?;
        let input = ModuleInput { version: Some(version.to_owned()), ..ModuleInput::default() };
        let wishes = vec![Wish { plugin: plugin.to_owned(), input }];
        let planned = self.planned_modules(tenant, rows, own_version, own, wishes).await?;
        let is_done = planned.iter().all(|row| row.version == version);
        let modules = self.access.operate_area::<Configure>(permit, tenant);
        let now = self.clock.now();
        // Nobody of the tenant asks for it: the module is told as itself.
        let mut unit = self.consequences(&Caller::of_module(tenant, plugin, None), &planned).await?;
        let steps = &mut unit.further;
        steps.push(self.store.count_policy(Self::work_permit(), tenant, policy));
        steps.extend(planned.iter().map(|row| self.store.put_module(modules, row, now)));
        let note = Note::of_area(Area::Modules, None, vec![plugin.to_owned(), "version".to_owned()]);
        steps.extend(self.store.note(permit, tenant, &[operator.entry(note, now)]));
        self.store.commit(&unit).await.map_err(of_conflict)?;
        self.policy_changed(tenant).await;
        self.catalog_changed(tenant);
        self.job_queued();
        Ok(is_done)
    }

    /// An installed version, by name.
    async fn installed(&self, plugin: &str, version: &str) -> Result<PluginRow, AppError> {
        let rows = self.store.plugins(HostPermit::new(Chore::Operate)).await?;
        let row = rows.into_iter().find(|row| row.manifest.id == plugin && row.manifest.version == version);
        row.ok_or_else(|| AppError::no_record("plugin", &format!("{plugin} {version}")))
    }

    /// Stops a version everywhere: from now on nothing of it runs, on any node within a second.
    pub async fn revoke_version(
        &self,
        operator: &Operator,
        plugin: &str,
        version: &str,
        reason: &str,
    ) -> Result<(), AppError> {
        let digest = self.installed(plugin, version).await?.digest;
        self.store.revoke_component(HostPermit::new(Chore::Operate), &digest, reason, self.clock.now()).await?;
        self.version_judged(operator, plugin, &format!("revoked {version}")).await
    }

    /// Lets a version run again that was stopped: modules that have it go on where they were.
    pub async fn restore_version(&self, operator: &Operator, plugin: &str, version: &str) -> Result<(), AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let digest = self.installed(plugin, version).await?.digest;
        if !self.store.revoked_components(permit).await?.iter().any(|revoked| *revoked == digest) {
            return Err(AppError::no_record("revocation", &format!("{plugin} {version}")));
        }
        self.store.restore_component(permit, &digest).await?;
        self.version_judged(operator, plugin, &format!("restored {version}")).await
    }

    /// Has all tenants of a plugin see at once what became of a version, and notes it for them.
    async fn version_judged(&self, operator: &Operator, plugin: &str, word: &str) -> Result<(), AppError> {
        let (permit, now) = (HostPermit::new(Chore::Operate), self.clock.now());
        for (tenant, _) in self.store.tenants_with_plugin(permit, plugin).await? {
            self.catalog_changed(tenant);
            let fields = vec![plugin.to_owned(), word.to_owned()];
            let entry = operator.entry(Note::of_area(Area::Modules, None, fields), now);
            let steps = self.store.note(permit, tenant, &[entry]);
            self.commit_steps(tenant, steps).await.map_err(of_conflict)?;
        }
        Ok(())
    }
}

/// Where a tenant stands among a hundred: the same place each time.
fn place_of(tenant: TenantId) -> u8 {
    (tenant.0.as_u128() % 100) as u8
}
