//! Versions of modules: consent to what they ask for, changing them under load, going back, rolling out, revoking.

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, plugin_with};

both!(
    a_module_is_enabled_with_consent_to_what_it_asks
    a_module_may_do_no_more_than_it_was_granted
    a_version_that_asks_for_more_waits_while_the_old_one_runs
    a_version_that_watches_more_waits_too
    going_back_takes_one_call
    changing_versions_under_load_loses_no_request
    a_rollout_reaches_those_that_let_it
    a_revoked_version_runs_nowhere
    a_rollout_is_the_operators
);

const HOSTILE: &str = "test.hostile";
const MODULE: &str = "/api/v1/modules/test.hostile";
const ROLLOUT: &str = "/api/v1/plugins/test.hostile/rollout";

/// Installs a version that differs by its manifest.
async fn install(test: &TestApp, version: &str, change: impl FnOnce(&mut Json)) {
    let wasm = plugin_with(HOSTILE, |manifest| {
        manifest["version"] = json!(version);
        change(manifest);
    });
    test.app.install_plugin(&wasm).await.unwrap();
}

/// A version that looks at changes of contacts, too.
fn with_updates(manifest: &mut Json) {
    manifest["hooks"]["before-write"][0]["operations"] = json!(["create", "update"]);
}

/// A version that asks to delete companies.
fn with_more(manifest: &mut Json) {
    with_updates(manifest);
    manifest["permissions"]["records"][1]["ops"] = json!(["read", "create", "delete"]);
}

