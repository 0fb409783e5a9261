//! What a caller may see: one look at the policy, then as many answers as a question needs.

use std::sync::Arc;

use super::enforcer::TenantPolicy;
use super::{Permit, Read};
use crate::domain::caller::Caller;
use crate::domain::object::Object;
use crate::domain::permission::Action;
use crate::domain::plugin::Manifest;

/// What a caller may see, or a plugin on the caller's behalf.
#[derive(Clone)]
pub struct Sight {
    policy: Arc<TenantPolicy>,
    caller: Caller,
    plugin: Option<Arc<Manifest>>,
}

impl Sight {
    pub(super) fn new(policy: Arc<TenantPolicy>, caller: &Caller, plugin: Option<&Arc<Manifest>>) -> Self {
        Self { policy, caller: caller.clone(), plugin: plugin.cloned() }
    }

    /// Whether it reaches an object, or a field of it.
    pub fn sees(&self, object: &Arc<Object>, field: Option<&str>) -> bool {
        if let Some(plugin) = &self.plugin {
            let Some(grant) = plugin.grants(&object.name, Action::Read) else { return false };
            // What is encrypted is nothing for plugins, whatever their manifest asks for.
            let is_hidden = |name: &str| {
                object.position(name).is_some_and(|at| object.fields[at].kind.is_sealed() || !grant.covers(name))
            };
            if field.is_some_and(is_hidden) {
                return false;
            }
            if object.namespace.as_deref() == Some(plugin.namespace.as_str()) {
                return true;
            }
        }
        self.policy.allows(&self.caller.role, &object.name, Action::Read).unwrap_or_else(|error| {
            tracing::error!(%error, "a policy cannot be read");
            false
        })
    }

    /// The permit to read an object; none when it is not seen.
    pub fn permit(&self, object: &Arc<Object>) -> Option<Permit<Read>> {
        self.sees(object, None).then(|| Permit::new(&self.caller, object, self.plugin.clone()))
    }
}
