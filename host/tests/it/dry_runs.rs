//! Dry runs: everything but the commit.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(nothing_is_stored the_answer_is_the_one_that_would_be modules_are_asked what_would_fail_fails);

const CONTACT: &str = "/api/v1/records/contact";

fn dry(actor: &Actor) -> Actor {
    actor.with("prefer", "respond-async, dry-run")
}

fn path(record: &Json) -> String {
    format!("{CONTACT}/{}", record["id"].as_str().unwrap())
}

async fn nothing_is_stored(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "external_id": "1"})).await;
    let other = ann.create("contact", json!({"name": "Bob"})).await;
    let gone = ann.create("contact", json!({"name": "Cid"})).await;
    ann.delete(&path(&gone)).await.assert(204);
    let before = ann.all("contact", &[]).await;
    let dry = dry(&ann).with("idempotency-key", "k1");
    let operations = json!([{"op": "create", "fields": {"name": "New"}}, {"op": "delete", "id": other["id"]}]);
    for reply in [
        dry.post(CONTACT, &json!({"name": "New"})).await.assert(201),
        dry.patch(&path(&contact), &json!({"city": "Bern"})).await.assert(200),
        dry.delete(&path(&contact)).await.assert(200),
        dry.post(&format!("{}/restore", path(&gone)), &json!({})).await.assert(200),
        dry.post(
            &format!("{CONTACT}/upsert"),
            &json!({"match": "external_id", "fields": {"external_id": "1", "note": "x"}}),
        )
        .await
        .assert(200),
        dry.post(&format!("{CONTACT}/batch"), &json!({"mode": "atomic", "operations": operations})).await.assert(200),
        dry.post(&format!("{CONTACT}/merge"), &json!({"into": contact["id"], "from": [other["id"]]})).await.assert(200),
    ] {
        assert_eq!(reply.header("preference-applied"), "dry-run");
        assert!(!reply.headers.contains_key("location"));
        assert!(!reply.json()["changes"].as_array().unwrap().is_empty(), "{}", reply.text);
        assert_eq!(ann.all("contact", &[]).await, before);
    }
    // The key is free still.
    ann.with("idempotency-key", "k1").post(CONTACT, &json!({"name": "Real"})).await.assert(201);
    assert_eq!(ann.all("contact", &[("deleted", "true")]).await.len(), 1);
}

async fn the_answer_is_the_one_that_would_be(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let reply = dry(&ann).patch(&path(&contact), &json!({"city": "Bern"})).await.assert(200);
    assert_eq!(reply.header("etag"), "\"2\"");
    let body = reply.json();
    assert_eq!(body["result"]["city"], "Bern");
    let change = &body["changes"][0];
    assert_eq!(
        (&change["operation"], &change["object"], &change["id"]),
        (&json!("updated"), &json!("contact"), &contact["id"])
    );
    assert_eq!((&change["before"]["city"], &change["after"]["city"]), (&json!(null), &json!("Bern")));
    assert_eq!(change["plugin"], json!(null));
}

async fn modules_are_asked(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let total = json!({"amount": "10.00", "currency": "USD"});
    let order = json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total});
    let body = dry(&ann).post("/api/v1/records/order", &order).await.assert(201).json();
    let changes: Vec<(&str, &str)> = body["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["object"].as_str().unwrap(), change["plugin"].as_str().unwrap_or("caller")))
        .collect();
    let loyalty = "guildhall.retail-loyalty";
    assert_eq!(changes, [("order", "caller"), ("loyalty.member", loyalty), ("loyalty.entry", loyalty)]);
    for object in ["order", "loyalty.member", "loyalty.entry"] {
        assert!(ann.all(object, &[]).await.is_empty(), "{object}");
    }
}

async fn what_would_fail_fails(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
    let dry = dry(&ann);
    let problem = dry.post(CONTACT, &json!({"name": "Bob", "email": "ann@x.com"})).await.problem(409, "duplicate");
    assert_eq!(problem["existing_id"], contact["id"]);
    dry.post(CONTACT, &json!({})).await.problem(422, "validation_failed");
    dry.with("if-match", "\"7\"").delete(&path(&contact)).await.problem(412, "stale_version");
    vic.with("prefer", "dry-run").post(CONTACT, &json!({"name": "N"})).await.problem(403, "permission_denied");
    let twice = json!([{"op": "create", "fields": {"name": "A", "email": "a@x.com"}}, {"op": "create", "fields": {"name": "B", "email": "a@x.com"}}]);
    let body = json!({"mode": "each", "operations": twice});
    let reply = dry.post(&format!("{CONTACT}/batch"), &body).await.assert(200).json();
    let outcomes = reply["result"]["outcomes"].as_array().unwrap();
    assert_eq!((&outcomes[0]["status"], &outcomes[1]["status"]), (&json!(201), &json!(409)));
}
