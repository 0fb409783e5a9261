//! The policy of a tenant: loaded when it is asked for, and looked at again every second.

use std::time::Duration;

use moka::future::Cache;

use super::catalog::of_many;
use super::{App, AppError};
use crate::access::{Chore, Denied, HostPermit, Policy};
use crate::domain::id::TenantId;
use crate::domain::role::RoleDef;

/// Tenants whose policy was looked at within the last second.
pub(super) type Looked = Cache<TenantId, ()>;

pub(super) fn looked() -> Looked {
    Cache::builder().max_capacity(20_000).time_to_live(Duration::from_secs(1)).build()
}

impl App {
    /// Has the policy of a tenant ready for decisions.
    pub(super) async fn prepare_policy(&self, tenant: TenantId) -> Result<(), AppError> {
        self.policies.try_get_with(tenant, self.look_at_policy(tenant)).await.map_err(of_many)
    }

    /// Says here and on other nodes that roles, teams or members have changed.
    pub(super) async fn policy_changed(&self, tenant: TenantId) {
        self.forget_policy(tenant).await;
        self.news.catalog_changed(tenant);
    }

    /// Forgets who has which rights, because they have changed.
    pub(super) async fn forget_policy(&self, tenant: TenantId) {
        self.policies.invalidate(&tenant).await;
        self.keys.invalidate_all();
        self.sessions.invalidate_all();
    }

    async fn look_at_policy(&self, tenant: TenantId) -> Result<(), AppError> {
        let permit = HostPermit::new(Chore::Serve);
        let version = self.store.policy_version(permit, tenant).await?;
        if self.access.policy(tenant).is_some_and(|policy| policy.version == version) {
            return Ok(());
        }
        let roles = self.own_roles(tenant).await?;
        let org = self.store.org(permit, tenant).await?;
        let policy = Policy::new(tenant, &roles, org, version).await.map_err(Denied::from)?;
        self.access.set_policy(tenant, policy);
        Ok(())
    }

    /// The roles that a tenant made.
    pub(super) async fn own_roles(&self, tenant: TenantId) -> Result<Vec<RoleDef>, AppError> {
        let roles = self.store.roles(HostPermit::new(Chore::Serve), tenant).await?.into_iter();
        let read = roles.map(|json| serde_json::from_value(json).map_err(|error| AppError::Setup(error.to_string())));
        read.collect()
    }
}