/// Whether the module looks at changes: the second version does.
async fn amends_updates(actor: &Actor) -> bool {
    let contact = actor.create("contact", json!({"name": "Ann"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    actor.patch(&path, &json!({"note": "amend"})).await.assert(200).json()["name"] == "ANN"
}

async fn a_module_is_enabled_with_consent_to_what_it_asks(on: On) {
    let test = TestApp::start(on).await;
    install(&test, "0.1.0", |_| {}).await;
    let problem = test.ann.put(MODULE, &json!({})).await.problem(409, "consent_required");
    let names: Vec<&str> =
        problem["asks"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let asked =
        ["records:company:create:*", "records:company:read:*", "records:contact:read:*", "records:contact:update:*"];
    assert_eq!(names, asked);
    assert!(problem["asks"][0]["reason"].as_str().unwrap().contains("leaves a company"), "{problem}");
    assert_eq!(test.ann.get("/api/v1/modules").await.json()["data"], json!([]));
    test.vic.put(MODULE, &json!({"consent": ["*"]})).await.problem(403, "permission_denied");
    let module = test.ann.put(MODULE, &json!({"consent": asked})).await.assert(200).json();
    assert_eq!((&module["granted"], &module["state"]), (&json!(asked), &json!("active")));
}

async fn a_module_may_do_no_more_than_it_was_granted(on: On) {
    let test = TestApp::start(on).await;
    install(&test, "0.1.0", |_| {}).await;
    let some = ["records:contact:read:*", "records:contact:update:*", "records:company:read:*"];
    test.ann.put(MODULE, &json!({"consent": some})).await.assert(200);
    let contact = |note: &str| json!({"name": "Ann", "note": note});
    test.ann.post("/api/v1/records/contact", &contact("amend")).await.assert(201);
    let problem = test.ann.post("/api/v1/records/contact", &contact("write-then-refuse")).await;
    assert_eq!(problem.problem(422, "plugin_error")["plugin_code"], "permission_denied");
    test.ann.put(MODULE, &json!({"consent": ["*"]})).await.assert(200);
    let problem = test.ann.post("/api/v1/records/contact", &contact("write-then-refuse")).await;
    assert_eq!(problem.problem(422, "plugin_error")["plugin_code"], "not_welcome");
}

async fn a_version_that_asks_for_more_waits_while_the_old_one_runs(on: On) {
    let test = TestApp::start(on).await;
    install(&test, "0.1.0", |_| {}).await;
    test.ann.put(MODULE, &json!({"consent": ["*"]})).await.assert(200);
    install(&test, "0.2.0", with_more).await;
    let module = test.ann.put(MODULE, &json!({"version": "0.2.0"})).await.assert(200).json();
    assert_eq!((&module["version"], &module["pending"]["version"]), (&json!("0.1.0"), &json!("0.2.0")));
    assert_eq!(module["pending"]["asks"][0]["name"], "records:company:delete:*");
    assert!(!amends_updates(&test.ann).await);
    // Consent alone is meant for what waits.
    let module = test.ann.put(MODULE, &json!({"consent": ["*"]})).await.assert(200).json();
    assert_eq!((&module["version"], &module["pending"]), (&json!("0.2.0"), &Json::Null));
    assert_eq!(module["previous_version"], "0.1.0");
    assert!(amends_updates(&test.ann).await);
    test.ann.put(MODULE, &json!({"version": "9.9.9"})).await.problem(404, "not_found");
    // What else is said with a version that has to wait holds for the one that runs.
    install(&test, "0.3.0", |manifest| {
        with_more(manifest);
        manifest["permissions"]["records"][1]["ops"] = json!(["read", "create", "update", "delete"]);
    })
    .await;
    let body = json!({"version": "0.3.0", "enabled": false, "keep_failures": true, "automatic": true});
    let module = test.ann.put(MODULE, &body).await.assert(200).json();
    assert_eq!((&module["version"], &module["pending"]["version"]), (&json!("0.2.0"), &json!("0.3.0")));
    for member in ["keep_failures", "automatic"] {
        assert_eq!(module[member], true, "{module}");
    }
    assert!(module["enabled"] == false && !amends_updates(&test.ann).await);
}

async fn a_version_that_watches_more_waits_too(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    install(&test, "0.1.0", |_| {}).await;
    test.ann.put(MODULE, &json!({"consent": ["*"], "automatic": true})).await.assert(200);
    install(&test, "0.2.0", |manifest| {
        let hook = json!({"object": "company", "operations": ["delete"]});
        manifest["hooks"]["before-write"].as_array_mut().unwrap().push(hook);
    })
    .await;
    // What may refuse changes that nobody let it see is agreed to first.
    let done = olga.post(ROLLOUT, &json!({"version": "0.2.0"})).await.assert(200).json();
    assert_eq!((&done["upgraded"], done["pending"].as_array().unwrap().len()), (&json!([]), 1));
    let module = &test.ann.get("/api/v1/modules").await.json()["data"][0];
    assert_eq!((&module["version"], &module["pending"]["version"]), (&json!("0.1.0"), &json!("0.2.0")));
    let asks = &module["pending"]["asks"];
    assert_eq!((&asks[0]["name"], asks.as_array().unwrap().len()), (&json!("hooks:before-write:company"), 1));
    let names: Vec<Json> = module["granted"].as_array().unwrap().iter().chain([&asks[0]["name"]]).cloned().collect();
    let module = test.ann.put(MODULE, &json!({"consent": names})).await.assert(200).json();
    assert_eq!((&module["version"], &module["pending"]), (&json!("0.2.0"), &Json::Null));
    test.ann.put(MODULE, &json!({"consent": ["hooks:before-write:order"]})).await.problem(422, "validation_failed");
}

async fn going_back_takes_one_call(on: On) {
    let test = TestApp::start(on).await;
    install(&test, "0.1.0", |_| {}).await;
    test.ann.put(MODULE, &json!({"consent": ["*"]})).await.assert(200);
    let back = format!("{MODULE}/rollback");
    test.ann.post(&back, &json!({})).await.problem(409, "refused");
    install(&test, "0.2.0", with_more).await;
    test.ann.put(MODULE, &json!({"version": "0.2.0", "consent": ["*"]})).await.assert(200);
    assert!(amends_updates(&test.ann).await);
    test.vic.post(&back, &json!({})).await.problem(403, "permission_denied");
    test.sam.post(&back, &json!({})).await.problem(404, "not_found");
    let module = test.ann.post(&back, &json!({})).await.assert(200).json();
    assert_eq!((&module["version"], &module["previous_version"]), (&json!("0.1.0"), &json!("0.2.0")));
    assert!(!amends_updates(&test.ann).await);
    // A version that asks for less is granted less; the one before gets back what it had, and may do again what it did.
    let leave = json!({"name": "Ann", "note": "write-then-refuse"});
    install(&test, "0.4.0", |manifest| {
        manifest["permissions"]["records"][1]["ops"] = json!(["read"]);
    })
    .await;
    let module = test.ann.put(MODULE, &json!({"version": "0.4.0"})).await.assert(200).json();
    assert!(!module["granted"].as_array().unwrap().contains(&json!("records:company:create:*")), "{module}");
    let denied = test.ann.post("/api/v1/records/contact", &leave).await.problem(422, "plugin_error");
    assert_eq!(denied["plugin_code"], "permission_denied");
    let module = test.ann.post(&back, &json!({})).await.assert(200).json();
    assert!(module["granted"].as_array().unwrap().contains(&json!("records:company:create:*")), "{module}");
    let refused = test.ann.post("/api/v1/records/contact", &leave).await.problem(422, "plugin_error");
    assert_eq!(refused["plugin_code"], "not_welcome");
}

async fn changing_versions_under_load_loses_no_request(on: On) {
    let test = TestApp::start(on).await;
    install(&test, "0.1.0", |_| {}).await;
    install(&test, "0.2.0", with_updates).await;
    test.ann.put(MODULE, &json!({"version": "0.1.0", "consent": ["*"]})).await.assert(200);
    let writer = async |number: usize| {
        for turn in 0..25 {
            let contact = json!({"name": format!("ann {number} {turn}"), "note": "amend"});
            let made = test.ann.post("/api/v1/records/contact", &contact).await.assert(201).json();
            assert_eq!(made["name"], format!("ANN {number} {turn}"));
        }
    };
    let admin = async {
        for turn in 0..12 {
            if turn % 3 == 2 {
                test.ann.post(&format!("{MODULE}/rollback"), &json!({})).await.assert(200);
            } else {
                let version = if turn % 2 == 0 { "0.2.0" } else { "0.1.0" };
                test.ann.put(MODULE, &json!({"version": version})).await.assert(200);
            }
        }
    };
    tokio::join!(join_all((0..4).map(writer)), admin);
    assert_eq!(test.ann.all("contact", &[]).await.len(), 100);
}

async fn a_rollout_reaches_those_that_let_it(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    install(&test, "0.1.0", |_| {}).await;
    test.ann.put(MODULE, &json!({"consent": ["*"], "automatic": true})).await.assert(200);
    test.sam.put(MODULE, &json!({"consent": ["*"]})).await.assert(200);
    install(&test, "0.2.0", with_updates).await;
    install(&test, "0.3.0", with_more).await;
    let done = olga.post(ROLLOUT, &json!({"version": "0.2.0"})).await.assert(200).json();
    assert_eq!((done["upgraded"].as_array().unwrap().len(), &done["pending"]), (1, &json!([])));
    assert!(amends_updates(&test.ann).await && !amends_updates(&test.sam).await);
    // Somebody who is named gets it, whatever its own setting: one tenant first.
    let done = olga.post(ROLLOUT, &json!({"version": "0.2.0", "tenants": ["second"]})).await.assert(200).json();
    assert_eq!(done["upgraded"].as_array().unwrap().len(), 1);
    assert!(amends_updates(&test.sam).await);
    // More rights are the tenant's to give.
    let done = olga.post(ROLLOUT, &json!({"version": "0.3.0"})).await.assert(200).json();
    assert_eq!((&done["upgraded"], done["pending"].as_array().unwrap().len()), (&json!([]), 1));
    let module = &test.ann.get("/api/v1/modules").await.json()["data"][0];
    assert_eq!((&module["version"], &module["pending"]["version"]), (&json!("0.2.0"), &json!("0.3.0")));
    let trail = test.ann.get("/api/v1/audit?object=%23modules&limit=500").await.assert(200).json();
    let by_operator =
        trail["data"].as_array().unwrap().iter().filter(|one| one["subject"]["kind"] == "operator").count();
    assert_eq!(by_operator, 2, "{trail}");
}

async fn a_revoked_version_runs_nowhere(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    install(&test, "0.1.0", |_| {}).await;
    for actor in [&test.ann, &test.sam] {
        actor.put(MODULE, &json!({"consent": ["*"]})).await.assert(200);
    }
    let contact = json!({"name": "ann", "note": "amend"});
    let name =
        async |actor: &Actor| actor.post("/api/v1/records/contact", &contact).await.assert(201).json()["name"].clone();
    assert_eq!((name(&test.ann).await, name(&test.sam).await), (json!("ANN"), json!("ANN")));
    let revoke = "/api/v1/plugins/test.hostile/versions/0.1.0/revoke";
    for actor in [&test.ann, &test.vic] {
        actor.post(revoke, &json!({"reason": "mine"})).await.problem(403, "permission_denied");
    }
    olga.post(revoke, &json!({})).await.problem(422, "validation_failed");
    olga.post("/api/v1/plugins/test.hostile/versions/7.0.0/revoke", &json!({"reason": "x"}))
        .await
        .problem(404, "not_found");
    olga.post(revoke, &json!({"reason": "leaks addresses"})).await.assert(204);
    assert_eq!((name(&test.ann).await, name(&test.sam).await), (json!("ann"), json!("ann")));
    let module = &test.ann.get("/api/v1/modules").await.json()["data"][0];
    assert_eq!((&module["state"], &module["revoked"]), (&json!("revoked"), &json!("leaks addresses")));
    let trail = test.sam.get("/api/v1/audit?object=%23modules").await.assert(200).json();
    assert_eq!(trail["data"][0]["fields"], json!(["test.hostile", "revoked 0.1.0"]), "{trail}");
    // Nobody pins it again; a version that is good takes its place.
    test.ann.put(MODULE, &json!({"version": "0.1.0"})).await.problem(409, "refused");
    install(&test, "0.1.1", |_| {}).await;
    test.ann.put(MODULE, &json!({"version": "0.1.1"})).await.assert(200);
    assert_eq!((name(&test.ann).await, name(&test.sam).await), (json!("ANN"), json!("ann")));
}

async fn a_rollout_is_the_operators(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    install(&test, "0.1.0", |_| {}).await;
    for actor in [&test.ann, &test.vic] {
        actor.post(ROLLOUT, &json!({"version": "0.1.0"})).await.problem(403, "permission_denied");
    }
    test.anon.post(ROLLOUT, &json!({"version": "0.1.0"})).await.problem(401, "unauthenticated");
    for bad in [json!({}), json!({"version": "0.1.0", "percent": 0}), json!({"version": "0.1.0", "surprise": 1})] {
        olga.post(ROLLOUT, &bad).await.problem(422, "validation_failed");
    }
    olga.post(ROLLOUT, &json!({"version": "0.1.0", "tenants": ["nobody"]})).await.problem(404, "not_found");
}
