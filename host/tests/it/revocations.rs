//! What becomes of modules whose version was revoked, and of those that come from another version: they go on where
//! they were.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, plugin_with};
use crate::workshop::{WORKSHOP, enable, notes, run, start_at, variant};

both!(
    what_is_said_of_a_revoked_module_does_not_bring_it_back
    the_next_version_goes_on_where_a_revoked_one_was
    a_version_that_is_restored_goes_on
    what_was_off_hears_from_which_version_it_comes
    going_back_gives_the_settings_of_then
    an_admin_and_a_rollout_do_not_undo_each_other
    a_rollout_of_what_is_not_there_is_refused
    who_stands_on_a_revoked_module_is_told
);

const MODULE: &str = "/api/v1/modules/test.workshop";
const ROLLOUT: &str = "/api/v1/plugins/test.workshop/rollout";

async fn begin(on: On) -> (TestApp, Actor, Clock) {
    let clock = Clock::manual(Timestamp::parse("2026-11-26T10:30:00Z").unwrap());
    let test = start_at(on, clock.clone()).await;
    let olga = test.operator().await;
    (test, olga, clock)
}

fn judge(version: &str, word: &str) -> String {
    format!("/api/v1/plugins/{WORKSHOP}/versions/{version}/{word}")
}

async fn revoke(olga: &Actor, version: &str) {
    olga.post(&judge(version, "revoke"), &json!({"reason": "leaks addresses"})).await.assert(204);
}

/// Installs another version of the workshop.
async fn install(test: &TestApp, version: &str, change: impl FnOnce(&mut Json)) {
    let wasm = plugin_with(WORKSHOP, |manifest| {
        manifest["version"] = json!(version);
        change(manifest);
    });
    test.app.install_plugin(&wasm).await.unwrap();
}

async fn module(actor: &Actor, id: &str) -> Json {
    let all = actor.get("/api/v1/modules").await.assert(200).json();
    all["data"].as_array().unwrap().iter().find(|one| one["plugin"] == id).unwrap().clone()
}

/// Does everything that is due.
async fn settle(test: &TestApp) {
    test.app.feed_due().await.unwrap();
    test.app.queue_due_tasks().await.unwrap();
    test.app.run_due_jobs().await.unwrap();
}

async fn what_is_said_of_a_revoked_module_does_not_bring_it_back(on: On) {
    let (test, olga, clock) = begin(on).await;
    revoke(&olga, "1.0.0").await;
    for body in [json!({"record_calls": 20}), json!({"config": {}}), json!({"consent": ["*"]})] {
        let said = test.ann.put(MODULE, &body).await.assert(200).json();
        assert_eq!((&said["state"], &said["revoked"]), (&json!("revoked"), &json!("leaks addresses")), "{body}");
    }
    let problem = test.ann.put(MODULE, &json!({"enabled": true})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("leaks addresses"), "{problem}");
    // It can be switched off, and leaves no task behind.
    test.ann.put(MODULE, &json!({"enabled": false})).await.assert(200);
    test.ann.put(MODULE, &json!({"enabled": true})).await.problem(409, "refused");
    clock.advance(Duration::from_hours(3));
    settle(&test).await;
    assert_eq!(notes(&test.ann).await, ["enable"], "it was never called");
    assert_eq!(test.ann.get("/api/v1/jobs").await.json()["data"], json!([]));
}

async fn the_next_version_goes_on_where_a_revoked_one_was(on: On) {
    let (test, olga, clock) = begin(on).await;
    run(&test.ann, json!([{"do": "enqueue", "name": "work", "input": {}}])).await;
    revoke(&olga, "1.0.0").await;
    test.ann.create("contact", json!({"name": "Ann"})).await;
    clock.advance(Duration::from_hours(1));
    settle(&test).await;
    assert_eq!(notes(&test.ann).await, ["enable"]);
    let job = test.ann.get("/api/v1/jobs").await.json()["data"][0].clone();
    assert_eq!((&job["state"], &job["kind"]), (&json!("queued"), &json!("module_job")), "{job}");
    assert!(job["error"]["detail"].as_str().unwrap().contains("revoked"), "{job}");

    install(&test, "1.1.0", |_| {}).await;
    test.ann.put(MODULE, &json!({"version": "1.1.0"})).await.assert(200);
    clock.advance(Duration::from_mins(2));
    settle(&test).await;
    let mut told = notes(&test.ann).await;
    told.sort();
    assert_eq!(told, ["contact.created", "enable", "upgrade", "work"]);
    let upgrade = test.ann.all("workshop.note", &[("filter[title][_eq]", "upgrade")]).await;
    assert_eq!(upgrade[0]["text"], "1.0.0 to 1.1.0");
    // Its tasks are due again.
    clock.advance(Duration::from_hours(1));
    settle(&test).await;
    assert!(notes(&test.ann).await.contains(&"tick".to_owned()));
}

