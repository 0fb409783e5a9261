//! The policy of a tenant: loaded when it is asked for, and looked at again every second.

use super::{App, AppError};
use crate::access::{Chore, Denied, HostPermit, Policy};
use crate::domain::id::TenantId;
use crate::domain::role::RoleDef;

impl App {
    /// Has the policy of a tenant ready for decisions; refused for a tenant that rests.
    pub(super) async fn prepare_policy(&self, tenant: TenantId) -> Result<(), AppError> {
        self.served(tenant).await.map(|_| ())
    }

    /// Says here and on other nodes that roles, teams or members have changed.
    pub(super) async fn policy_changed(&self, tenant: TenantId) {
        self.forget_policy(tenant).await;
        self.news.catalog_changed(tenant);
    }

    /// Forgets who has which rights, because they have changed.
    pub(super) async fn forget_policy(&self, tenant: TenantId) {
        self.standings.invalidate(&tenant).await;
        self.keys.invalidate_all();
        self.sessions.invalidate_all();
    }

    /// Loads the policy, unless it is there at this version.
    pub(super) async fn look_at_policy(&self, tenant: TenantId, version: i64) -> Result<(), AppError> {
        if self.access.policy(tenant).is_some_and(|policy| policy.version == version) {
            return Ok(());
        }
        let roles = self.own_roles(tenant).await?;
        let org = self.store.org(HostPermit::new(Chore::Serve), tenant).await?;
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
