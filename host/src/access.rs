//! Floor 1, sole owner of casbin: decides who may do what, and hands out the
//! [`Permit`]s that the store demands.

mod permit;
mod policy;
mod rows;
mod sight;

use std::sync::Arc;

use chrono_tz::Tz;
use moka::sync::Cache;

pub use permit::{
    Acting, AreaPermit, Chore, Configure, Create, Delete, Export, HostPermit, Import, Merge, Permit, Permits, Read,
    Share, Update,
};
pub use policy::{Decision, Masks, Policy, PolicyError, built_in_roles};
pub use rows::Rows;
use rows::Rules;
pub use sight::{OwnObjects, Sight};

use crate::domain::caller::Caller;
use crate::domain::clock::Clock;
use crate::domain::id::TenantId;
use crate::domain::moment::Moment;
use crate::domain::object::Object;
use crate::domain::permission::{Action, Area};
use crate::domain::plugin::Manifest;
use crate::domain::role::Reach;
use crate::domain::schema::Schema;

/// Tenants whose policy is kept in memory.
const TENANTS_IN_MEMORY: u64 = 20_000;

/// Why something is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// No role of the caller allows it.
    #[error("the role `{roles}` may not {action} `{target}`")]
    Role {
        /// The caller's roles.
        roles: String,
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
    /// The module that brings the object is switched off: nothing of it would see the change.
    #[error("`{object}` is only read while its module is switched off")]
    Resting {
        /// The object.
        object: String,
    },
    /// The caller's roles allow it, but not with this record.
    #[error("the role `{roles}` may not {action} this `{object}`")]
    Record {
        /// The caller's roles.
        roles: String,
        /// What was asked for.
        action: Action,
        /// The record's object.
        object: String,
    },
    /// The role stands above the caller.
    #[error("the role `{role}` is given and taken by those who stand above it")]
    Grant {
        /// The role.
        role: String,
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
    /// The key publishes plugins, and only those of its publisher.
    #[error("this key is for publishing the plugins of `{publisher}`, and for nothing else")]
    Publisher {
        /// Whose key it is.
        publisher: String,
    },
    /// The policy itself cannot be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Decides, with one small enforcer per tenant and a memory of its decisions.
pub struct Access {
    clock: Clock,
    policies: Cache<TenantId, Arc<Policy>>,
    /// What rules are about, and on whose calendar.
    schemas: Cache<TenantId, (Arc<Schema>, Tz)>,
}

impl Access {
    /// Knows no tenant yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, policies: Cache::new(TENANTS_IN_MEMORY), schemas: Cache::new(TENANTS_IN_MEMORY) }
    }

    /// The policy of a tenant, when it is loaded.
    pub fn policy(&self, tenant: TenantId) -> Option<Arc<Policy>> {
        self.policies.get(&tenant)
    }

    /// Takes a policy in.
    pub fn set_policy(&self, tenant: TenantId, policy: Policy) {
        self.policies.insert(tenant, Arc::new(policy));
    }

    /// Takes in what a tenant's rules are about.
    pub fn set_schema(&self, tenant: TenantId, schema: &Arc<Schema>, timezone: Tz) {
        self.schemas.insert(tenant, (Arc::clone(schema), timezone));
    }

    /// May the caller do this with records of the object, and with which?
    pub fn check<A: Acting>(&self, caller: &Caller, object: &Arc<Object>) -> Result<Permit<A>, Denied> {
        let rows = self.rows(caller, object, A::ACTION)?;
        writable::<A>(object)?;
        Ok(Permit::new(caller, object, None, rows))
    }

    /// May the plugin do this on behalf of the caller? The manifest must ask
    /// for it, and the caller must be allowed it too, except on objects that
    /// the plugin itself brings, unless it wants to be held to that there as well.
    pub fn check_plugin<A: Acting>(
        &self,
        caller: &Caller,
        plugin: &Arc<Manifest>,
        object: &Arc<Object>,
        own: OwnObjects,
    ) -> Result<Permit<A>, Denied> {
        if plugin.grants(&object.name, A::ACTION).is_none() {
            return Err(Denied::Plugin { plugin: plugin.id.clone(), action: A::ACTION, object: object.name.clone() });
        }
        let mut rows = Rows::All;
        if !own.are_free(plugin, object) {
            rows = self.rows(caller, object, A::ACTION)?;
            writable::<A>(object)?;
        }
        Ok(Permit::new(caller, object, Some(Arc::clone(plugin)), rows))
    }

    /// What the host does itself to keep computed fields right, whoever caused it.
    pub fn for_computing<A: Acting>(&self, caller: &Caller, object: &Arc<Object>) -> Permit<A> {
        Permit::new(caller, object, None, Rows::All)
    }

    /// Whoever may merge the records of an object may have the links to them
    /// lead elsewhere, whatever object the links belong to: to merge records is
    /// to say that they were one all along.
    pub fn follow(&self, merged: &Permit<Delete>, object: &Arc<Object>) -> (Permit<Read>, Permit<Update>) {
        let caller = merged.caller();
        (Permit::new(caller, object, None, Rows::All), Permit::new(caller, object, None, Rows::All))
    }

    /// May the caller do this with an area of the host?
    pub fn check_area<A: Acting>(&self, caller: &Caller, area: Area) -> Result<AreaPermit<A>, Denied> {
        self.decide(caller, area.name(), A::ACTION)?;
        Ok(AreaPermit::new(caller.tenant))
    }

    /// What the operator of the installation may do with an area of any tenant.
    pub fn operate_area<A: Acting>(&self, _: HostPermit, tenant: TenantId) -> AreaPermit<A> {
        AreaPermit::new(tenant)
    }

    /// All records of an object, for who may have the tenant as a whole in a file.
    pub fn whole(&self, tenant: AreaPermit<Export>, caller: &Caller, object: &Arc<Object>) -> Permit<Read> {
        let caller = Caller { tenant: tenant.tenant(), ..caller.clone() };
        Permit::new(&caller, object, None, Rows::All)
    }

    /// What the caller, or a plugin on the caller's behalf, may see of all objects.
    pub fn sight(&self, caller: &Caller, plugin: Option<(&Arc<Manifest>, OwnObjects)>) -> Result<Sight, Denied> {
        let policy = self.policies.get(&caller.tenant).ok_or(PolicyError::NotLoaded)?;
        let (schema, timezone) = self.schemas.get(&caller.tenant).ok_or(PolicyError::NotLoaded)?;
        let moment = Moment { at: self.clock.now(), timezone };
        Ok(Sight {
            policy,
            schema,
            moment,
            caller: caller.clone(),
            plugin: plugin.map(|(plugin, own)| (Arc::clone(plugin), own)),
        })
    }

    /// The denial of something that is allowed with other records.
    pub fn not_this<A: Acting>(permit: &Permit<A>) -> Denied {
        let object = permit.object().name.clone();
        Denied::Record { roles: names(permit.caller()), action: A::ACTION, object }
    }

    fn rows(&self, caller: &Caller, object: &Arc<Object>, action: Action) -> Result<Rows, Denied> {
        let (policy, decision) = self.decide(caller, &object.name, action)?;
        if decision.reach == Some(Reach::All) {
            return Ok(Rows::All);
        }
        let (schema, timezone) = self.schemas.get(&caller.tenant).ok_or(PolicyError::NotLoaded)?;
        let moment = Moment { at: self.clock.now(), timezone };
        Ok(Rules { policy: &policy, schema: &schema, moment, caller }.rows(object, action, &decision))
    }

    fn decide(&self, caller: &Caller, target: &str, action: Action) -> Result<(Arc<Policy>, Decision), Denied> {
        let policy = self.policies.get(&caller.tenant).ok_or(PolicyError::NotLoaded)?;
        match policy.decide(&caller.roles, target, action) {
            Some(decision) => Ok((policy, decision)),
            None => Err(Denied::Role { roles: names(caller), action, target: target.to_owned() }),
        }
    }
}

/// Whether others than its module may write an object.
fn writable<A: Acting>(object: &Object) -> Result<(), Denied> {
    if !A::ACTION.writes() || !object.read_only {
        return Ok(());
    }
    let (rests, object) = (object.rests, object.name.clone());
    Err(if rests { Denied::Resting { object } } else { Denied::Managed { object } })
}

fn names(caller: &Caller) -> String {
    caller.roles.iter().map(|role| &**role).collect::<Vec<_>>().join(", ")
}
