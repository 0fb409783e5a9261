//! A plugin that misbehaves: the caller gets the code of it, nothing of it
//! stays, and the host goes on.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, plugin_with};

both!(
    every_misdeed_has_its_code_and_leaves_nothing
    amendments_are_checked_like_input
    an_amendment_can_take_a_change_back
    fields_that_are_not_granted_cannot_be_asked_about
    queries_see_through_links_what_is_staged
    a_wall_limit_ends_a_call
    a_hook_that_may_fail_is_passed_over
    nothing_is_locked_while_a_hook_runs
    other_tenants_go_on_beside_loops
);

const HOSTILE: &str = "test.hostile";

async fn contact(actor: &Actor, note: &str) -> crate::support::Reply {
    actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
}

async fn every_misdeed_has_its_code_and_leaves_nothing(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let TestApp { ann, .. } = TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await;
    for (misdeed, code) in [
        ("trap", "plugin_trap"),
        ("loop", "cpu_limit"),
        ("allocate", "memory_limit"),
        ("recurse", "plugin_trap"),
        ("big-result", "payload_limit"),
        ("big-argument", "payload_limit"),
        ("big-log", "payload_limit"),
        ("host-calls", "host_call_limit"),
        ("bad-text", "plugin_trap"),
        ("bad-json", "plugin_error"),
        ("bad-patch", "plugin_error"),
        ("short-answer", "plugin_error"),
        ("write-then-trap", "plugin_trap"),
        ("write-then-refuse", "plugin_error"),
        ("refuse", "plugin_error"),
        ("refuse-all", "plugin_error"),
        ("undeclared", "plugin_error"),
        ("denied", "plugin_error"),
    ] {
        let problem = contact(&ann, misdeed).await.problem(422, code);
        assert_eq!(problem["plugin"], HOSTILE, "{misdeed}");
        let said = match misdeed {
            "refuse" | "refuse-all" | "write-then-refuse" => json!("not_welcome"),
            "undeclared" | "denied" => json!("permission_denied"),
            _ => json!(null),
        };
        assert_eq!(problem["plugin_code"], said, "{misdeed}");
        assert!(ann.all("contact", &[]).await.is_empty() && ann.all("company", &[]).await.is_empty(), "{misdeed}");
        // And the next call works; as long as it does not fail too often, it is called.
        clock.advance(Duration::from_mins(1));
        let fine = contact(&ann, "fine").await.assert(201);
        ann.delete(fine.header("location")).await.assert(204);
    }
    // The log is a host call like any other: a flood ends at their limit.
    contact(&ann, "log-flood").await.problem(422, "host_call_limit");
}

async fn amendments_are_checked_like_input(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let contact_amended = contact(&ann, "amend").await.assert(201);
    assert_eq!(contact_amended.json()["name"], "ANN");
    assert_eq!(ann.get(contact_amended.header("location")).await.json(), contact_amended.json());
    let problem = contact(&ann, "amend-unknown").await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "validation_failed");
    assert_eq!(problem["plugin_details"]["errors"][0]["code"], "unknown_field");
}

async fn an_amendment_can_take_a_change_back(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "upper", |manifest| {
        manifest["hooks"]["before-write"][0]["operations"] = json!(["update"]);
    })
    .await;
    let ann = &test.ann;
    let contact = ann.create("contact", json!({"name": "ANN", "note": "amend"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let reply = ann.patch(&path, &json!({"name": "ann"})).await.assert(200);
    assert_eq!((reply.header("etag"), reply.json()), ("\"1\"", contact.clone()));
    assert_eq!(ann.get(&path).await.json(), contact);
    let reply = ann.patch(&path, &json!({"name": "bea"})).await.assert(200);
    assert_eq!((reply.header("etag"), &reply.json()["name"]), ("\"2\"", &json!("BEA")));
}

async fn fields_that_are_not_granted_cannot_be_asked_about(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "masked", |manifest| {
        manifest["permissions"]["records"][0]["fields"] = json!(["name", "note"]);
    })
    .await;
    for misdeed in ["peek", "peek-by-order"] {
        let problem = contact(&test.ann, misdeed).await.problem(422, "plugin_error");
        assert_eq!(problem["plugin_code"], "permission_denied", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("contact.email"), "{problem}");
    }
    // What a link leads to has only the fields that are granted there; what is not granted at all has none.
    let blind = TestApp::start(on).await;
    variant(&blind, &blind.ann, "blind", |manifest| {
        manifest["permissions"]["records"][1]["fields"] = json!(["website"]);
    })
    .await;
    for (misdeed, path) in [
        ("peek-through-link", "`filter.company.name` `company` has"),
        ("peek-from-other-end", "`filter.orders` `contact` has"),
    ] {
        let problem = contact(&blind.ann, misdeed).await.problem(422, "plugin_error");
        assert_eq!(problem["plugin_code"], "invalid_query", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(path), "{problem}");
    }
    // With the grant, the same questions are answered.
    let open = TestApp::with_plugin(on, HOSTILE).await;
    for misdeed in ["peek", "peek-by-order", "peek-through-link"] {
        contact(&open.ann, misdeed).await.assert(201);
    }
}

async fn queries_see_through_links_what_is_staged(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let works = ann.create("company", json!({"name": "Works"})).await;
    for company in [&works["id"], &works["id"], &json!(null)] {
        ann.create("contact", json!({"name": "Ann", "company": company})).await;
    }
    // Two are stored; the third is the very contact that is being made.
    let body = json!({"name": "Bob", "company": works["id"], "note": "count-through-link"});
    let problem = ann.post("/api/v1/records/contact", &body).await.problem(422, "plugin_error");
    assert!(problem["detail"].as_str().unwrap().contains('3'), "{problem}");
    let problem = contact(&ann, "count-through-link").await.problem(422, "plugin_error");
    assert!(problem["detail"].as_str().unwrap().contains('2'), "{problem}");
    // What the command itself changes cannot be seen from afar, and that is said.
    let problem = contact(&ann, "ask-through-what-is-staged").await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "refused", "{problem}");
}

