//! Tenants by their operator: made, listed, changed, deleted and brought back; and nobody else may.

use std::time::Duration;

use guildhall::app::Settings;
use guildhall::domain::clock::{Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::dump::holds;
use crate::encrypted::new_key_file;
use crate::place::Place;
use crate::support::{On, TestApp};

both!(
    one_call_makes_a_tenant
    tenants_are_listed_and_changed
    what_is_wrong_is_told
    only_an_operator_may
    a_deleted_tenant_can_come_back
    a_term_ends
    the_command_line_does_the_same
);

const TENANTS: &str = "/api/v1/tenants";

async fn one_call_makes_a_tenant(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let olga = test.operator().await;
    let body = json!({"slug": "acme", "name": "Acme", "timezone": "Europe/Berlin", "plan": "team",
        "term": {"until": "2099-01-01T00:00:00Z"}, "limits": {"max_users": 5}, "answers": {"industry": "retail"},
        "admin": {"email": "Ada@example.com", "name": "Ada"}});
    let once = olga.with("idempotency-key", "t1");
    let made = once.post(TENANTS, &body).await.assert(201);
    let view = made.json();
    assert_eq!(made.header("location"), format!("{TENANTS}/{}", view["tenant"]["id"].as_str().unwrap()));
    assert_eq!((&view["tenant"]["state"], &view["user"]["roles"]), (&json!("active"), &json!(["owner"])), "{view}");
    assert_eq!(view["proposal"]["modules"][0]["installed"], false, "{view}");
    // The same request again makes nothing, and is answered the same; the key is in no table.
    let again = once.post(TENANTS, &body).await.assert(201);
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (made.text.as_str(), "true"));
    let key = view["api_key"].as_str().unwrap();
    assert!(!holds(&test.database, key).await);
    let listed = olga.get(TENANTS).await.assert(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 3, "{listed}");
    let other = json!({"slug": "other", "name": "Other"});
    once.post(TENANTS, &other).await.problem(422, "idempotency_key_reused");
    let problem = olga.post(TENANTS, &body).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("acme"), "{problem}");
    // The first user is there, owns the tenant, and sees nobody else's.
    let ada = test.anon.with_key(key);
    let me = ada.get("/api/v1/me").await.assert(200).json();
    assert_eq!((&me["user"]["email"], &me["roles"]), (&json!("ada@example.com"), &json!(["owner"])), "{me}");
    ada.create("contact", json!({"name": "One"})).await;
    assert!(test.ann.all("contact", &[]).await.is_empty());
    // What the operator does afterwards is in its trail.
    olga.patch(&format!("{TENANTS}/acme"), &json!({"plan": "gold"})).await.assert(200);
    let trail = ada.get("/api/v1/audit").await.assert(200).json();
    let entry = &trail["data"][0];
    assert_eq!((&entry["subject"]["kind"], &entry["object"]), (&json!("operator"), &json!("#tenant")), "{trail}");
    assert_eq!((&entry["fields"], trail["data"].as_array().unwrap().len()), (&json!(["plan"]), 2), "{trail}");
    let first = &trail["data"][1];
    assert_eq!((&first["subject"]["kind"], &first["object"]), (&json!("operator"), &json!("#keys")), "{trail}");
}

