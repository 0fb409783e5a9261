//! What roles decide in one tenant. One casbin enforcer per tenant, loaded on
//! demand: a shared one would be linear in the rules of all tenants. What it
//! says each role implies is kept by target and action, so that a decision
//! looks up and does not search.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi, RbacApi};
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use crate::domain::id::TenantId;
use crate::domain::org::Org;
use crate::domain::permission::Action;
use crate::domain::role::{EVERY, Reach, RoleDef, Rule};

const MODEL: &str = include_str!("../../model/access.conf");
const BUILT_IN: &str = include_str!("../../model/roles.csv");

/// The policy of a tenant is broken, or is not there.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// casbin says so.
    #[error("the access policy cannot be used: {0}")]
    Casbin(#[from] casbin::Error),
    /// Nobody has loaded it.
    #[error("the access policy of the tenant is not loaded")]
    NotLoaded,
}

/// A rule that lets only records through that meet a filter.
#[derive(Debug)]
pub struct Filtered {
    /// Whose records.
    pub reach: Reach,
    /// The filter, as it was written.
    pub filter: Json,
}

/// Which records of an object, or whether an area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whose records; none when only filters let some through.
    pub reach: Option<Reach>,
    /// The rules with a filter that let records through.
    pub filtered: BTreeSet<usize>,
}

/// Fields that are hidden, and those that are not to be written, by object.
pub type Masks = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// What a role implies: decisions by target as rules name it, then by action; `None` stands for every action.
type Implied = HashMap<String, HashMap<Option<Action>, Decision>>;

/// What the built-in roles imply, which is the same in every tenant.
static BUILT_IN_IMPLIED: OnceCell<HashMap<String, Arc<Implied>>> = OnceCell::const_new();

/// The rules of one tenant, and what they decided so far.
pub struct Policy {
    roles: HashMap<String, Arc<Implied>>,
    filtered: Vec<Filtered>,
    /// Every object and field that some rule leaves out.
    excepted: BTreeSet<(String, String)>,
    /// Names of the tenant's own roles.
    own: BTreeSet<String>,
    /// Who works with whom.
    pub org: Org,
    /// Counts up with every change.
    pub version: i64,
}

impl Policy {
    /// The built-in roles, and those of the tenant.
    pub async fn new(tenant: TenantId, roles: &[RoleDef], org: Org, version: i64) -> Result<Self, PolicyError> {
        let mut implied = BUILT_IN_IMPLIED.get_or_try_init(imply_built_in).await?.clone();
        let domain = tenant.to_string();
        let lines = Lines::of(roles, &domain);
        if !roles.is_empty() {
            let enforcer = enforcer(&domain, lines.rules, lines.links).await?;
            for role in roles {
                implied.insert(role.name.clone(), Arc::new(imply(&enforcer, &role.name, &domain)));
            }
        }
        let own = roles.iter().map(|role| role.name.clone()).collect();
        Ok(Self { roles: implied, filtered: lines.filtered, excepted: lines.excepted, own, org, version })
    }

    /// Whether there is a role of this name among the tenant's own.
    pub fn has_own(&self, role: &str) -> bool {
        self.own.contains(role)
    }

    /// What somebody who has all these roles may do; none when nothing.
    pub fn decide(&self, roles: &[Arc<str>], target: &str, action: Action) -> Option<Decision> {
        let mut all: Option<Decision> = None;
        for role in roles {
            if let Some(decision) = self.decide_role(role, target, action) {
                let sum = all.get_or_insert_default();
                sum.reach = sum.reach.max(decision.reach);
                sum.filtered.extend(decision.filtered);
            }
        }
        all
    }

    /// A rule with a filter.
    pub fn filtered(&self, at: usize) -> &Filtered {
        &self.filtered[at]
    }

    /// Whether some rule leaves fields out.
    pub fn has_masks(&self) -> bool {
        !self.excepted.is_empty()
    }

    /// Fields that these roles do not show, or do not let write.
    pub fn masks(&self, roles: &[Arc<str>]) -> Masks {
        let mut masks = Masks::new();
        for (object, field) in &self.excepted {
            let target = field_of(object, field);
            for role in roles {
                let is = |action: Action| self.leaves_out(role, &target, action);
                let (hidden, locked) = (is(Action::Read), is(Action::Create) || is(Action::Update));
                if hidden || locked {
                    let mask = masks.entry(object.clone()).or_default();
                    if hidden {
                        mask.0.insert(field.clone());
                    }
                    mask.1.insert(field.clone());
                }
            }
        }
        masks
    }

    fn decide_role(&self, role: &str, target: &str, action: Action) -> Option<Decision> {
        let implied = self.roles.get(role)?;
        let is_object = !target.starts_with('#');
        let mut sum: Option<Decision> = None;
        for name in [Some(target), Some(ALL), is_object.then_some(EVERY)].into_iter().flatten() {
            let Some(actions) = implied.get(name) else { continue };
            for decision in [Some(action), None].iter().filter_map(|action| actions.get(action)) {
                let sum = sum.get_or_insert_default();
                sum.reach = sum.reach.max(decision.reach);
                sum.filtered.extend(decision.filtered.iter().copied());
            }
        }
        let mut decision = sum?;
        if decision.reach == Some(Reach::All) {
            decision.filtered.clear();
        }
        Some(decision)
    }