/// The hostile plugin under another manifest, enabled for this tenant.
pub async fn variant(test: &TestApp, actor: &Actor, name: &str, change: impl FnOnce(&mut Json)) {
    let wasm = plugin_with(HOSTILE, |manifest| {
        manifest["id"] = json!(format!("test.{name}"));
        manifest["namespace"] = json!(name);
        change(manifest);
    });
    test.app.install_plugin(&wasm).await.unwrap();
    actor.put(&format!("/api/v1/modules/test.{name}"), &json!({"consent": ["*"]})).await.assert(200);
}

async fn a_wall_limit_ends_a_call(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "patient", |manifest| {
        manifest["limits"]["cpu_ms"] = json!(1_000);
        manifest["hooks"]["before-write"][0]["timeout_ms"] = json!(1);
    })
    .await;
    contact(&test.ann, "loop").await.problem(422, "wall_timeout");
}

async fn a_hook_that_may_fail_is_passed_over(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "optional", |manifest| {
        manifest["hooks"]["before-write"][0]["on_failure"] = json!("allow");
    })
    .await;
    // It crashed after it had written a company: the contact stays, the company does not.
    contact(&test.ann, "write-then-trap").await.assert(201);
    assert_eq!(test.ann.all("contact", &[]).await.len(), 1);
    assert!(test.ann.all("company", &[]).await.is_empty());
    // Saying no is no failure.
    contact(&test.ann, "refuse").await.problem(422, "plugin_error");
}

async fn nothing_is_locked_while_a_hook_runs(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "slow", |manifest| {
        manifest["limits"]["cpu_ms"] = json!(1_000);
        manifest["hooks"]["before-write"][0]["timeout_ms"] = json!(5_000);
    })
    .await;
    let slow = tokio::spawn({
        let ann = test.ann.clone();
        async move { contact(&ann, "loop").await }
    });
    // Writes, of the same tenant and object too, end while the hook spins for its second.
    let (mut sent, mut ended_before) = (0, 0);
    while !slow.is_finished() {
        test.ann.create("company", json!({"name": format!("Company {sent}")})).await;
        contact(&test.ann, "fine").await.assert(201);
        sent += 1;
        ended_before += usize::from(!slow.is_finished());
    }
    assert!(ended_before > 0, "writes waited for the hook");
    slow.await.unwrap().problem(422, "cpu_limit");
    assert_eq!(test.ann.all("contact", &[]).await.len(), sent);
}

async fn other_tenants_go_on_beside_loops(on: On) {
    let test = TestApp::with_plugin(on, HOSTILE).await;
    let loops = join_all((0..16).map(|_| contact(&test.ann, "loop")));
    let others = join_all((0..64).map(|_| contact(&test.sam, "loop")));
    let (loops, others) = tokio::join!(loops, tokio::time::timeout(Duration::from_mins(1), others));
    // Each is stopped, until there were so many that the module is not called any more.
    let codes: Vec<Json> = loops.into_iter().map(|reply| reply.assert(422).json()["code"].clone()).collect();
    let stopped = codes.iter().filter(|code| **code == "cpu_limit").count();
    let turned_away = codes.iter().filter(|code| **code == "module_suspended").count();
    assert!(stopped >= 5 && stopped + turned_away == 16, "{codes:?}");
    // The second tenant has not enabled the plugin: its notes are just notes.
    for reply in others.unwrap() {
        reply.assert(201);
    }
}