async fn tenants_are_listed_and_changed(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    for slug in ["a", "b", "c"] {
        olga.post(TENANTS, &json!({"slug": slug, "name": slug})).await.assert(201);
    }
    let mut slugs = Vec::new();
    let mut path = format!("{TENANTS}?limit=2");
    loop {
        let page = olga.get(&path).await.assert(200).json();
        slugs.extend(page["data"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{TENANTS}?limit=2&cursor={next}");
    }
    assert_eq!(slugs, ["first", "second", "a", "b", "c"]);
    olga.post(&format!("{TENANTS}/b/suspend"), &json!({})).await.assert(200);
    let suspended = olga.get(&format!("{TENANTS}?state=suspended")).await.assert(200).json();
    assert_eq!(suspended["data"][0]["slug"], "b", "{suspended}");
    assert_eq!(suspended["data"].as_array().unwrap().len(), 1);

    let got = olga.get(&format!("{TENANTS}/a")).await.assert(200);
    let by_id = format!("{TENANTS}/{}", got.json()["id"].as_str().unwrap());
    assert_eq!(olga.get(&by_id).await.assert(200).text, got.text);
    let tag = got.header("etag").to_owned();
    let change = json!({"name": "Alpha", "plan": "gold", "limits": {"max_users": 3, "requests_per_second": 50}});
    let changed = olga.with("if-match", &tag).patch(&by_id, &change).await.assert(200).json();
    assert_eq!((&changed["name"], &changed["plan"], &changed["version"]), (&json!("Alpha"), &json!("gold"), &json!(2)));
    olga.with("if-match", &tag).patch(&by_id, &json!({"name": "Beta"})).await.problem(412, "stale_version");
    let emptied = olga.patch(&by_id, &json!({"plan": null, "limits": {}})).await.assert(200).json();
    assert_eq!((&emptied["plan"], &emptied["limits"], &emptied["name"]), (&json!(null), &json!({}), &json!("Alpha")));
    // What is there already is no change.
    assert_eq!(olga.patch(&by_id, &json!({"name": "Alpha"})).await.assert(200).json()["version"], 3);
}

async fn what_is_wrong_is_told(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    let good = json!({"slug": "x", "name": "X"});
    for (field, with) in [
        ("slug", json!({"slug": "Not A Slug"})),
        ("slug", json!({"slug": "01a20031-9c4a-7239-8605-04c662a595e1"})),
        ("name", json!({"name": " "})),
        ("timezone", json!({"timezone": "Nowhere/City"})),
        ("term.until", json!({"term": {"until": "2020-01-01T00:00:00Z"}})),
        ("term.from", json!({"term": {"from": "yesterday"}})),
        ("plan", json!({"plan": ""})),
        ("answers.industry", json!({"answers": {"industry": "moon"}})),
        ("answers.weather", json!({"answers": {"weather": "fine"}})),
        ("admin.email", json!({"admin": {"email": "nobody", "name": "N"}})),
        ("admin.name", json!({"admin": {"email": "n@example.com", "name": ""}})),
        ("limits.max_users", json!({"limits": {"max_users": -1}})),
        ("limits.requests_per_second", json!({"limits": {"requests_per_second": 0}})),
        ("limits.max_moons", json!({"limits": {"max_moons": 1}})),
        ("limits.plugins.memory_mb", json!({"limits": {"plugins": {"memory_mb": 100_000}}})),
        ("tenant_id", json!({"tenant_id": "x"})),
    ] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        let problem = olga.post(TENANTS, &bad).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{bad}: {problem}");
    }
    for query in ["state=moon", "cursor=moon", "limit=0"] {
        olga.get(&format!("{TENANTS}?{query}")).await.problem(422, "validation_failed");
    }
    olga.get(&format!("{TENANTS}?colour=red")).await.problem(400, "unknown_parameter");
    for path in ["moon", "01a20031-9c4a-7239-8605-04c662a595e1"] {
        olga.get(&format!("{TENANTS}/{path}")).await.problem(404, "not_found");
        olga.post(&format!("{TENANTS}/{path}/suspend"), &json!({})).await.problem(404, "not_found");
        olga.delete(&format!("{TENANTS}/{path}")).await.problem(404, "not_found");
    }
    olga.patch(&format!("{TENANTS}/first"), &json!({"slug": "other"})).await.problem(422, "validation_failed");
    assert_eq!(olga.get(TENANTS).await.json()["data"].as_array().unwrap().len(), 2);
}

async fn only_an_operator_may(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-26T10:00:00Z").unwrap());
    let test = TestApp::start_with(on, clock.clone(), crate::support::settings()).await;
    let end = Timestamp::parse("2026-11-26T11:00:00Z");
    let (id, key) = test.app.create_operator_key("Olga", None, end).await.unwrap();
    assert!(key.starts_with("gho_") && !holds(&test.database, &key).await);
    let olga = test.anon.with_key(&key);
    let routes = [
        (Method::GET, ""),
        (Method::POST, ""),
        (Method::GET, "/first"),
        (Method::PATCH, "/first"),
        (Method::DELETE, "/second"),
        (Method::POST, "/second/suspend"),
        (Method::POST, "/second/resume"),
        (Method::POST, "/second/restore"),
        (Method::GET, "/second/usage"),
        (Method::GET, "/second/export"),
    ];
    let (_, owner) = test.app.create_key("first", "owner", "o", None).await.unwrap();
    for (method, path) in routes {
        let path = format!("{TENANTS}{path}");
        let body = || Some(json!({"slug": "mine", "name": "Mine"}).to_string());
        for actor in [&test.ann, &test.vic, &test.sam, &test.ann.with_key(&owner)] {
            actor.send(method.clone(), &path, body()).await.problem(403, "permission_denied");
        }
        test.anon.send(method.clone(), &path, body()).await.problem(401, "unauthenticated");
        let wrong = test.anon.with_key("gho_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        wrong.send(method.clone(), &path, body()).await.problem(401, "unauthenticated");
    }
    // Nor is an operator anybody of a tenant.
    for path in ["records/contact", "me", "users", "usage", "audit", "modules"] {
        olga.get(&format!("/api/v1/{path}")).await.problem(401, "unauthenticated");
    }
    olga.post("/api/v1/records/contact", &json!({"name": "A"})).await.problem(401, "unauthenticated");
    let all = olga.get(TENANTS).await.assert(200).json();
    assert!(all["data"].as_array().unwrap().iter().all(|one| one["state"] == "active"), "{all}");
    let known = test.app.operator_keys().await.unwrap();
    assert_eq!((known.len(), known[0].id, known[0].last_used_at.is_some()), (1, id, true));
    // Keys end by time, or when they are ended.
    let (other, second) = test.app.create_operator_key("Otto", None, None).await.unwrap();
    clock.advance(Duration::from_hours(1));
    olga.get(TENANTS).await.problem(401, "unauthenticated");
    let otto = test.anon.with_key(&second);
    otto.get(TENANTS).await.assert(200);
    test.app.revoke_operator_key(other).await.unwrap();
    otto.get(TENANTS).await.problem(401, "unauthenticated");
    assert!(test.app.revoke_operator_key(other).await.is_err());
}

async fn a_deleted_tenant_can_come_back(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-26T10:00:00Z").unwrap());
    let settings = Settings { grace: Some(Duration::from_hours(48)), ..crate::support::settings() };
    let test = TestApp::start_with(on, clock.clone(), settings).await;
    let olga = test.operator().await;
    test.ann.create("contact", json!({"name": "Kept"})).await;
    let path = format!("{TENANTS}/first");
    let deleted = olga.delete(&path).await.assert(200).json();
    assert_eq!((&deleted["state"], &deleted["erase_at"]), (&json!("deleted"), &json!("2026-11-28T10:00:00.000000Z")));
    test.ann.get("/api/v1/records/contact").await.problem(403, "tenant_deleted");
    test.vic.get("/api/v1/openapi.json").await.problem(403, "tenant_deleted");
    test.sam.get("/api/v1/records/contact").await.assert(200);
    // Deleting it once more does not make it wait longer.
    clock.advance(Duration::from_hours(47));
    assert_eq!(olga.delete(&path).await.assert(200).json()["erase_at"], deleted["erase_at"]);
    for turn in ["suspend", "resume"] {
        olga.post(&format!("{path}/{turn}"), &json!({})).await.problem(409, "refused");
    }
    test.app.tidy_up().await.unwrap();
    assert_eq!(olga.post(&format!("{path}/restore"), &json!({})).await.assert(200).json()["state"], "active");
    assert_eq!(test.ann.all("contact", &[]).await.len(), 1);
    // It stands where it stood before.
    olga.post(&format!("{path}/suspend"), &json!({})).await.assert(200);
    olga.delete(&path).await.assert(200);
    assert_eq!(olga.post(&format!("{path}/restore"), &json!({})).await.assert(200).json()["state"], "suspended");
    test.ann.get("/api/v1/records/contact").await.problem(403, "tenant_suspended");
}

async fn a_term_ends(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-26T10:00:00Z").unwrap());
    let test = TestApp::start_with(on, clock.clone(), crate::support::settings()).await;
    let olga = test.operator().await;
    let path = format!("{TENANTS}/first");
    let term = |until: &str| json!({"term": {"from": "2026-11-01T00:00:00Z", "until": until}});
    olga.patch(&path, &term("2026-12-26T10:00:00Z")).await.assert(200);
    let notices = |usage: Json| usage["notices"].clone();
    assert_eq!(notices(test.ann.get("/api/v1/usage").await.assert(200).json()), json!([]));
    clock.advance(Duration::from_hours(30 * 24 - 1));
    test.app.keep_terms().await.unwrap();
    assert_eq!(notices(test.ann.get("/api/v1/usage").await.assert(200).json()), json!(["term_ends_soon"]));
    clock.advance(Duration::from_hours(1));
    test.app.keep_terms().await.unwrap();
    let problem = test.ann.get("/api/v1/records/contact").await.problem(403, "tenant_suspended");
    assert!(problem["detail"].as_str().unwrap().contains("term"), "{problem}");
    assert_eq!(olga.get(&path).await.json()["suspended_because"], "term");
    olga.post(&format!("{path}/resume"), &json!({})).await.problem(409, "refused");
    test.sam.get("/api/v1/records/contact").await.assert(200);
    // A new term is enough.
    assert_eq!(olga.patch(&path, &term("2027-12-26T10:00:00Z")).await.assert(200).json()["state"], "active");
    test.ann.get("/api/v1/records/contact").await.assert(200);
    let trail = test.ann.get("/api/v1/audit").await.assert(200).json();
    let told: Vec<&Json> = trail["data"].as_array().unwrap().iter().map(|entry| &entry["subject"]["kind"]).collect();
    assert_eq!(told[..3], ["operator", "host", "operator"], "{trail}");
}

async fn the_command_line_does_the_same(on: On) {
    let place = Place::make(on).await;
    let json = async |words: &[&str]| place.run(words).await;
    let made = json(&[
        "tenant",
        "create",
        "--slug",
        "acme",
        "--name",
        "Acme",
        "--admin-email",
        "a@example.com",
        "--admin-name",
        "A",
        "--plan",
        "team",
    ])
    .await;
    assert_eq!((&made["tenant"]["plan"], &made["user"]["email"]), (&json!("team"), &json!("a@example.com")), "{made}");
    assert_eq!(json(&["tenant", "suspend", "acme"]).await["state"], "suspended");
    assert_eq!(json(&["tenant", "list", "--state", "suspended"]).await["data"][0]["slug"], "acme");
    assert_eq!(json(&["tenant", "resume", "acme"]).await["state"], "active");
    assert_eq!(json(&["tenant", "usage", "acme"]).await["users"], 1);
    let to = place.directory.path().join("acme.tar");
    let written = json(&["tenant", "export", "acme", "--to", to.to_str().unwrap()]).await;
    assert_eq!(written["bytes"], std::fs::metadata(&to).unwrap().len());
    assert_eq!(json(&["tenant", "delete", "acme", "--grace-days", "7"]).await["state"], "deleted");
    assert_eq!(json(&["tenant", "restore", "acme"]).await["state"], "active");
    assert_eq!(json(&["tenant", "show", "acme"]).await["state"], "active");
    let key = json(&["operator-key", "create", "--name", "Olga"]).await;
    let listed = json(&["operator-key", "list"]).await;
    assert_eq!((&listed["data"][0]["id"], listed["data"][0].get("hash")), (&key["id"], None), "{listed}");
    json(&["operator-key", "revoke", key["id"].as_str().unwrap()]).await;
    assert_eq!(json(&["operator-key", "list"]).await["data"], json!([]));
}
