//! The retail-loyalty module through the host: an order and its points are one step.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp};

both!(
    an_order_earns_in_the_same_step
    a_changed_order_changes_its_points
    callers_cannot_write_the_ledger
    settings_decide_what_a_unit_earns
    a_switched_off_module_earns_nothing_and_keeps_its_data
    other_tenants_have_no_members
);

pub const LOYALTY: &str = "guildhall.retail-loyalty";
/// How many operations had no key of their own.
static OPERATIONS: AtomicUsize = AtomicUsize::new(0);

pub async fn order(ann: &Actor, contact: &Json, amount: &str) -> Json {
    let total = json!({"amount": amount, "currency": "USD"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await
}

/// Has the module do something, and answers what came of it. Every call is an operation of its own, unless the input
/// has a key.
pub async fn act(actor: &Actor, name: &str, input: Json) -> Json {
    send(actor, name, input).await.assert(200).json()["result"].clone()
}

/// Has the module refuse something, with this code, and change nothing.
pub async fn refused(actor: &Actor, name: &str, input: Json, code: &str) {
    let problem = send(actor, name, input).await;
    let is_of_schema = code == "wrong_input";
    let problem = problem.problem(422, if is_of_schema { "validation_failed" } else { "plugin_error" });
    let found = if is_of_schema { &problem["errors"][0]["code"] } else { &problem["plugin_code"] };
    assert_eq!(found, code, "{name}: {problem}");
}

/// Asks the module to do something.
pub async fn send(actor: &Actor, name: &str, mut input: Json) -> Reply {
    if input.get("key").is_none() {
        input["key"] = json!(format!("once-{}", OPERATIONS.fetch_add(1, Ordering::Relaxed)));
    }
    actor.post(&format!("/api/v1/modules/{LOYALTY}/actions/{name}"), &input).await
}

/// Gives the module these settings.
pub async fn configure(actor: &Actor, config: Json) {
    actor.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"config": config})).await.assert(200);
}

pub fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

/// An order of a contact, in euros, of this day.
pub async fn buys(actor: &Actor, contact: &Json, amount: &str, day: &str) -> Json {
    actor.create("order", json!({"contact": contact["id"], "placed_at": day, "total": euros(amount)})).await
}

/// The member that a contact is, as far as the figures in these fields go.
pub async fn figures(actor: &Actor, contact: &Json, fields: &[&str]) -> Vec<i64> {
    let filter = json!({"contact": {"_eq": contact["id"]}}).to_string();
    let member = actor.all("loyalty.member", &[("filter", filter.as_str())]).await.remove(0);
    fields.iter().map(|field| member[field].as_i64().unwrap()).collect()
}

/// The invariants of the ledger, for every member: the entries add up to the balance, which is what the lots hold less
/// what is owed; each lot holds what its entries say, no less than nothing and no more than it brought.
pub async fn adds_up(actor: &Actor) {
    let entries = actor.all("loyalty.entry", &[("limit", "500")]).await;
    let number = |record: &Json, field: &str| record[field].as_i64().unwrap_or_default();
    for member in actor.all("loyalty.member", &[("limit", "500")]).await {
        let own: Vec<&Json> = entries.iter().filter(|entry| entry["member"] == member["id"]).collect();
        let sum = |of: &dyn Fn(&Json) -> bool| -> i64 {
            own.iter().filter(|entry| of(entry)).map(|entry| number(entry, "points")).sum()
        };
        let lots: Vec<&&Json> = own.iter().filter(|entry| !entry["remaining"].is_null()).collect();
        let held: i64 = lots.iter().map(|lot| number(lot, "remaining")).sum();
        let (points, owed) = (number(&member, "points"), number(&member, "owed"));
        assert_eq!((sum(&|_| true), held - owed), (points, points), "{member}");
        assert!(owed == 0 || points - number(&member, "pending") + owed == 0, "{member}");
        for lot in lots {
            let moved = sum(&|entry| entry["lot"] == lot["id"]);
            assert_eq!(number(lot, "points") + moved, number(lot, "remaining"), "{lot}");
            assert!((0..=number(lot, "points")).contains(&number(lot, "remaining")), "{lot}");
        }
    }
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

/// One record of each object that only the module writes, beside members and entries, for the tests of access.
pub async fn one_of_each(actor: &Actor, contact: &Json, ids: &mut Json) {
    let who = json!({"contact": contact});
    let with = |more: Json| {
        let mut input = who.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    configure(actor, json!({"tiers": [{"name": "All", "from": 0}]})).await;
    act(actor, "enrol", who.clone()).await;
    order(actor, &json!({"id": contact}), "9.00").await;
    act(actor, "card_issue", json!({"code": "C", "currency": "EUR", "contact": contact})).await;
    act(actor, "card_top_up", json!({"code": "C", "amount": euros("5.00")})).await;
    act(actor, "voucher_issue", json!({"code": "V", "percent": "10"})).await;
    act(actor, "voucher_redeem", with(json!({"code": "V", "total": euros("5.00")}))).await;
    act(actor, "package_sell", with(json!({"name": "Ten", "units": 10}))).await;
    let friend = actor.create("contact", json!({"name": "Friend"})).await;
    let member = actor.all("loyalty.member", &[]).await[0]["id"].clone();
    act(actor, "refer", json!({"member": member, "referee": friend["id"]})).await;
    let prizes = json!([{"name": "Cup", "stock": 1, "weight": 1}]);
    let draw = act(actor, "draw_open", json!({"name": "Draw", "prizes": prizes})).await;
    act(actor, "draw_play", with(json!({"draw": draw["draw"]}))).await;
    actor.create("loyalty.campaign", json!({"name": "Double"})).await;
    for object in MODULES_OWN {
        ids[object] = actor.all(object, &[]).await[0]["id"].clone();
    }
}

/// The objects of the module beside members and entries.
pub const MODULES_OWN: [&str; 12] = [
    "loyalty.campaign",
    "loyalty.card",
    "loyalty.card_entry",
    "loyalty.draw",
    "loyalty.draw_ticket",
    "loyalty.operation",
    "loyalty.package",
    "loyalty.package_entry",
    "loyalty.referral",
    "loyalty.tier_event",
    "loyalty.voucher",
    "loyalty.voucher_use",
];
