//! What roles decide in one tenant. One casbin enforcer per tenant, loaded on
//! demand: a shared one would be linear in the rules of all tenants.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use serde_json::Value as Json;

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
    /// What it is called in the enforcer.
    name: String,
    object: String,
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

/// Decisions by role, then by target, then by action.
type Decisions = HashMap<Arc<str>, HashMap<String, HashMap<Action, Option<Decision>>>>;

/// The rules of one tenant, and what they decided so far.
pub struct Policy {
    domain: String,
    enforcer: Enforcer,
    filtered: Vec<Filtered>,
    /// Every object and field that some rule leaves out.
    excepted: BTreeSet<(String, String)>,
    /// Names of the tenant's own roles.
    own: BTreeSet<String>,
    /// Who works with whom.
    pub org: Org,
    /// Counts up with every change.
    pub version: i64,
    decisions: RwLock<Decisions>,
}

impl Policy {
    /// The built-in roles, and those of the tenant.
    pub async fn new(tenant: TenantId, roles: &[RoleDef], org: Org, version: i64) -> Result<Self, PolicyError> {
        let domain = tenant.to_string();
        let model = DefaultModel::from_str(MODEL).await?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
        let mut rules: BTreeSet<Vec<String>> = rules_of_all().collect();
        let (mut filtered, mut excepted) = (Vec::new(), BTreeSet::new());
        let mut links = Vec::new();
        for role in roles {
            links.extend(role.extends.iter().map(|below| vec![role.name.clone(), below.clone(), domain.clone()]));
            for rule in &role.rules {
                for object in &rule.objects {
                    let scope = rule.filter.as_ref().map(|filter| {
                        let name = format!("filter:{}", filtered.len());
                        let (object, filter) = (object.clone(), filter.clone());
                        filtered.push(Filtered { name: name.clone(), object, reach: rule.scope, filter });
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
        let rules = rules.into_iter().map(|mut rule| {
            rule.insert(1, domain.clone());
            rule
        });
        enforcer.add_policies(rules.collect()).await?;
        for link in links {
            enforcer.add_named_grouping_policy("g", link).await?;
        }
        let own = roles.iter().map(|role| role.name.clone()).collect();
        Ok(Self { domain, enforcer, filtered, excepted, own, org, version, decisions: RwLock::default() })
    }

    /// Whether there is a role of this name among the tenant's own.
    pub fn has_own(&self, role: &str) -> bool {
        self.own.contains(role)
    }

    /// What somebody who has all these roles may do; none when nothing.
    pub fn decide(&self, roles: &[Arc<str>], target: &str, action: Action) -> Result<Option<Decision>, PolicyError> {
        let mut all: Option<Decision> = None;
        for role in roles {
            if let Some(decision) = self.decide_role(role, target, action)? {
                let sum = all.get_or_insert_default();
                sum.reach = sum.reach.max(decision.reach);
                sum.filtered.extend(decision.filtered);
            }
        }
        Ok(all)
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
    pub fn masks(&self, roles: &[Arc<str>]) -> Result<Masks, PolicyError> {
        let mut masks = Masks::new();
        for (object, field) in &self.excepted {
            let target = field_of(object, field);
            for role in roles {
                let is = |action: Action| self.enforce(role, &target, action, MASK, "field");
                let (hidden, locked) = (is(Action::Read)?, is(Action::Create)? || is(Action::Update)?);
                if hidden || locked {
                    let mask = masks.entry(object.clone()).or_default();
                    if hidden {
                        mask.0.insert(field.clone());
                    }
                    mask.1.insert(field.clone());
                }
            }
        }
        Ok(masks)
    }

    fn decide_role(&self, role: &Arc<str>, target: &str, action: Action) -> Result<Option<Decision>, PolicyError> {
        {
            let known = self.decisions.read().unwrap_or_else(PoisonError::into_inner);
            let decided = known.get(role).and_then(|targets| targets.get(target)).and_then(|all| all.get(&action));
            if let Some(decided) = decided {
                return Ok(decided.clone());
            }
        }
        let decided = self.think(role, target, action)?;
        let mut known = self.decisions.write().unwrap_or_else(PoisonError::into_inner);
        let of_role = known.entry(Arc::clone(role)).or_default();
        of_role.entry(target.to_owned()).or_default().insert(action, decided.clone());
        Ok(decided)
    }

    fn think(&self, role: &str, target: &str, action: Action) -> Result<Option<Decision>, PolicyError> {
        let kind = if target.starts_with('#') { "area" } else { "object" };
        let mut decision = Decision::default();
        for reach in Reach::EACH.into_iter().rev() {
            if self.enforce(role, target, action, reach.name(), kind)? {
                decision.reach = Some(reach);
                break;
            }
        }
        if decision.reach != Some(Reach::All) {
            for (at, rule) in self.filtered.iter().enumerate() {
                if (rule.object == target || rule.object == EVERY)
                    && self.enforce(role, target, action, &rule.name, kind)?
                {
                    decision.filtered.insert(at);
                }
            }
        }
        Ok(Some(decision).filter(|decision| *decision != Decision::default()))
    }

    fn enforce(&self, role: &str, target: &str, action: Action, scope: &str, kind: &str) -> Result<bool, PolicyError> {
        Ok(self.enforcer.enforce((role, self.domain.as_str(), target, action.name(), scope, kind))?)
    }
}

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
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::core_objects::CORE_OBJECTS;
    use crate::domain::permission::Area;

    async fn policy(roles: Json) -> Policy {
        let roles: Vec<RoleDef> = serde_json::from_value(roles).unwrap();
        Policy::new(TenantId(Uuid::nil()), &roles, Org::default(), 1).await.unwrap()
    }

    fn reach(policy: &Policy, roles: &[&str], target: &str, action: Action) -> Option<Reach> {
        let roles: Vec<Arc<str>> = roles.iter().map(|role| Arc::from(*role)).collect();
        policy.decide(&roles, target, action).unwrap().and_then(|decision| decision.reach)
    }

    #[tokio::test]
    async fn every_built_in_role_on_every_action() {
        let policy = policy(json!([])).await;
        let names = CORE_OBJECTS.iter().map(|text| serde_json::from_str::<Json>(text).unwrap()["name"].clone());
        let mut targets: Vec<String> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
        targets.push("x.thing".to_owned());
        targets.extend(Area::ALL.map(|area| area.name().to_owned()));
        let mut table = String::new();
        for role in crate::domain::role::BUILT_IN {
            for target in &targets {
                let cells = Action::ALL.map(|action| {
                    let reach = reach(&policy, &[role], target, action);
                    format!("{action}:{}", reach.map_or("-", Reach::name))
                });
                let _ = writeln!(table, "{role} {target} {}", cells.join(" "));
            }
            let masks = policy.masks(&[Arc::from(*role)]).unwrap();
            let masked: Vec<&String> = masks.keys().collect();
            let _ = writeln!(
                table,
                "{role} masks {}",
                if masked.is_empty() { "-".to_owned() } else { format!("{masked:?}") }
            );
        }
        insta::assert_snapshot!(table);
    }

    #[tokio::test]
    async fn roles_add_up_and_filters_stand_beside_scopes() {
        let policy = policy(json!([
            {"name": "a", "label": "A", "rules": [{"objects": ["contact"], "actions": ["read"], "scope": "own"}]},
            {"name": "b", "label": "B", "extends": ["a"], "rules": [
                {"objects": ["contact"], "actions": ["read"], "scope": "team", "filter": {"city": {"_eq": "Bern"}}},
                {"objects": ["*"], "actions": ["update"], "scope": "all"},
            ]},
        ]))
        .await;
        assert_eq!(reach(&policy, &["a"], "contact", Action::Read), Some(Reach::Own));
        assert_eq!(reach(&policy, &["b"], "contact", Action::Read), Some(Reach::Own));
        assert_eq!(reach(&policy, &["a", "viewer"], "contact", Action::Read), Some(Reach::All));
        assert_eq!(reach(&policy, &["b"], "order", Action::Update), Some(Reach::All));
        assert_eq!(reach(&policy, &["b"], "#jobs", Action::Update), None);
        assert_eq!(reach(&policy, &["a"], "contact", Action::Update), None);
        assert_eq!(reach(&policy, &["nobody"], "contact", Action::Read), None);
        let decision = policy.decide(&[Arc::from("b")], "contact", Action::Read).unwrap().unwrap();
        let rules: Vec<&Filtered> = decision.filtered.iter().map(|at| policy.filtered(*at)).collect();
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].reach, Reach::Team);
    }

    #[tokio::test]
    async fn what_one_rule_leaves_out_no_other_gives_back() {
        let policy = policy(json!([
            {"name": "a", "label": "A", "rules": [
                {"objects": ["contact"], "actions": ["read"], "except": ["note"]},
                {"objects": ["contact"], "actions": ["update"], "except": ["city"]},
            ]},
            {"name": "b", "label": "B", "extends": ["a"]},
        ]))
        .await;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        for roles in [&["a"][..], &["b"], &["viewer", "a"]] {
            let roles: Vec<Arc<str>> = roles.iter().map(|role| Arc::from(*role)).collect();
            let masks = policy.masks(&roles).unwrap();
            assert_eq!(masks["contact"], (names(&["note"]), names(&["city", "note"])));
        }
        assert!(policy.masks(&[Arc::from("viewer")]).unwrap().is_empty());
    }
}
