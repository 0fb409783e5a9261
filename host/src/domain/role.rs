//! Roles: what those who carry them may do, to which records, with which fields.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::invalid::FieldError;
use super::permission::{Action, Area};

/// The roles that every tenant has.
pub const BUILT_IN: &[&str] = &["owner", "admin", "manager", "sales", "service", "marketing", "viewer", "partner"];
/// The roles of those who say what others may do.
const GOVERNING: &[&str] = &["owner", "admin"];
/// Areas that these alone configure: who could, could make more of themselves. A webhook is sent every
/// event whole, so that it shows no more than those may see who make one.
const GOVERNED: &[Area] = &[Area::People, Area::Roles, Area::Keys, Area::Webhooks, Area::Privacy, Area::Tenant];
/// Every object in a rule.
pub const EVERY: &str = "*";
/// Most rules of a role.
pub const MAX_RULES: usize = 200;
/// Most roles that a tenant makes.
pub const MAX_ROLES: usize = 100;
/// Most roles in a row, each built on the next.
const MAX_DEPTH: usize = 8;

/// Which records of an object.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Those that were shared with the caller.
    Shared,
    /// The same, and those that the caller owns.
    Own,
    /// The same, and those that somebody of the caller's teams owns, or who reports to the caller.
    Team,
    /// The same, with those of the teams below these.
    TeamTree,
    /// All.
    #[default]
    All,
}

/// What a role gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names of objects, or of areas with `#` in front; `*` for every object.
    pub objects: Vec<String>,
    /// What may be done.
    pub actions: Vec<Action>,
    /// With which records.
    #[serde(default)]
    pub scope: Reach,
    /// Only with those of them that meet this filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Json>,
    /// Fields that stay hidden, or in a rule that lets write, unchanged. What one rule leaves out, no other gives back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleDef {
    /// Its name in the API, lower snake case.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Roles whose rules it has too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<String>,
    /// What it gives.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

impl Reach {
    /// The word in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Own => "own",
            Self::Team => "team",
            Self::TeamTree => "team_tree",
            Self::All => "all",
        }
    }

    /// From the narrowest to the widest.
    pub const EACH: [Self; 5] = [Self::Shared, Self::Own, Self::Team, Self::TeamTree, Self::All];
}

impl Rule {
    /// Whether it is about an object or an area.
    pub fn is_about(&self, target: &str) -> bool {
        self.objects.iter().any(|name| name == target || (name == EVERY && !target.starts_with('#')))
    }
}

impl RoleDef {
    /// What is wrong with it by itself; objects, fields and filters are for who knows the schema.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut fault = |field: String, code: &'static str, message: String| {
            faults.push(FieldError { field, code, message });
        };
        if !super::field::is_name(&self.name) {
            fault("name".into(), "wrong_type", "is lower snake case of at most 40 letters".into());
        } else if BUILT_IN.contains(&self.name.as_str()) {
            fault("name".into(), "taken", "is a role that every tenant has, which stays as it is".into());
        }
        if self.label.trim().is_empty() || self.label.chars().count() > 100 {
            fault("label".into(), "out_of_range", "has 1 to 100 characters".into());
        }
        if self.rules.len() > MAX_RULES {
            fault("rules".into(), "out_of_range", format!("has at most {MAX_RULES} rules"));
        }
        for (at, rule) in self.rules.iter().enumerate() {
            if rule.objects.is_empty() {
                fault(format!("rules.{at}.objects"), "required", "names no object".into());
            }
            if rule.actions.is_empty() {
                fault(format!("rules.{at}.actions"), "required", "names no action".into());
            }
            for name in rule.objects.iter().filter(|name| name.starts_with('#')) {
                if !Area::ALL.iter().any(|area| area.name() == name) {
                    fault(format!("rules.{at}.objects"), "unknown_option", format!("there is no area `{name}`"));
                }
                let is_governed = GOVERNED.iter().any(|area| area.name() == name);
                // A file with all of a tenant has what every mask and scope leaves out.
                let is_all = |action: &Action| *action == Action::Export && name == Area::Tenant.name();
                if is_governed && rule.actions.iter().any(|action| action.writes() || is_all(action)) {
                    let message = format!("`{name}` is configured by the roles {} only", GOVERNING.join(" and "));
                    fault(format!("rules.{at}.actions"), "not_allowed", message);
                }
                if rule.scope != Reach::All || rule.filter.is_some() || !rule.except.is_empty() {
                    let message = format!("`{name}` is an area: it has no scope, filter or fields");
                    fault(format!("rules.{at}"), "wrong_type", message);
                }
            }
            let is_for_fields = |action: &Action| matches!(action, Action::Read | Action::Create | Action::Update);
            if !rule.except.is_empty() && !rule.actions.iter().any(is_for_fields) {
                let message = "fields are left out of reading, creating and updating only".to_owned();
                fault(format!("rules.{at}.except"), "wrong_type", message);
            }
            if rule.objects.len() != 1 && (rule.filter.is_some() || !rule.except.is_empty())
                || ((rule.filter.is_some() || !rule.except.is_empty()) && rule.objects.iter().any(|name| name == EVERY))
            {
                let message = "a rule with a filter or with fields is about one object".to_owned();
                fault(format!("rules.{at}.objects"), "out_of_range", message);
            }
        }
        faults
    }
}

