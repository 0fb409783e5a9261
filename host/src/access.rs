//! Floor 1, sole owner of casbin: decides who may do what, and hands out the
//! [`Permit`]s that the store demands.

mod enforcer;
mod permit;
mod sight;

use std::sync::Arc;

use moka::future::Cache;

pub use enforcer::PolicyError;
use enforcer::TenantPolicy;
pub use permit::{Acting, AreaPermit, Chore, Configure, Create, Delete, HostPermit, Permit, Permits, Read, Update};
pub use sight::Sight;

use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::permission::{Action, Area};
use crate::domain::plugin::Manifest;

/// Tenants whose policy is kept in memory.
const TENANTS_IN_MEMORY: u64 = 10_000;

/// Why something is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// The role does not allow it.
    #[error("the role `{role}` may not {action} `{target}`")]
    Role {
        /// The caller's role.
        role: Arc<str>,
        /// What was asked for.
        action: Action,
        /// On what.
        target: String,
    },
    /// Only the module that brings the object writes it.
    #[error("`{object}` is written by its module only")]
    Managed {
        /// The object.
        object: String,
    },
    /// The plugin's manifest does not ask for it.
    #[error("the plugin `{plugin}` has no permission to {action} `{object}`")]
    Plugin {
        /// The plugin.
        plugin: String,
        /// What it tried.
        action: Action,
        /// On what.
        object: String,
    },
    /// The policy itself cannot be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Decides, with one small enforcer per tenant and a memory of its decisions.
pub struct Access {
    tenants: Cache<TenantId, Arc<TenantPolicy>>,
}

impl Default for Access {
    fn default() -> Self {
        Self { tenants: Cache::new(TENANTS_IN_MEMORY) }
    }
}

impl Access {
    /// May the caller do this with records of the object?
    pub async fn check<A: Acting>(&self, caller: &Caller, object: &Arc<Object>) -> Result<Permit<A>, Denied> {
        self.decide(caller, &object.name, A::ACTION).await?;
        if object.read_only && A::ACTION != Action::Read {
            return Err(Denied::Managed { object: object.name.clone() });
        }
        Ok(Permit::new(caller, object, None))
    }

    /// May the plugin do this on behalf of the caller? The manifest must ask
    /// for it, and the caller must be allowed it too, except on objects that
    /// the plugin itself brings.
    pub async fn check_plugin<A: Acting>(
        &self,
        caller: &Caller,
        plugin: &Arc<Manifest>,
        object: &Arc<Object>,
    ) -> Result<Permit<A>, Denied> {
        let is_own = object.namespace.as_deref() == Some(plugin.namespace.as_str());
        if plugin.grants(&object.name, A::ACTION).is_none() {
            return Err(Denied::Plugin { plugin: plugin.id.clone(), action: A::ACTION, object: object.name.clone() });
        }
        if !is_own {
            self.decide(caller, &object.name, A::ACTION).await?;
            if object.read_only && A::ACTION != Action::Read {
                return Err(Denied::Managed { object: object.name.clone() });
            }
        }
        Ok(Permit::new(caller, object, Some(Arc::clone(plugin))))
    }

    /// What the host does itself to keep computed fields right, whoever caused it.
    pub fn for_computing<A: Acting>(&self, caller: &Caller, object: &Arc<Object>) -> Permit<A> {
        Permit::new(caller, object, None)
    }

    /// Whoever may delete the records of an object may have the links to them
    /// lead elsewhere, whatever object the links belong to: to merge records is
    /// to say that they were one all along.
    pub fn follow(&self, merged: &Permit<Delete>, object: &Arc<Object>) -> (Permit<Read>, Permit<Update>) {
        (Permit::new(merged.caller(), object, None), Permit::new(merged.caller(), object, None))
    }

    /// May the caller do this with an area of the host?
    pub async fn check_area<A: Acting>(&self, caller: &Caller, area: Area) -> Result<AreaPermit<A>, Denied> {
        self.decide(caller, area.name(), A::ACTION).await?;
        Ok(AreaPermit::new(caller.tenant))
    }

    /// What the caller, or a plugin on the caller's behalf, may see of all objects.
    pub async fn sight(&self, caller: &Caller, plugin: Option<&Arc<Manifest>>) -> Result<Sight, Denied> {
        Ok(Sight::new(self.policy(caller.tenant).await?, caller, plugin))
    }

    async fn policy(&self, tenant: TenantId) -> Result<Arc<TenantPolicy>, Denied> {
        if let Some(policy) = self.tenants.get(&tenant).await {
            return Ok(policy);
        }
        let policy = Arc::new(TenantPolicy::load(tenant).await?);
        self.tenants.insert(tenant, Arc::clone(&policy)).await;
        Ok(policy)
    }

    async fn decide(&self, caller: &Caller, target: &str, action: Action) -> Result<(), Denied> {
        let policy = self.policy(caller.tenant).await?;
        if policy.allows(&caller.role, target, action)? {
            return Ok(());
        }
        Err(Denied::Role { role: Arc::clone(&caller.role), action, target: target.to_owned() })
    }
}
