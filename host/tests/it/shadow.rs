//! Shadow runs: another version of a module on recorded calls, before anybody switches to it.

use std::time::Duration;

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::encrypted::new_key_file;
use crate::loyalty::order;
use crate::permissions::user;
use crate::support::{Actor, On, TestApp, plugin, plugin_with};

both!(
    the_same_decisions_are_counted
    other_decisions_are_laid_beside_each_other
    what_the_recorded_call_did_not_ask_is_asked_now
    a_version_that_asks_for_more_is_tried_with_consent
    what_differs_in_words_alone_is_the_same
    so_many_calls_are_recorded_as_is_said
    what_is_recorded_is_sealed_and_goes_with_the_person
    recordings_are_kept_for_thirty_days
    it_is_for_who_may_have_all
);

const LOYALTY: &str = "guildhall.retail-loyalty";
const MODULE: &str = "/api/v1/modules/guildhall.retail-loyalty";
const SHADOW: &str = "/api/v1/modules/guildhall.retail-loyalty/shadow";

/// A version that differs by its manifest.
async fn install(test: &TestApp, version: &str, change: impl FnOnce(&mut Json)) {
    let wasm = plugin_with(LOYALTY, |manifest| {
        manifest["version"] = json!(version);
        change(manifest);
    });
    test.app.install_plugin(&wasm).await.unwrap();
}

/// A host whose first tenant has loyalty, and records so many calls.
async fn start(on: On, calls: u32) -> TestApp {
    let test = TestApp::with_plugin(on, LOYALTY).await;
    record(&test.ann, calls).await;
    test
}

async fn record(actor: &Actor, calls: u32) {
    let module = actor.put(MODULE, &json!({"record_calls": calls})).await.assert(200).json();
    assert_eq!(module["record_calls"], calls);
}

async fn shadow(actor: &Actor, version: &str) -> Json {
    actor.post(SHADOW, &json!({"version": version})).await.assert(200).json()
}

/// Calls it was tried on, and those that came to the same and to something else.
fn counts(report: &Json) -> [u64; 4] {
    ["recorded", "ran", "same", "different"].map(|name| report[name].as_u64().unwrap())
}

/// Two orders of one customer: the first makes a member of it.
async fn two_orders(ann: &Actor) -> Json {
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    order(ann, &contact, "10.00").await;
    order(ann, &contact, "7.50").await;
    contact
}

async fn the_same_decisions_are_counted(on: On) {
    let test = start(on, 10).await;
    two_orders(&test.ann).await;
    install(&test, "0.2.0", |_| {}).await;
    let report = shadow(&test.ann, "0.2.0").await;
    assert_eq!(counts(&report), [2, 2, 2, 0], "{report}");
    assert_eq!((&report["version"], &report["differences"]), (&json!("0.2.0"), &json!([])));
    // The running version does the same again, too.
    assert_eq!(counts(&shadow(&test.ann, "0.1.0").await), [2, 2, 2, 0]);
    // A module that is switched off may be tried before it is switched on again.
    test.ann.put(MODULE, &json!({"enabled": false})).await.assert(200);
    let one = test.ann.post(SHADOW, &json!({"version": "0.2.0", "last": 1})).await.assert(200).json();
    assert_eq!(counts(&one), [1, 1, 1, 0]);
}

