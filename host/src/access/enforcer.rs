//! One casbin enforcer per tenant, loaded on demand: a shared one would be
//! linear in the rules of all tenants.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};

use crate::domain::id::TenantId;
use crate::domain::permission::Action;

const MODEL: &str = include_str!("../../model/access.conf");
const BUILT_IN: &str = include_str!("../../model/roles.csv");

/// The policy of a tenant is broken.
#[derive(Debug, thiserror::Error)]
#[error("the access policy cannot be used: {0}")]
pub struct PolicyError(#[from] casbin::Error);

/// Decisions by role, then by target, then by action.
type Decisions = HashMap<String, HashMap<String, HashMap<Action, bool>>>;

/// The rules of one tenant, and what they decided so far.
pub struct TenantPolicy {
    domain: String,
    enforcer: Enforcer,
    decisions: RwLock<Decisions>,
}

impl TenantPolicy {
    /// Loads the built-in roles for a tenant.
    pub async fn load(tenant: TenantId) -> Result<Self, PolicyError> {
        let domain = tenant.to_string();
        let model = DefaultModel::from_str(MODEL).await?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
        let rules = BUILT_IN
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut rule: Vec<String> = line.split(',').map(|part| part.trim().to_owned()).collect();
                rule.insert(1, domain.clone());
                rule
            })
            .collect();
        enforcer.add_policies(rules).await?;
        Ok(Self { domain, enforcer, decisions: RwLock::default() })
    }

    /// Whether a role may do that.
    pub fn allows(&self, role: &str, target: &str, action: Action) -> Result<bool, PolicyError> {
        let known = self.decisions.read().unwrap_or_else(PoisonError::into_inner);
        let decided = known.get(role).and_then(|targets| targets.get(target)).and_then(|actions| actions.get(&action));
        if let Some(decided) = decided {
            return Ok(*decided);
        }
        drop(known);
        let decided = self.enforcer.enforce((role, self.domain.as_str(), target, action.name()))?;
        let mut known = self.decisions.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(role.to_owned()).or_default().entry(target.to_owned()).or_default().insert(action, decided);
        Ok(decided)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn viewer_reads_and_admin_does_everything() {
        let policy = TenantPolicy::load(TenantId(Uuid::nil())).await.unwrap();
        for action in [Action::Create, Action::Update, Action::Delete, Action::Configure] {
            assert!(policy.allows("admin", "contact", action).unwrap());
            assert!(!policy.allows("viewer", "contact", action).unwrap());
            assert!(!policy.allows("viewer", "#modules", action).unwrap());
        }
        assert!(policy.allows("viewer", "contact", Action::Read).unwrap());
        assert!(!policy.allows("somebody", "contact", Action::Read).unwrap());
    }
}
