//! The retail-loyalty module through the host: an order and its points are one step.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    an_order_earns_in_the_same_step
    a_changed_order_changes_its_points
    callers_cannot_write_the_ledger
    settings_decide_what_a_unit_earns
    a_switched_off_module_earns_nothing_and_keeps_its_data
    other_tenants_have_no_members
);

const LOYALTY: &str = "guildhall.retail-loyalty";

pub async fn order(ann: &Actor, contact: &Json, amount: &str) -> Json {
    let total = json!({"amount": amount, "currency": "USD"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await
}

async fn points(ann: &Actor) -> Vec<i64> {
    ann.all("loyalty.member", &[]).await.iter().map(|member| member["points"].as_i64().unwrap()).collect()
}

async fn an_order_earns_in_the_same_step(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let first = order(&ann, &contact, "29.33").await;
    order(&ann, &contact, "0.99").await;
    order(&ann, &contact, "10.00").await;
    let members = ann.all("loyalty.member", &[]).await;
    assert_eq!(members.len(), 1);
    assert_eq!(
        (&members[0]["contact"], &members[0]["points"], &members[0]["lifetime_earned"]),
        (&contact["id"], &json!(39), &json!(39))
    );
    let entries = ann.all("loyalty.entry", &[]).await;
    let facts: Vec<_> =
        entries.iter().map(|entry| (&entry["kind"], &entry["points"], &entry["balance_after"])).collect();
    assert_eq!(facts, [(&json!("earn"), &json!(29), &json!(29)), (&json!("earn"), &json!(10), &json!(39))]);
    assert_eq!((&entries[0]["order"], &entries[0]["member"]), (&first["id"], &members[0]["id"]));
}

async fn a_changed_order_changes_its_points(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let order = order(&ann, &contact, "100.00").await;
    let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
    for (change, expected) in [
        (json!({"total": {"amount": "50.50", "currency": "USD"}}), 50),
        (json!({"status": "cancelled"}), 0),
        (json!({"status": "paid"}), 50),
        (json!({"contact": null}), 0),
        (json!({"contact": contact["id"]}), 50),
        (json!({"note": "nothing to do with points"}), 50),
    ] {
        ann.patch(&path, &change).await.assert(200);
        assert_eq!(points(&ann).await, [expected], "{change}");
    }
    ann.delete(&path).await.assert(204);
    assert_eq!(points(&ann).await, [0]);
    let entries = ann.all("loyalty.entry", &[]).await;
    let deltas: Vec<i64> = entries.iter().map(|entry| entry["points"].as_i64().unwrap()).collect();
    assert_eq!(deltas, [100, -50, -50, 50, -50, 50, -50]);
}

async fn callers_cannot_write_the_ledger(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    order(&ann, &contact, "100.00").await;
    for object in ["loyalty.member", "loyalty.entry"] {
        let record = &ann.all(object, &[]).await[0];
        let path = format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap());
        ann.patch(&path, &json!({"points": 1_000_000})).await.problem(403, "permission_denied");
        ann.delete(&path).await.problem(403, "permission_denied");
        let create = ann.post(&format!("/api/v1/records/{object}"), &json!({"contact": contact["id"]})).await;
        create.problem(403, "permission_denied");
        assert_eq!(&ann.get(&path).await.assert(200).json(), record);
    }
}

async fn settings_decide_what_a_unit_earns(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let module = format!("/api/v1/modules/{LOYALTY}");
    ann.put(&module, &json!({"config": {"points_per_unit": "0.5", "auto_enrol": true}})).await.assert(200);
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    order(&ann, &contact, "99.99").await;
    assert_eq!(points(&ann).await, [49]);
    let problem = ann.put(&module, &json!({"config": {"points_per_unit": "many"}})).await;
    problem.problem(422, "validation_failed");
    ann.put(&module, &json!({"config": {"no_such_setting": 1}})).await.problem(422, "validation_failed");
    order(&ann, &contact, "2.00").await;
    assert_eq!(points(&ann).await, [50]);
}

async fn a_switched_off_module_earns_nothing_and_keeps_its_data(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    order(&ann, &contact, "5.00").await;
    let module = format!("/api/v1/modules/{LOYALTY}");
    ann.put(&module, &json!({"enabled": false})).await.assert(200);
    order(&ann, &contact, "7.00").await;
    assert_eq!(points(&ann).await, [5]);
    ann.put(&module, &json!({"enabled": true})).await.assert(200);
    order(&ann, &contact, "9.00").await;
    assert_eq!(points(&ann).await, [14]);
}

async fn other_tenants_have_no_members(on: On) {
    let TestApp { ann, sam, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    order(&ann, &contact, "5.00").await;
    // The second tenant has not enabled it: the object is not there at all.
    sam.get("/api/v1/records/loyalty.member").await.problem(404, "unknown_object");
    sam.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    assert!(sam.all("loyalty.member", &[]).await.is_empty());
}
