//! What a caller may see: one look at the policy, then as many answers as a question needs.

use std::sync::Arc;

use super::policy::Policy;
use super::rows::{Rows, Rules};
use super::{Permit, Read};
use crate::domain::caller::Caller;
use crate::domain::moment::Moment;
use crate::domain::object::Object;
use crate::domain::permission::Action;
use crate::domain::plugin::Manifest;
use crate::domain::schema::Schema;

/// Whose rights count on the objects that a plugin brings, when it acts for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnObjects {
    /// Those of its manifest alone: it keeps books that nobody else writes.
    Manifest,
    /// The caller's, too, as on all other objects: it shows what they may see.
    Caller,
}

impl OwnObjects {
    /// Whether the plugin may go by its manifest alone there.
    pub(super) fn are_free(self, plugin: &Manifest, object: &Object) -> bool {
        self == Self::Manifest && object.namespace.as_deref() == Some(plugin.namespace.as_str())
    }
}

/// What a caller may see, or a plugin on the caller's behalf.
#[derive(Clone)]
pub struct Sight {
    pub(super) policy: Arc<Policy>,
    pub(super) schema: Arc<Schema>,
    pub(super) moment: Moment,
    pub(super) caller: Caller,
    pub(super) plugin: Option<(Arc<Manifest>, OwnObjects)>,
}

impl Sight {
    /// Whether it reaches an object, or a field of it.
    pub fn sees(&self, object: &Arc<Object>, field: Option<&str>) -> bool {
        if let Some((plugin, _)) = &self.plugin {
            let Some(grant) = plugin.grants(&object.name, Action::Read) else { return false };
            // What is encrypted is nothing for plugins, whatever their manifest asks for.
            let is_hidden = |name: &str| {
                object.position(name).is_some_and(|at| object.fields[at].kind.is_sealed() || !grant.covers(name))
            };
            if field.is_some_and(is_hidden) {
                return false;
            }
        }
        self.rows(object).is_some()
    }

    /// The permit to read an object; none when it is not seen.
    pub fn permit(&self, object: &Arc<Object>) -> Option<Permit<Read>> {
        if !self.sees(object, None) {
            return None;
        }
        let plugin = self.plugin.as_ref().map(|(plugin, _)| Arc::clone(plugin));
        Some(Permit::new(&self.caller, object, plugin, self.rows(object)?))
    }

    /// The records of an object that it sees.
    fn rows(&self, object: &Arc<Object>) -> Option<Rows> {
        if self.plugin.as_ref().is_some_and(|(plugin, own)| own.are_free(plugin, object)) {
            return Some(Rows::All);
        }
        let decision = self.policy.decide(&self.caller.roles, &object.name, Action::Read)?;
        let rules = Rules { policy: &self.policy, schema: &self.schema, moment: self.moment, caller: &self.caller };
        Some(rules.rows(object, Action::Read, &decision))
    }
}