async fn a_version_that_is_restored_goes_on(on: On) {
    let (test, olga, clock) = begin(on).await;
    let restore = judge("1.0.0", "restore");
    olga.post(&restore, &json!({})).await.problem(404, "not_found");
    revoke(&olga, "1.0.0").await;
    test.ann.create("contact", json!({"name": "Ann"})).await;
    for actor in [&test.ann, &test.vic] {
        actor.post(&restore, &json!({})).await.problem(403, "permission_denied");
    }
    olga.post(&judge("7.0.0", "restore"), &json!({})).await.problem(404, "not_found");
    olga.post(&restore, &json!({})).await.assert(204);
    assert_eq!(module(&test.ann, WORKSHOP).await["state"], "active");
    clock.advance(Duration::from_hours(1));
    settle(&test).await;
    let mut told = notes(&test.ann).await;
    told.sort();
    assert_eq!(told, ["contact.created", "enable", "tick"]);
    let trail = test.ann.get("/api/v1/audit?object=%23modules").await.assert(200).json();
    assert_eq!(trail["data"][0]["fields"], json!([WORKSHOP, "restored 1.0.0"]), "{trail}");
}

async fn what_was_off_hears_from_which_version_it_comes(on: On) {
    let (test, ..) = begin(on).await;
    for version in ["1.1.0", "1.2.0"] {
        install(&test, version, |_| {}).await;
    }
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    for version in ["1.1.0", "1.2.0"] {
        enable(&test.ann, WORKSHOP, &json!({"version": version})).await;
    }
    enable(&test.ann, WORKSHOP, &json!({"enabled": true})).await;
    // All in one moment: by name.
    let mut told = notes(&test.ann).await;
    told.sort();
    assert_eq!(told, ["disable", "enable", "enable", "upgrade"]);
    let upgrade = test.ann.all("workshop.note", &[("filter[title][_eq]", "upgrade")]).await;
    assert_eq!(upgrade[0]["text"], "1.0.0 to 1.2.0", "once, from the one that ran");
}

async fn going_back_gives_the_settings_of_then(on: On) {
    let (test, ..) = begin(on).await;
    enable(&test.ann, WORKSHOP, &json!({"config": {"chain": true}})).await;
    install(&test, "1.1.0", |manifest| {
        manifest["config"]["schema"]["properties"]["strict"] = json!({"type": "boolean"});
    })
    .await;
    let config = json!({"chain": false, "strict": true});
    enable(&test.ann, WORKSHOP, &json!({"version": "1.1.0", "config": config})).await;
    test.vic.post(&format!("{MODULE}/rollback"), &json!({})).await.problem(403, "permission_denied");
    let back = test.ann.post(&format!("{MODULE}/rollback"), &json!({})).await.assert(200).json();
    assert_eq!((&back["version"], &back["config"]), (&json!("1.0.0"), &json!({"chain": true})));
    // And forward again, by the same call.
    let again = test.ann.post(&format!("{MODULE}/rollback"), &json!({})).await.assert(200).json();
    assert_eq!((&again["version"], &again["config"]), (&json!("1.1.0"), &config));
}

async fn an_admin_and_a_rollout_do_not_undo_each_other(on: On) {
    let (test, olga, _) = begin(on).await;
    install(&test, "1.1.0", |_| {}).await;
    enable(&test.ann, WORKSHOP, &json!({"automatic": true})).await;
    for round in 0..10 {
        enable(&test.ann, WORKSHOP, &json!({"enabled": true})).await;
        let version = ["1.1.0", "1.0.0"][round % 2];
        let rollout = async { olga.post(ROLLOUT, &json!({"version": version})).await.assert(200).json() };
        let off = async {
            // Whoever comes second is told, and says it again.
            while test.ann.put(MODULE, &json!({"enabled": false})).await.status == 409 {}
        };
        let (done, ()) = tokio::join!(rollout, off);
        let module = module(&test.ann, WORKSHOP).await;
        assert_eq!(module["enabled"], false, "{done}");
        assert_eq!((&module["version"], &done["failed"]), (&json!(version), &json!([])), "{done}");
    }
}

async fn a_rollout_of_what_is_not_there_is_refused(on: On) {
    let (test, olga, _) = begin(on).await;
    olga.post(ROLLOUT, &json!({"version": "7.0.0"})).await.problem(404, "not_found");
    olga.post("/api/v1/plugins/test.nobody/rollout", &json!({"version": "1.0.0"})).await.problem(404, "not_found");
    assert_eq!(module(&test.ann, WORKSHOP).await["version"], "1.0.0");
}

async fn who_stands_on_a_revoked_module_is_told(on: On) {
    let (test, olga, _) = begin(on).await;
    let bench = variant(&test, "bench", |manifest| manifest["requires"] = json!([{"plugin": WORKSHOP}])).await;
    enable(&test.ann, &bench, &json!({})).await;
    assert_eq!(module(&test.ann, &bench).await["missing"], json!([]));
    revoke(&olga, "1.0.0").await;
    assert_eq!(module(&test.ann, &bench).await["missing"], json!([WORKSHOP]));
    // Its own settings can be changed all the same.
    let path = format!("/api/v1/modules/{bench}");
    let said = test.ann.put(&path, &json!({"record_calls": 5})).await.assert(200).json();
    assert_eq!(said["record_calls"], 5);
}