    /// Whether a role leaves a field out of what it may do.
    fn leaves_out(&self, role: &str, field: &str, action: Action) -> bool {
        self.roles
            .get(role)
            .and_then(|implied| implied.get(field))
            .is_some_and(|actions| actions.contains_key(&Some(action)))
    }
}

/// Roles as lines of a policy.
struct Lines {
    /// Role, target, action and scope.
    rules: BTreeSet<Vec<String>>,
    /// Role, the role that it extends, and the tenant.
    links: Vec<Vec<String>>,
    filtered: Vec<Filtered>,
    excepted: BTreeSet<(String, String)>,
}

impl Lines {
    /// The built-in roles, and these of a tenant.
    fn of(roles: &[RoleDef], domain: &str) -> Self {
        let mut rules: BTreeSet<Vec<String>> = rules_of_all().collect();
        let (mut filtered, mut excepted) = (Vec::new(), BTreeSet::new());
        let mut links = Vec::new();
        for role in roles {
            links.extend(role.extends.iter().map(|below| vec![role.name.clone(), below.clone(), domain.to_owned()]));
            for rule in &role.rules {
                for object in &rule.objects {
                    let scope = rule.filter.as_ref().map(|filter| {
                        let name = format!("{FILTER}{}", filtered.len());
                        filtered.push(Filtered { reach: rule.scope, filter: filter.clone() });
                        name
                    });
                    let scope = scope.unwrap_or_else(|| rule.scope.name().to_owned());
                    let line = |object: &str, action: &str, scope: &str| {
                        [role.name.as_str(), object, action, scope].map(str::to_owned).to_vec()
                    };
                    rules.extend(rule.actions.iter().map(|action| line(object, action.name(), &scope)));
                    for field in &rule.except {
                        excepted.insert((object.clone(), field.clone()));
                        let field = field_of(object, field);
                        let is_masked =
                            |action: &&Action| matches!(action, Action::Read | Action::Create | Action::Update);
                        rules.extend(
                            rule.actions.iter().filter(is_masked).map(|action| line(&field, action.name(), MASK)),
                        );
                    }
                }
            }
        }
        Self { rules, links, filtered, excepted }
    }
}

/// An enforcer of one tenant.
async fn enforcer(
    domain: &str,
    rules: BTreeSet<Vec<String>>,
    links: Vec<Vec<String>>,
) -> Result<Enforcer, PolicyError> {
    let model = DefaultModel::from_str(MODEL).await?;
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
    let rules = rules.into_iter().map(|mut rule| {
        rule.insert(1, domain.to_owned());
        rule
    });
    enforcer.add_policies(rules.collect()).await?;
    for link in links {
        enforcer.add_named_grouping_policy("g", link).await?;
    }
    Ok(enforcer)
}

/// Everything that a role implies, its own rules and those of roles that it extends.
fn imply(enforcer: &Enforcer, role: &str, domain: &str) -> Implied {
    let mut implied = Implied::new();
    for line in enforcer.get_implicit_permissions_for_user(role, Some(domain)) {
        let [_, _, target, action, scope] = line.as_slice() else { continue };
        let action = Action::ALL.into_iter().find(|known| known.name() == action);
        let decision = implied.entry(target.clone()).or_default().entry(action).or_default();
        if let Some(at) = scope.strip_prefix(FILTER).and_then(|at| at.parse().ok()) {
            decision.filtered.insert(at);
        } else if let Some(reach) = Reach::EACH.into_iter().find(|reach| reach.name() == scope) {
            decision.reach = decision.reach.max(Some(reach));
        }
    }
    implied
}

async fn imply_built_in() -> Result<HashMap<String, Arc<Implied>>, PolicyError> {
    let enforcer = enforcer(EVERY, rules_of_all().collect(), Vec::new()).await?;
    let names = crate::domain::role::BUILT_IN.iter();
    Ok(names.map(|role| ((*role).to_owned(), Arc::new(imply(&enforcer, role, EVERY)))).collect())
}

/// What stands for every object and every area.
const ALL: &str = "**";

/// What stands in front of the number of a rule with a filter.
const FILTER: &str = "filter:";

/// The scope of policies that leave fields out.
const MASK: &str = "mask";

/// What a field is called in policies: no object and no area is called so.
fn field_of(object: &str, field: &str) -> String {
    format!("{object}/{field}")
}

/// The roles that every tenant has, as they are in the policy.
pub fn built_in_roles() -> Vec<RoleDef> {
    let role = |name: &str| {
        let lines = rules_of_all().filter(|rule| rule[0] == name);
        let rules = lines.filter_map(|rule| {
            let actions = Action::ALL.into_iter().filter(|action| rule[2] == "*" || rule[2] == action.name()).collect();
            let scope = Reach::EACH.into_iter().find(|reach| reach.name() == rule[3])?;
            Some(Rule { objects: vec![rule[1].clone()], actions, scope, filter: None, except: Vec::new() })
        });
        RoleDef {
            name: name.to_owned(),
            label: name.to_owned(),
            description: String::new(),
            extends: Vec::new(),
            rules: rules.collect(),
        }
    };
    crate::domain::role::BUILT_IN.iter().map(|name| role(name)).collect()
}

/// The rules of the built-in roles.
fn rules_of_all() -> impl Iterator<Item = Vec<String>> {
    let lines = BUILT_IN.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(',').map(|part| part.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests;
