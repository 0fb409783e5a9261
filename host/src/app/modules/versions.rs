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
        // It gets what it had been granted then, which somebody has agreed to.
        let consent = row.previous_granted.map_or(Consent::AsBefore, Consent::To);
        self.set_module(caller, plugin, ModuleInput { version: Some(version), consent, ..ModuleInput::default() }).await
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
            match self.give_version(operator, tenant, plugin, &input.version).await {
                Ok(true) => done.upgraded.push(tenant.0),
                Ok(false) => done.pending.push(tenant.0),
                Err(error) if error.is_of_the_host() => return Err(error),
                Err(error) => done.refused.push(RefusedTenant { tenant: tenant.0, reason: error.to_string() }),
            }
        }
        Ok(done)
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
        steps.extend(planned.iter().map(|row| self.store.put_module(modules, row, now)));
        let note = Note::of_area(Area::Modules, None, vec![plugin.to_owned(), "version".to_owned()]);
        steps.extend(self.store.note(permit, tenant, &[operator.entry(note, now)]));
        self.store.commit(&unit).await.map_err(of_conflict)?;
        self.catalog_changed(tenant);
        self.job_queued();
        Ok(is_done)
    }

    /// Stops a version everywhere: from now on nothing of it runs, on any node within a second.
    pub async fn revoke_version(
        &self,
        operator: &Operator,
        plugin: &str,
        version: &str,
        reason: &str,
    ) -> Result<(), AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let rows = self.store.plugins(permit).await?;
        let row = rows.iter().find(|row| row.manifest.id == plugin && row.manifest.version == version);
        let row = row.ok_or_else(|| AppError::no_record("plugin", &format!("{plugin} {version}")))?;
        self.store.revoke_component(permit, &row.digest, reason, self.clock.now()).await?;
        let now = self.clock.now();
        for (tenant, _) in self.store.tenants_with_plugin(permit, plugin).await? {
            self.catalog_changed(tenant);
            let fields = vec![plugin.to_owned(), format!("revoked {version}")];
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