/// What is wrong with how these roles build on each other: unknown ones, and rings.
pub fn check_extends(roles: &BTreeMap<String, RoleDef>) -> Result<(), FieldError> {
    let fault = |message: String| Err(FieldError::new("extends", "unknown_option", message));
    for role in roles.values() {
        let mut here: BTreeSet<&str> = BTreeSet::from([role.name.as_str()]);
        for depth in 0.. {
            let below: BTreeSet<&str> = here
                .iter()
                .filter_map(|name| roles.get(*name))
                .flat_map(|role| &role.extends)
                .map(String::as_str)
                .collect();
            if below.is_empty() {
                break;
            }
            if let Some(unknown) = below.iter().find(|name| !roles.contains_key(**name) && !BUILT_IN.contains(name)) {
                return fault(format!("there is no role `{unknown}`"));
            }
            if let Some(above) = below.iter().find(|name| GOVERNING.contains(name)) {
                return fault(format!("no role is built on `{above}`"));
            }
            if below.contains(role.name.as_str()) {
                return Err(FieldError::new("extends", "cycle", format!("`{}` would be built on itself", role.name)));
            }
            if depth == MAX_DEPTH {
                return Err(FieldError::new(
                    "extends",
                    "cycle",
                    format!("more than {MAX_DEPTH} roles build on each other"),
                ));
            }
            here = below;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(json: Json) -> RoleDef {
        serde_json::from_value(json).unwrap()
    }

    fn codes(json: Json) -> Vec<(String, &'static str)> {
        role(json).faults().into_iter().map(|fault| (fault.field, fault.code)).collect()
    }

    #[test]
    fn faults_are_told_all_at_once() {
        let good = json!({"name": "field_sales", "label": "Field sales", "rules": [
            {"objects": ["contact"], "actions": ["read", "update"], "scope": "own", "except": ["note"]},
            {"objects": ["#jobs"], "actions": ["read"]},
        ]});
        assert!(role(good).faults().is_empty());
        let rules = json!([
            {"objects": [], "actions": []},
            {"objects": ["#moon"], "actions": ["read"]},
            {"objects": ["#jobs"], "actions": ["read"], "scope": "own"},
            {"objects": ["contact", "company"], "actions": ["delete"], "except": ["note"]},
            {"objects": ["*"], "actions": ["read"], "filter": {}},
            {"objects": ["*"], "actions": ["read"], "except": ["note"]},
            {"objects": ["#webhooks"], "actions": ["configure"]},
        ]);
        let found = codes(json!({"name": "admin", "label": " ", "rules": rules}));
        let expected = [
            ("name", "taken"),
            ("label", "out_of_range"),
            ("rules.0.objects", "required"),
            ("rules.0.actions", "required"),
            ("rules.1.objects", "unknown_option"),
            ("rules.2", "wrong_type"),
            ("rules.3.except", "wrong_type"),
            ("rules.3.objects", "out_of_range"),
            ("rules.4.objects", "out_of_range"),
            ("rules.5.objects", "out_of_range"),
            ("rules.6.actions", "not_allowed"),
        ];
        assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn roles_build_on_each_other_without_rings() {
        let of = |pairs: &[(&str, &[&str])]| {
            let all = pairs.iter().map(|(name, extends)| {
                let def = role(json!({"name": name, "label": name, "extends": extends}));
                ((*name).to_owned(), def)
            });
            check_extends(&all.collect()).map_err(|fault| fault.code)
        };
        assert_eq!(of(&[("a", &["b", "viewer"]), ("b", &["sales"])]), Ok(()));
        assert_eq!(of(&[("a", &["a"])]), Err("cycle"));
        assert_eq!(of(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]), Err("cycle"));
        assert_eq!(of(&[("a", &["c"])]), Err("unknown_option"));
        assert_eq!(of(&[("a", &["owner"])]), Err("unknown_option"));
    }
}