async fn other_decisions_are_laid_beside_each_other(on: On) {
    let test = start(on, 10).await;
    two_orders(&test.ann).await;
    install(&test, "0.2.0", |_| {}).await;
    // Settings are those of now.
    test.ann.put(MODULE, &json!({"config": {"points_per_unit": "2"}})).await.assert(200);
    let before = test.ann.all("loyalty.entry", &[]).await;
    let report = shadow(&test.ann, "0.2.0").await;
    assert_eq!(counts(&report), [2, 2, 0, 2], "{report}");
    let newest = &report["differences"][0];
    assert_eq!((&newest["extension_point"], &newest["version"]), (&json!("before-write"), &json!("0.1.0")));
    let earned = |decision: &Json| -> Vec<i64> {
        let writes = decision["writes"].as_array().unwrap().iter();
        let creates = writes.filter(|call| call.to_string().contains("loyalty.entry"));
        let fields = creates.map(|call| call["fields"].as_str().unwrap().to_owned());
        fields.map(|fields| serde_json::from_str::<Json>(&fields).unwrap()["points"].as_i64().unwrap()).collect()
    };
    assert_eq!((earned(&newest["then"]), earned(&newest["now"])), (vec![7], vec![15]), "{newest}");
    assert_eq!(newest["now"]["result"]["ended"], "answered");
    assert!(newest["cost"]["host_calls"].as_u64().unwrap() > 0, "{newest}");
    // Nothing of it is stored, and the old version runs.
    assert_eq!(test.ann.all("loyalty.entry", &[]).await, before);
    assert_eq!(test.ann.get("/api/v1/modules").await.json()["data"][0]["version"], "0.1.0");
    // What both cost stands in the figures, and what the module was shown in the ledger.
    let access = test.ann.get(&format!("/api/v1/plugin-access?plugin={LOYALTY}")).await.assert(200).json();
    assert!(access["data"].as_array().unwrap().iter().any(|one| one["version"] == "0.2.0"), "{access}");
    let usage = test.ann.get(&format!("{MODULE}/usage")).await.assert(200).json();
    let of_new: Vec<&Json> = usage["data"].as_array().unwrap().iter().filter(|day| day["version"] == "0.2.0").collect();
    assert!(of_new.len() == 1 && of_new[0]["calls"] == 2, "{usage}");
    // A version without the hook decides nothing.
    install(&test, "0.3.0", |manifest| manifest["hooks"]["before-write"][0]["operations"] = json!(["delete"])).await;
    let report = shadow(&test.ann, "0.3.0").await;
    assert_eq!((counts(&report), &report["differences"][0]["now"]), ([2, 2, 0, 2], &Json::Null));
}

async fn what_the_recorded_call_did_not_ask_is_asked_now(on: On) {
    let test = start(on, 10).await;
    two_orders(&test.ann).await;
    // An order that earns nothing makes no member, and the module asks for none.
    test.ann.put(MODULE, &json!({"config": {"currency": "EUR"}})).await.assert(200);
    let contact = test.ann.create("contact", json!({"name": "Bob"})).await;
    order(&test.ann, &contact, "5.00").await;
    test.ann.put(MODULE, &json!({"config": {}})).await.assert(200);
    let report = shadow(&test.ann, "0.1.0").await;
    assert_eq!(counts(&report), [3, 3, 2, 1], "{report}");
    let other = &report["differences"][0];
    assert!(other["asked_anew"].as_u64().unwrap() > 0, "{other}");
    assert_eq!(other["then"]["writes"], json!([]));
    assert!(!other["now"]["writes"].as_array().unwrap().is_empty(), "{other}");
    assert_eq!(test.ann.all("loyalty.member", &[]).await.len(), 1);
}

