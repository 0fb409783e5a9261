//! The ledger: which module read which fields of which record, and for whom.

use std::time::Duration;

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::hostile::variant;
use crate::permissions::user;
use crate::support::{Actor, On, TestApp};

both!(
    what_a_hook_is_shown_counts_as_read
    what_it_asks_for_is_read_whatever_becomes_of_the_change
    only_what_it_may_see_is_told
    pages_and_filters
    it_is_for_who_may_read_the_trail
    it_is_kept_for_ninety_days
    a_batch_is_one_entry
);

const HOSTILE: &str = "test.hostile";
const ACCESS: &str = "/api/v1/plugin-access";

async fn entries(actor: &Actor, query: &str) -> Vec<Json> {
    let page = actor.get(&format!("{ACCESS}{query}")).await.assert(200).json();
    page["data"].as_array().unwrap().clone()
}

fn id(record: &Json) -> &str {
    record["id"].as_str().unwrap()
}

async fn what_a_hook_is_shown_counts_as_read(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let una = user(&ann, "una", json!(["admin"])).await;
    let body = json!({"name": "Xanthippe", "email": "x@example.org"});
    let made = una.at.post("/api/v1/records/contact", &body).await.assert(201);
    let contact = made.json();
    let told = entries(&ann, &format!("?record=contact/{}", id(&contact))).await;
    let [entry] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&entry["plugin"], &entry["version"]), (&json!(HOSTILE), &json!("0.1.0")));
    assert_eq!((&entry["extension_point"], &entry["object"]), (&json!("before-write"), &json!("contact")));
    assert_eq!(entry["actor"], json!({"kind": "user", "id": una.id}));
    assert_eq!(entry["request"], made.header("x-request-id"));
    assert_eq!(entry["reads"][0]["records"], json!([contact["id"]]));
    let fields = entry["reads"][0]["fields"].as_array().unwrap();
    assert!(fields.contains(&json!("email")) && fields.contains(&json!("name")), "{entry}");
    // Names, and never values.
    let text = entry.to_string();
    assert!(!text.contains("Xanthippe") && !text.contains("example.org"), "{text}");
}

async fn what_it_asks_for_is_read_whatever_becomes_of_the_change(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let known = ann.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
    let path = format!("?record=contact/{}", id(&known));
    assert_eq!(entries(&ann, &path).await.len(), 1);
    ann.post("/api/v1/records/contact", &json!({"name": "B", "note": "peek"})).await.assert(201);
    assert_eq!(entries(&ann, &path).await.len(), 2);
    // The change is refused, and the module knows what it knows.
    let refused = json!({"name": "C", "note": "tell-stored"});
    ann.post("/api/v1/records/contact", &refused).await.problem(422, "plugin_error");
    let told = entries(&ann, &path).await;
    assert_eq!(told.len(), 3);
    assert!(told[0]["at"].as_str() >= told[2]["at"].as_str(), "the newest first");
    // A dry run shows the module as much.
    let dry = ann.with("prefer", "dry-run");
    dry.post("/api/v1/records/contact", &json!({"name": "D", "note": "peek"})).await.assert(201);
    assert_eq!(entries(&ann, &path).await.len(), 4);
    // A module that is switched off reads nothing.
    ann.put("/api/v1/modules/test.hostile", &json!({"enabled": false})).await.assert(200);
    ann.post("/api/v1/records/contact", &json!({"name": "E", "note": "peek"})).await.assert(201);
    assert_eq!(entries(&ann, &path).await.len(), 4);
}

async fn only_what_it_may_see_is_told(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "narrow", |manifest| {
        manifest["permissions"]["records"][0]["fields"] = json!(["name", "note"]);
    })
    .await;
    test.ann.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
    let told = entries(&test.ann, "").await;
    let fields = told[0]["reads"][0]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 2, "{told:?}");
    assert!(fields.contains(&json!("name")) && fields.contains(&json!("note")));
}

async fn pages_and_filters(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await;
    let ann = &test.ann;
    for name in ["A", "B", "C"] {
        ann.create("contact", json!({"name": name})).await;
        clock.advance(Duration::from_mins(1));
    }
    let mut seen = Vec::new();
    let mut path = format!("{ACCESS}?limit=1");
    loop {
        let page = ann.get(&path).await.assert(200).json();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{ACCESS}?limit=1&cursor={next}");
    }
    assert_eq!(seen, entries(ann, "").await);
    assert_eq!(seen.len(), 3);
    let from = seen[1]["at"].as_str().unwrap();
    assert_eq!(entries(ann, &format!("?from={from}")).await.len(), 2);
    assert_eq!(entries(ann, "?plugin=test.hostile").await.len(), 3);
    assert!(entries(ann, "?plugin=test.other").await.is_empty());
    assert!(entries(ann, "?host=api.example.com").await.is_empty());
    assert!(entries(ann, &format!("?record=company/{}", "01a20031-9c4a-7239-8605-04c662a595e1")).await.is_empty());
    for wrong in ["record=contact", "record=contact/7", "from=soon", "cursor=x", "limit=0"] {
        ann.get(&format!("{ACCESS}?{wrong}")).await.problem(422, "validation_failed");
    }
    let cursor = ann.get(&format!("{ACCESS}?limit=1")).await.json()["next_cursor"].as_str().unwrap().to_owned();
    test.sam.get(&format!("{ACCESS}?cursor={cursor}")).await.problem(422, "validation_failed");
}

async fn it_is_for_who_may_read_the_trail(on: On) {
    let TestApp { ann, vic, sam, anon, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let seller = user(&ann, "sid", json!(["sales"])).await.at;
    for actor in [&vic, &seller] {
        actor.get(ACCESS).await.problem(403, "permission_denied");
    }
    anon.get(ACCESS).await.problem(401, "unauthenticated");
    assert!(entries(&sam, "").await.is_empty());
    assert!(entries(&sam, &format!("?record=contact/{}", id(&contact))).await.is_empty());
}

async fn it_is_kept_for_ninety_days(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await;
    let (_, key) = test.app.create_key("first", "owner", "later", None).await.unwrap();
    let ann = test.ann.with_key(&key);
    ann.create("contact", json!({"name": "Ann"})).await;
    clock.advance(Duration::from_hours(24 * 89));
    test.app.tidy_up().await.unwrap();
    assert_eq!(entries(&ann, "").await.len(), 1);
    clock.advance(Duration::from_hours(48));
    test.app.tidy_up().await.unwrap();
    assert!(entries(&ann, "").await.is_empty());
}

async fn a_batch_is_one_entry(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let create = |at: usize| json!({"op": "create", "fields": {"name": format!("Contact {at}")}});
    let operations: Vec<Json> = (0..500).map(create).collect();
    let body = json!({"mode": "atomic", "operations": operations});
    let made = ann.post("/api/v1/records/contact/batch", &body).await.assert(200).json();
    let told = entries(&ann, "").await;
    let [entry] = told.as_slice() else { panic!("{} entries", told.len()) };
    assert_eq!(entry["reads"].as_array().unwrap().len(), 1);
    assert_eq!(entry["reads"][0]["records"].as_array().unwrap().len(), 500);
    // One of them is found by itself.
    let one = &made["outcomes"][250]["record"];
    let told = entries(&ann, &format!("?record=contact/{}", id(one))).await;
    assert_eq!(told[0]["reads"][0]["records"], json!([one["id"]]));
}
