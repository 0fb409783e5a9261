//! Random roles, teams, shares and records, against a naive reference that decides for each record by itself.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::permissions::{User, user};
use crate::support::{Actor, On, TestApp};
use crate::timeline::settled;

both!(every_path_agrees_with_the_reference);

const CITIES: [&str; 3] = ["Bern", "Rom", "Thun"];
const SCOPES: [&str; 5] = ["shared", "own", "team", "team_tree", "all"];
const EXCEPT: [&str; 3] = ["note", "job_title", "city"];

/// A rule of a role about contacts.
#[derive(Clone, Debug)]
struct Rule {
    scope: &'static str,
    city: Option<&'static str>,
    except: Vec<&'static str>,
    updates: bool,
}

/// Everything that the reference knows.
#[derive(Default)]
struct World {
    /// The team above each team.
    parents: BTreeMap<String, Option<String>>,
    teams_of: BTreeMap<String, BTreeSet<String>>,
    managers: BTreeMap<String, String>,
    roles: BTreeMap<String, Vec<Rule>>,
    roles_of: BTreeMap<String, Vec<String>>,
    /// Record, with whom, whether to change it.
    shares: Vec<(String, String, bool)>,
    contacts: Vec<Contact>,
}

#[derive(Clone, Debug)]
struct Contact {
    id: String,
    name: String,
    owner: Option<String>,
    city: &'static str,
}

impl World {
    fn rules(&self, who: &str) -> Vec<&Rule> {
        self.roles_of[who].iter().flat_map(|role| &self.roles[role]).collect()
    }

    /// Whether a team is one of these, or below one of them.
    fn is_below(&self, team: &str, tops: &BTreeSet<String>) -> bool {
        let mut here = Some(team.to_owned());
        while let Some(at) = here.take() {
            if tops.contains(&at) {
                return true;
            }
            here.clone_from(&self.parents[&at]);
        }
        false
    }

    fn reports_to(&self, who: &str, manager: &str, any_depth: bool) -> bool {
        match self.managers.get(who) {
            Some(above) if above == manager => true,
            Some(above) if any_depth => self.reports_to(above, manager, true),
            _ => false,
        }
    }

    fn owns(&self, who: &str, scope: &str, contact: &Contact) -> bool {
        let Some(owner) = &contact.owner else { return scope == "all" };
        let own_teams = &self.teams_of[who];
        match scope {
            "all" => true,
            "own" => owner == who,
            "team" => {
                owner == who
                    || self.reports_to(owner, who, false)
                    || self.teams_of[owner].iter().any(|team| own_teams.contains(team))
            }
            "team_tree" => {
                owner == who
                    || self.reports_to(owner, who, true)
                    || self.teams_of[owner].iter().any(|team| self.is_below(team, own_teams))
            }
            _ => false,
        }
    }

    fn reaches(&self, who: &str, contact: &Contact, updates: bool) -> bool {
        let rules: Vec<&Rule> = self.rules(who).into_iter().filter(|rule| rule.updates || !updates).collect();
        let by_rule =
            |rule: &&Rule| self.owns(who, rule.scope, contact) && rule.city.is_none_or(|city| city == contact.city);
        let is_shared = || {
            self.shares.iter().any(|(record, with, edits)| {
                *record == contact.id && (*edits || !updates) && (with == who || self.teams_of[who].contains(with))
            })
        };
        !rules.is_empty() && (rules.iter().any(by_rule) || is_shared())
    }

    fn hidden(&self, who: &str) -> BTreeSet<&'static str> {
        self.rules(who).into_iter().flat_map(|rule| rule.except.iter().copied()).collect()
    }

    fn seen(&self, who: &str) -> Vec<String> {
        let seen = self.contacts.iter().filter(|contact| self.reaches(who, contact, false));
        let mut names: Vec<String> = seen.map(|contact| contact.name.clone()).collect();
        names.sort();
        names
    }
}

