//! Modules that come and go, and that stand on each other.

use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};
use crate::workshop::{WORKSHOP, enable, events, notes, start, variant};

both!(
    a_module_is_told_and_what_it_wrote_commits_with_it
    a_fault_stops_the_change
    what_a_module_requires_has_to_be_there
    rings_and_foreign_objects_are_refused
    a_manifest_that_is_wrong_is_not_installed
);

const PATH: &str = "/api/v1/modules/test.workshop";

async fn a_module_is_told_and_what_it_wrote_commits_with_it(on: On) {
    let test = start(on).await;
    let ann = &test.ann;
    assert_eq!(notes(ann).await, ["enable"]);
    // Settings alone are no such step, nor is being switched on twice.
    enable(ann, WORKSHOP, &json!({"config": {}})).await;
    enable(ann, WORKSHOP, &json!({"enabled": true})).await;
    assert_eq!(notes(ann).await, ["enable"]);
    enable(ann, WORKSHOP, &json!({"enabled": false})).await;
    assert_eq!(notes(ann).await, ["enable", "disable"]);
    enable(ann, WORKSHOP, &json!({"enabled": true})).await;
    assert_eq!(notes(ann).await, ["enable", "disable", "enable"]);
    let event = &events(ann, "workshop.note.created", 1).await[0];
    assert_eq!(event["data"]["plugin"], WORKSHOP);
}

async fn a_fault_stops_the_change(on: On) {
    let test = TestApp::start(on).await;
    crate::workshop::install(&test).await;
    let refusing = |what: &str| json!({"config": {"refuse": what}, "consent": ["*"]});
    let problem = test.ann.put(PATH, &refusing("enable")).await.problem(422, "plugin_error");
    assert_eq!((&problem["plugin"], &problem["plugin_code"]), (&json!(WORKSHOP), &json!("not_now")));
    let module = async || {
        let all = test.ann.get("/api/v1/modules").await.json();
        all["data"].as_array().unwrap().iter().find(|one| one["plugin"] == WORKSHOP).cloned()
    };
    assert_eq!(module().await, None);
    enable(&test.ann, WORKSHOP, &refusing("disable")).await;
    test.ann.put(PATH, &json!({"enabled": false})).await.problem(422, "plugin_error");
    assert_eq!(module().await.unwrap()["enabled"], true);
    assert_eq!(notes(&test.ann).await, ["enable"]);
    enable(&test.ann, WORKSHOP, &json!({"config": {}})).await;
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
}

async fn what_a_module_requires_has_to_be_there(on: On) {
    let test = TestApp::start(on).await;
    crate::workshop::install(&test).await;
    let needy = |name: &'static str, version: &'static str| {
        let test = &test;
        async move {
            variant(test, name, |manifest| manifest["requires"] = json!([{"plugin": WORKSHOP, "version": version}]))
                .await
        }
    };
    let (bench, newer) = (needy("bench", "1.0.0").await, needy("newer", "1.2.0").await);
    let path = |id: &str| format!("/api/v1/modules/{id}");
    let problem = test.ann.put(&path(&bench), &json!({"consent": ["*"]})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("test.bench requires test.workshop"), "{problem}");
    // Switched off, it may be there; nothing stands on it.
    enable(&test.ann, &bench, &json!({"enabled": false})).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    enable(&test.ann, &bench, &json!({"enabled": true})).await;
    let problem = test.ann.put(&path(&newer), &json!({"consent": ["*"]})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("1.2.0 or newer; the tenant has 1.0.0"), "{problem}");
    let problem = test.ann.put(PATH, &json!({"enabled": false})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("test.bench requires test.workshop"), "{problem}");
    // Settings of both can be changed, and they go in the other order.
    enable(&test.ann, WORKSHOP, &json!({"config": {}})).await;
    enable(&test.ann, &bench, &json!({"enabled": false})).await;
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
}

async fn rings_and_foreign_objects_are_refused(on: On) {
    let test = start(on).await;
    let requiring = |name: &'static str, other: &'static str| {
        let test = &test;
        async move { variant(test, name, |manifest| manifest["requires"] = json!([{"plugin": other}])).await }
    };
    let (one, two) = (requiring("one", "test.two").await, requiring("two", "test.one").await);
    for id in [&one, &two] {
        let path = format!("/api/v1/modules/{id}");
        test.ann.put(&path, &json!({"consent": ["*"]})).await.problem(409, "refused");
    }
    let nosy = variant(&test, "nosy", |manifest| {
        let records = manifest["permissions"]["records"].as_array_mut().unwrap();
        records.push(json!({"object": "workshop.note", "ops": ["read"]}));
    })
    .await;
    let problem =
        test.ann.put(&format!("/api/v1/modules/{nosy}"), &json!({"consent": ["*"]})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("does not require test.workshop"), "{problem}");
}

async fn a_manifest_that_is_wrong_is_not_installed(on: On) {
    let test = TestApp::start(on).await;
    let refused = |change: fn(&mut Json)| {
        let wasm = crate::support::plugin_with(WORKSHOP, change);
        let app = &test.app;
        async move { app.install_plugin(&wasm).await.unwrap_err().to_string() }
    };
    let said = refused(|manifest| manifest["hooks"]["scheduled"][0]["cron"] = json!("61 * * * *")).await;
    assert!(said.contains("hooks.scheduled[0].cron"), "{said}");
    let said = refused(|manifest| manifest["permissions"]["http"][0]["host"] = json!("169.254.169.254")).await;
    assert!(said.contains("permissions.http[0].host"), "{said}");
    let said = refused(|manifest| manifest["hooks"]["http-route"][0]["path"] = json!("/*")).await;
    assert!(said.contains("hooks.http-route[1].path"), "{said}");
}
