//! What roles decide, against casbin itself and the golden file.

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
    policy.decide(&roles, target, action).and_then(|decision| decision.reach)
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
        let masks = policy.masks(&[Arc::from(*role)]);
        let masked: Vec<&String> = masks.keys().collect();
        let _ =
            writeln!(table, "{role} masks {}", if masked.is_empty() { "-".to_owned() } else { format!("{masked:?}") });
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
    let decision = policy.decide(&[Arc::from("b")], "contact", Action::Read).unwrap();
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
        let masks = policy.masks(&roles);
        assert_eq!(masks["contact"], (names(&["note"]), names(&["city", "note"])));
    }
    assert!(policy.masks(&[Arc::from("viewer")]).is_empty());
}

/// What is kept of casbin's rules decides as casbin itself does, one scope after the other.
#[tokio::test]
async fn decides_as_the_enforcer_does() {
    let roles: Vec<RoleDef> = serde_json::from_value(json!([
        {"name": "a", "label": "A", "extends": ["sales"], "rules": [
            {"objects": ["contact"], "actions": ["read", "delete"], "scope": "own"},
            {"objects": ["order", "#jobs"], "actions": ["read"], "scope": "all"},
        ]},
        {"name": "b", "label": "B", "extends": ["a", "viewer"], "rules": [
            {"objects": ["*"], "actions": ["update"], "scope": "team_tree"},
        ]},
    ]))
    .unwrap();
    let tenant = TenantId(Uuid::nil());
    let domain = tenant.to_string();
    let lines = Lines::of(&roles, &domain);
    let enforcer = enforcer(&domain, lines.rules, lines.links).await.unwrap();
    let policy = Policy::new(tenant, &roles, Org::default(), 1).await.unwrap();
    let names = crate::domain::role::BUILT_IN.iter().copied().chain(["a", "b", "nobody"]);
    let mut allowed = 0;
    for role in names {
        let areas = Area::ALL.map(Area::name);
        for target in ["contact", "order", "product", "x.thing"].into_iter().chain(areas) {
            let kind = if target.starts_with('#') { "area" } else { "object" };
            for action in Action::ALL {
                let may = |scope: &Reach| {
                    enforcer.enforce((role, domain.as_str(), target, action.name(), scope.name(), kind)).unwrap()
                };
                let highest = Reach::EACH.into_iter().rev().find(may);
                assert_eq!(reach(&policy, &[role], target, action), highest, "{role} {action} {target}");
                allowed += usize::from(highest.is_some());
            }
        }
    }
    assert!(allowed > 400, "{allowed}");
}