async fn a_version_that_asks_for_more_is_tried_with_consent(on: On) {
    let test = start(on, 10).await;
    two_orders(&test.ann).await;
    let mut fields = 0;
    install(&test, "0.2.0", |manifest| {
        let order = &mut manifest["permissions"]["records"][0];
        fields = order["fields"].as_array().unwrap().len();
        order["ops"] = json!(["read", "update"]);
    })
    .await;
    let problem = test.ann.post(SHADOW, &json!({"version": "0.2.0"})).await.problem(409, "consent_required");
    assert_eq!(problem["asks"].as_array().unwrap().len(), fields, "{problem}");
    let body = json!({"version": "0.2.0", "consent": ["*"]});
    assert_eq!(counts(&test.ann.post(SHADOW, &body).await.assert(200).json()), [2, 2, 2, 0]);
    let granted = &test.ann.get("/api/v1/modules").await.json()["data"][0]["granted"];
    assert!(!granted.to_string().contains("update"), "{granted}");
    let body = json!({"version": "0.1.0", "consent": ["nothing:that:is:asked"]});
    test.ann.post(SHADOW, &body).await.problem(422, "validation_failed");
    // What was answered then is not answered to who may not ask any more.
    let hostile = "/api/v1/modules/test.hostile";
    test.app.install_plugin(&plugin("test.hostile")).await.unwrap();
    let module = test.ann.put(hostile, &json!({"consent": ["*"], "record_calls": 5})).await.assert(200).json();
    let leave = json!({"name": "Ann", "note": "write-then-refuse"});
    test.ann.post("/api/v1/records/contact", &leave).await.problem(422, "plugin_error");
    let granted = module["granted"].as_array().unwrap();
    let less: Vec<&Json> = granted.iter().filter(|name| **name != "records:company:create:*").collect();
    assert!(less.len() < granted.len(), "{module}");
    let path = format!("{hostile}/shadow");
    let report = test.ann.post(&path, &json!({"version": "0.1.0"})).await.assert(200).json();
    assert_eq!(counts(&report), [1, 1, 1, 0], "{report}");
    let report = test.ann.post(&path, &json!({"version": "0.1.0", "consent": less})).await.assert(200).json();
    assert_eq!(counts(&report), [1, 1, 0, 1], "{report}");
    let difference = &report["differences"][0];
    let code = |decision: &str| difference[decision]["result"]["output"]["value"][0]["Err"]["code"].clone();
    assert_eq!((code("then"), code("now")), (json!("not_welcome"), json!("permission_denied")), "{report}");
    assert_eq!((difference["then"]["writes"].as_array().unwrap().len(), &difference["now"]["writes"]), (1, &json!([])));
}