fn names(records: &Json) -> Vec<String> {
    let records = records.as_array().unwrap();
    let mut names: Vec<String> = records.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn id(made: &Json) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// Makes everything at random, through the API.
async fn build(ann: &Actor, rng: &mut SmallRng) -> (World, Vec<User>) {
    let mut world = World::default();
    for at in 0..8 {
        let name = format!("role_{at}");
        let rules: Vec<Rule> = (0..rng.random_range(1..3))
            .map(|_| Rule {
                scope: SCOPES.choose(rng).unwrap(),
                city: rng.random_bool(0.3).then(|| *CITIES.choose(rng).unwrap()),
                except: EXCEPT.iter().copied().filter(|_| rng.random_bool(0.1)).collect(),
                updates: rng.random_bool(0.5),
            })
            .collect();
        let written: Vec<Json> = rules
            .iter()
            .map(|rule| {
                let mut actions = vec!["read", "export"];
                actions.extend(rule.updates.then_some("update"));
                let mut json =
                    json!({"objects": ["contact"], "actions": actions, "scope": rule.scope, "except": rule.except});
                if let Some(city) = rule.city {
                    json["filter"] = json!({"city": {"_eq": city}});
                }
                json
            })
            .chain([json!({"objects": ["#events"], "actions": ["read"]})])
            .collect();
        ann.post("/api/v1/roles", &json!({"name": name, "label": name, "rules": written})).await.assert(201);
        world.roles.insert(name, rules);
    }
    let names: Vec<String> = world.roles.keys().cloned().collect();
    let mut users = Vec::new();
    for at in 0..7 {
        let mut roles: Vec<String> = (0..rng.random_range(1..3)).map(|_| names.choose(rng).unwrap().clone()).collect();
        roles.sort();
        roles.dedup();
        let made = user(ann, &format!("user{at}"), json!(roles)).await;
        world.roles_of.insert(made.id.clone(), roles);
        world.teams_of.insert(made.id.clone(), BTreeSet::new());
        if let Some(above) = users.choose(rng).filter(|_| rng.random_bool(0.4)) {
            let above: &User = above;
            ann.patch(&format!("/api/v1/users/{}", made.id), &json!({"manager": above.id})).await.assert(200);
            world.managers.insert(made.id.clone(), above.id.clone());
        }
        users.push(made);
    }
    for at in 0..4 {
        let teams: Vec<String> = world.parents.keys().cloned().collect();
        let parent = teams.choose(rng).filter(|_| rng.random_bool(0.7)).cloned();
        let members: Vec<&str> = users.iter().filter(|_| rng.random_bool(0.3)).map(|user| user.id.as_str()).collect();
        let body = json!({"name": format!("Team {at}"), "parent": parent, "members": members});
        let team = id(&ann.post("/api/v1/teams", &body).await.assert(201).json());
        for member in members {
            world.teams_of.get_mut(member).unwrap().insert(team.clone());
        }
        world.parents.insert(team, parent);
    }
    for at in 0..24 {
        let owner = users.choose(rng).filter(|_| rng.random_bool(0.8)).map(|user| user.id.clone());
        let (name, city) = (format!("Contact {at}"), *CITIES.choose(rng).unwrap());
        let body =
            json!({"name": name, "city": city, "owner": owner, "note": "secret note", "job_title": "secret job"});
        let contact = Contact { id: id(&ann.create("contact", body).await), name, owner, city };
        if rng.random_bool(0.4) {
            let teams: Vec<String> = world.parents.keys().cloned().collect();
            let (kind, with) = if rng.random_bool(0.5) {
                ("user", users.choose(rng).unwrap().id.clone())
            } else {
                ("team", teams.choose(rng).unwrap().clone())
            };
            let edits = rng.random_bool(0.5);
            let body = json!({"with": kind, "subject": with, "access": if edits { "update" } else { "read" }});
            ann.post(&format!("/api/v1/records/contact/{}/shares", contact.id), &body).await.assert(201);
            world.shares.push((contact.id.clone(), with, edits));
        }
        world.contacts.push(contact);
    }
    (world, users)
}

async fn every_path_agrees_with_the_reference(on: On) {
    for seed in 0..3 {
        let TestApp { ann, .. } = TestApp::start(on).await;
        let mut rng = SmallRng::seed_from_u64(seed);
        let (world, users) = build(&ann, &mut rng).await;
        settled(&ann, world.contacts.len()).await;
        let mut limited = 0;
        for User { id: who, at } in &users {
            let (seen, hidden) = (world.seen(who), world.hidden(who));
            let about = format!("seed {seed}, {:?}", world.rules(who));
            limited += usize::from(!seen.is_empty() && seen.len() < world.contacts.len());

            let listed = at.get("/api/v1/records/contact?count=exact&limit=100").await.assert(200).json();
            assert_eq!((names(&listed["data"]), &listed["total"]), (seen.clone(), &json!(seen.len())), "{about}");
            let figures = at.post("/api/v1/records/contact/aggregate", &json!({"measures": [{"fn": "count"}]})).await;
            assert_eq!(figures.assert(200).json()["data"][0]["count"], json!(seen.len()), "{about}");
            let found = at.get("/api/v1/search?q=contact&objects=contact&limit=100").await.assert(200).json();
            let hits: Json = found["data"].as_array().unwrap().iter().map(|hit| hit["record"].clone()).collect();
            assert_eq!(names(&hits), seen, "{about}");
            let asked = at.post("/api/v1/records/contact/search", &json!({"text": "contact", "limit": 100})).await;
            assert_eq!(names(&asked.assert(200).json()["data"]), seen, "{about}");
            let file = at.get("/api/v1/records/contact/export?format=jsonl").await.assert(200).text;
            let exported: Json = file.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()).collect();
            assert_eq!(names(&exported), seen, "{about}");
            let events = at.get("/api/v1/events?limit=500&type=contact.created").await.assert(200).json();
            let told: Json =
                events["data"].as_array().unwrap().iter().map(|event| event["data"]["after"].clone()).collect();
            assert_eq!(names(&told), seen, "{about}");

            for text in [&listed.to_string(), &found.to_string(), &file, &events.to_string()] {
                for field in EXCEPT {
                    let is_told = text.contains(&format!("\"{field}\":"));
                    assert_eq!(is_told, !seen.is_empty() && !hidden.contains(field), "{field}: {about}");
                }
            }
            for contact in &world.contacts {
                let path = format!("/api/v1/records/contact/{}", contact.id);
                let sees = world.reaches(who, contact, false);
                at.get(&path).await.assert(if sees { 200 } else { 404 });
                at.get(&format!("{path}/timeline")).await.assert(if sees { 200 } else { 404 });
                let changed = at.patch(&path, &json!({"country": "CH"})).await;
                let expected = match (sees, world.reaches(who, contact, true)) {
                    (false, _) => 404,
                    (true, false) => 403,
                    (true, true) => 200,
                };
                assert_eq!(changed.status.as_u16(), expected, "{contact:?}: {about}: {}", changed.text);
            }
        }
        assert!(limited > 1, "seed {seed} limits nobody");
    }
}
