//! A module that fails too often is not called for a while, in its tenant and nowhere else.

use std::time::Duration;

use guildhall::domain::clock::Clock;
use serde_json::json;

use crate::hostile::variant;
use crate::support::{Actor, On, Reply, TestApp};

both!(
    five_failures_in_a_minute_suspend_a_module
    failures_that_are_far_apart_do_not
    refusals_are_no_failures
    a_suspension_that_follows_another_is_longer
    answers_of_a_wrong_form_are_failures_too
    an_admin_ends_a_suspension
    a_hook_may_be_tried_again_or_end_its_module
);

const HOSTILE: &str = "test.hostile";

async fn contact(actor: &Actor, note: &str) -> Reply {
    actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
}

async fn state(actor: &Actor) -> (String, bool) {
    let module = &actor.get("/api/v1/modules").await.assert(200).json()["data"][0];
    (module["state"].as_str().unwrap().to_owned(), module["suspended_until"].is_string())
}

async fn start(on: On) -> (TestApp, Clock) {
    let clock = Clock::manual(Clock::system().now());
    (TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await, clock)
}

async fn five_failures_in_a_minute_suspend_a_module(on: On) {
    let (test, clock) = start(on).await;
    test.sam.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    for _ in 0..5 {
        assert_eq!(state(&test.ann).await, ("active".to_owned(), false));
        contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    }
    assert_eq!(state(&test.ann).await, ("suspended".to_owned(), true));
    // What it guards is refused meanwhile, what it does not look at goes on; another tenant's module runs.
    contact(&test.ann, "fine").await.problem(422, "module_suspended");
    test.ann.create("company", json!({"name": "Works"})).await;
    assert_eq!(state(&test.sam).await, ("active".to_owned(), false));
    contact(&test.sam, "amend").await.assert(201);
    clock.advance(Duration::from_secs(59));
    contact(&test.ann, "fine").await.problem(422, "module_suspended");
    clock.advance(Duration::from_secs(2));
    contact(&test.ann, "fine").await.assert(201);
    assert_eq!(state(&test.ann).await, ("active".to_owned(), false));
}

async fn failures_that_are_far_apart_do_not(on: On) {
    let (test, clock) = start(on).await;
    for _ in 0..12 {
        contact(&test.ann, "trap").await.problem(422, "plugin_trap");
        clock.advance(Duration::from_secs(16));
    }
}

async fn refusals_are_no_failures(on: On) {
    let (test, _) = start(on).await;
    for _ in 0..8 {
        contact(&test.ann, "refuse").await.problem(422, "plugin_error");
    }
    contact(&test.ann, "fine").await.assert(201);
}

async fn a_suspension_that_follows_another_is_longer(on: On) {
    let (test, clock) = start(on).await;
    for _ in 0..5 {
        contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    }
    clock.advance(Duration::from_secs(61));
    // One failure is enough now.
    contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    clock.advance(Duration::from_secs(61));
    contact(&test.ann, "fine").await.problem(422, "module_suspended");
    clock.advance(Duration::from_mins(1));
    // One good call between bad ones is no recovery.
    contact(&test.ann, "fine").await.assert(201);
    contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    let refused = contact(&test.ann, "fine").await;
    assert_eq!(refused.header("retry-after"), "240");
    refused.problem(422, "module_suspended");
    clock.advance(Duration::from_mins(4));
    contact(&test.ann, "fine").await.assert(201);
    clock.advance(Duration::from_mins(1));
    contact(&test.ann, "fine").await.assert(201);
    // It has worked for a while: everything is as in the beginning.
    contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    contact(&test.ann, "fine").await.assert(201);
}

async fn answers_of_a_wrong_form_are_failures_too(on: On) {
    let (test, _) = start(on).await;
    for _ in 0..5 {
        contact(&test.ann, "bad-json").await.problem(422, "plugin_error");
    }
    assert_eq!(state(&test.ann).await, ("suspended".to_owned(), true));
    let failures = test.ann.get("/api/v1/modules/test.hostile/failures").await.assert(200).json();
    assert_eq!(failures["data"].as_array().unwrap().len(), 5, "{failures}");
    // The admins find out why.
    let trail = test.ann.get("/api/v1/audit?object=%23modules").await.assert(200).json();
    let last = &trail["data"][0];
    assert_eq!(last["fields"], json!([HOSTILE, "suspended: plugin_error"]), "{trail}");
    assert_eq!(last["subject"]["kind"], "host");
    test.vic.get("/api/v1/audit?object=%23modules").await.problem(403, "permission_denied");
}

async fn an_admin_ends_a_suspension(on: On) {
    let (test, _) = start(on).await;
    for _ in 0..5 {
        contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    }
    test.vic.put("/api/v1/modules/test.hostile", &json!({"enabled": true})).await.problem(403, "permission_denied");
    contact(&test.ann, "fine").await.problem(422, "module_suspended");
    test.ann.put("/api/v1/modules/test.hostile", &json!({"enabled": true})).await.assert(200);
    contact(&test.ann, "fine").await.assert(201);
}

async fn a_hook_may_be_tried_again_or_end_its_module(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "again", |manifest| {
        manifest["hooks"]["before-write"][0]["on_failure"] = json!("retry");
    })
    .await;
    variant(&test, &test.sam, "fragile", |manifest| {
        manifest["hooks"]["before-write"][0]["on_failure"] = json!("disable");
    })
    .await;
    // Each of these is two calls: the third write is the fifth failure, and its second call finds the module suspended.
    contact(&test.ann, "write-then-trap").await.problem(422, "plugin_trap");
    contact(&test.ann, "write-then-trap").await.problem(422, "plugin_trap");
    contact(&test.ann, "write-then-trap").await.problem(422, "module_suspended");
    assert!(test.ann.all("company", &[]).await.is_empty() && test.ann.all("contact", &[]).await.is_empty());
    // The first failure ends it; the change goes on without it.
    contact(&test.sam, "write-then-trap").await.assert(201);
    assert_eq!(state(&test.sam).await, ("suspended".to_owned(), true));
    assert!(test.sam.all("company", &[]).await.is_empty());
    contact(&test.sam, "amend").await.assert(201);
    assert!(test.sam.all("contact", &[]).await.iter().all(|contact| contact["name"] == "Ann"));
}