async fn what_differs_in_words_alone_is_the_same(on: On) {
    let test = TestApp::start(on).await;
    crate::hostile::variant(&test, &test.ann, "told", |manifest| {
        let text = json!({"type": "string"});
        manifest["config"] = json!({"schema": {"type": "object", "properties": {"do": text, "answer": text}}});
    })
    .await;
    let module = "/api/v1/modules/test.told";
    test.ann.put(module, &json!({"record_calls": 10})).await.assert(200);
    let set = async |config: Json| drop(test.ann.put(module, &json!({"config": config})).await.assert(200));
    let tried = async || {
        let body = json!({"version": "0.1.0", "last": 1});
        test.ann.post(&format!("{module}/shadow"), &body).await.assert(200).json()
    };
    let contact = json!({"name": "Ann", "note": "as-set"});
    // Another crash, in other functions: to the caller it is the same answer.
    set(json!({"do": "trap"})).await;
    test.ann.post("/api/v1/records/contact", &contact).await.problem(422, "plugin_trap");
    set(json!({"do": "recurse"})).await;
    let report = tried().await;
    assert_eq!(counts(&report), [1, 1, 1, 0], "{report}");
    // Another limit is another answer.
    set(json!({"do": "loop"})).await;
    let report = tried().await;
    assert_eq!(counts(&report), [1, 1, 0, 1], "{report}");
    let code = |decision: &str| report["differences"][0][decision]["result"]["code"].clone();
    assert_eq!((code("then"), code("now")), (json!("plugin_trap"), json!("cpu_limit")));
    // The same JSON in other words is the same amendment.
    set(json!({"answer": r#"{"name":"Bea","city":"Bern"}"#})).await;
    test.ann.post("/api/v1/records/contact", &contact).await.assert(201);
    for (answer, same) in [(r#"{ "city": "Bern", "name": "Bea" }"#, 1), (r#"{"city":"Bern","name":"Bob"}"#, 0)] {
        set(json!({"answer": answer})).await;
        let report = tried().await;
        assert_eq!(counts(&report), [1, 1, same, 1 - same], "{answer}: {report}");
    }
}

async fn so_many_calls_are_recorded_as_is_said(on: On) {
    let test = start(on, 2).await;
    let contact = two_orders(&test.ann).await;
    order(&test.ann, &contact, "3.00").await;
    assert_eq!(counts(&shadow(&test.ann, "0.1.0").await), [2, 2, 2, 0]);
    // What would be done only is nothing to go by.
    let dry = test.ann.with("prefer", "dry-run");
    let total = json!({"amount": "1.00", "currency": "USD"});
    let body = json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total});
    dry.post("/api/v1/records/order", &body).await.assert(201);
    record(&test.ann, 5).await;
    assert_eq!(shadow(&test.ann, "0.1.0").await["recorded"], 2);
    for (calls, kept) in [(1, 1), (0, 0)] {
        record(&test.ann, calls).await;
        assert_eq!(shadow(&test.ann, "0.1.0").await["recorded"], kept);
    }
    order(&test.ann, &contact, "4.00").await;
    assert_eq!(shadow(&test.ann, "0.1.0").await["recorded"], 0);
    for wrong in [json!(101), json!(-1), json!("2"), json!(1.5)] {
        test.ann.put(MODULE, &json!({"record_calls": wrong})).await.problem(422, "validation_failed");
    }
    for wrong in [
        json!({}),
        json!({"version": 1}),
        json!({"version": "0.1.0", "last": 0}),
        json!({"version": "0.1.0", "last": 101}),
        json!({"version": "0.1.0", "other": 1}),
        json!({"version": "0.1.0", "consent": "*"}),
    ] {
        test.ann.post(SHADOW, &wrong).await.problem(422, "validation_failed");
    }
    test.ann.post(SHADOW, &json!({"version": "9.9.9"})).await.problem(404, "not_found");
    test.ann.post("/api/v1/modules/test.none/shadow", &json!({"version": "0.1.0"})).await.problem(404, "not_found");
}

async fn what_is_recorded_is_sealed_and_goes_with_the_person(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let hostile = "/api/v1/modules/test.hostile";
    test.app.install_plugin(&plugin("test.hostile")).await.unwrap();
    test.ann.put(hostile, &json!({"consent": ["*"], "record_calls": 10})).await.assert(200);
    let made = test.ann.create("contact", json!({"name": "Quitzow", "note": "amend"})).await;
    test.ann.create("contact", json!({"name": "Other"})).await;
    let path = format!("{hostile}/shadow");
    let report = test.ann.post(&path, &json!({"version": "0.1.0"})).await.assert(200).json();
    assert_eq!(counts(&report), [2, 2, 2, 0], "{report}");
    let person = format!("/api/v1/records/contact/{}/person/erase", made["id"].as_str().unwrap());
    test.ann.post(&person, &json!({"confirm": made["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let report = test.ann.post(&path, &json!({"version": "0.1.0"})).await.assert(200).json();
    assert_eq!(counts(&report), [1, 1, 1, 0], "{report}");
    assert!(!crate::dump::holds(&test.database, "Quitzow").await);
}

async fn recordings_are_kept_for_thirty_days(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::with_plugin_at(on, LOYALTY, clock.clone()).await;
    record(&test.ann, 10).await;
    two_orders(&test.ann).await;
    for (days, kept) in [(29, 2), (2, 0)] {
        clock.advance(Duration::from_hours(24 * days));
        test.app.tidy_up().await.unwrap();
        assert_eq!(shadow(&test.ann, "0.1.0").await["recorded"], kept);
    }
}

async fn it_is_for_who_may_have_all(on: On) {
    let test = start(on, 10).await;
    two_orders(&test.ann).await;
    let rules = json!([{"objects": ["#modules"], "actions": ["read", "configure"]}]);
    test.ann.post("/api/v1/roles", &json!({"name": "keeper", "label": "K", "rules": rules})).await.assert(201);
    let keeper = user(&test.ann, "kai", json!(["keeper"])).await.at;
    let body = json!({"version": "0.1.0"});
    for actor in [&keeper, &test.vic] {
        actor.post(SHADOW, &body).await.problem(403, "permission_denied");
    }
    test.sam.post(SHADOW, &body).await.problem(404, "not_found");
    test.anon.post(SHADOW, &body).await.problem(401, "unauthenticated");
    shadow(&test.ann, "0.1.0").await;
    let trail = test.ann.get("/api/v1/audit?action=export&object=%23modules").await.assert(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{trail}");
    // Another tenant has recorded nothing.
    test.sam.put(MODULE, &json!({"consent": ["*"], "record_calls": 5})).await.assert(200);
    assert_eq!(counts(&shadow(&test.sam, "0.1.0").await), [0, 0, 0, 0]);
}
