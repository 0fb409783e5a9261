//! What modules say, and how their calls fail.

use std::time::Duration;

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::dump::holds;
use crate::hostile::variant;
use crate::permissions::user;
use crate::support::{Actor, On, TestApp};

both!(
    a_crash_is_told_with_its_last_words
    refusals_of_hooks_are_no_failures
    the_newest_lines_are_kept
    failures_are_kept_for_thirty_days
    only_who_configures_modules_sees_them
    what_was_said_of_an_erased_person_goes
);

const HOSTILE: &str = "test.hostile";
const LOGS: &str = "/api/v1/modules/test.hostile/logs";
const FAILURES: &str = "/api/v1/modules/test.hostile/failures";

async fn contact(actor: &Actor, note: &str) -> crate::support::Reply {
    actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
}

async fn list(actor: &Actor, path: &str) -> Vec<Json> {
    actor.get(path).await.assert(200).json()["data"].as_array().unwrap().clone()
}

async fn a_crash_is_told_with_its_last_words(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let reply = contact(&ann, "trap").await;
    let request = reply.header("x-request-id").to_owned();
    reply.problem(422, "plugin_trap");
    let failures = list(&ann, FAILURES).await;
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!((&failure["code"], &failure["extension_point"]), (&json!("plugin_trap"), &json!("before-write")));
    assert_eq!((&failure["version"], &failure["request"]), (&json!("0.1.0"), &json!(request)));
    assert!(failure["trap"].as_str().unwrap().contains("unreachable"), "{failure}");
    assert!(!failure["frames"].as_array().unwrap().is_empty(), "{failure}");
    assert!(failure["spent"]["cpu_us"].as_u64().unwrap() > 0 && failure["spent"]["host_calls"] == 1, "{failure}");
    assert_eq!((&failure["has_replay"], &failure["actor"]["kind"]), (&json!(false), &json!("key")));
    let lines = list(&ann, LOGS).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&line["level"], &line["invocation"]), (&json!("error"), &failure["id"]));
    assert!(line["message"].as_str().unwrap().contains("trapped on command"), "{line}");
    assert!(line["fields"]["place"].as_str().unwrap().contains("lib.rs"), "{line}");
    // Filters.
    let id = failure["id"].as_str().unwrap();
    assert_eq!(list(&ann, &format!("{LOGS}?level=error&invocation={id}")).await.len(), 1);
    assert!(list(&ann, &format!("{LOGS}?level=info")).await.is_empty());
    assert_eq!(list(&ann, &format!("{FAILURES}?code=plugin_trap&invocation={id}")).await.len(), 1);
    assert!(list(&ann, &format!("{FAILURES}?code=cpu_limit")).await.is_empty());
    for wrong in ["invocation=7", "from=soon", "cursor=x", "limit=0"] {
        for path in [LOGS, FAILURES] {
            ann.get(&format!("{path}?{wrong}")).await.problem(422, "validation_failed");
        }
    }
}

async fn refusals_of_hooks_are_no_failures(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    for note in ["refuse", "refuse-all", "fine"] {
        contact(&ann, note).await;
    }
    assert!(list(&ann, FAILURES).await.is_empty());
    contact(&ann, "short-answer").await.problem(422, "plugin_error");
    contact(&ann, "loop").await.problem(422, "cpu_limit");
    let codes: Vec<Json> = list(&ann, FAILURES).await.iter().map(|failure| failure["code"].clone()).collect();
    assert_eq!(codes, [json!("cpu_limit"), json!("plugin_error")]);
    let page = ann.get(&format!("{FAILURES}?limit=1")).await.assert(200).json();
    let next = page["next_cursor"].as_str().unwrap();
    let rest = ann.get(&format!("{FAILURES}?limit=1&cursor={next}")).await.assert(200).json();
    assert_eq!((&rest["data"][0]["code"], &rest["next_cursor"]), (&json!("plugin_error"), &Json::Null));
}

async fn the_newest_lines_are_kept(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await;
    // A call says a hundred lines at the most.
    for _ in 0..102 {
        contact(&test.ann, "log-flood").await.problem(422, "host_call_limit");
        clock.advance(Duration::from_secs(61));
    }
    let mut count = 0;
    let mut path = format!("{LOGS}?limit=500");
    loop {
        let page = test.ann.get(&path).await.assert(200).json();
        let lines = page["data"].as_array().unwrap();
        if count == 0 {
            assert_eq!(lines[0]["message"], "line 99 of a flood");
        }
        count += lines.len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{LOGS}?limit=500&cursor={next}");
    }
    assert_eq!(count, 10_000);
}

async fn failures_are_kept_for_thirty_days(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await;
    contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    clock.advance(Duration::from_hours(24 * 29));
    test.app.tidy_up().await.unwrap();
    assert_eq!(list(&test.ann, FAILURES).await.len(), 1);
    clock.advance(Duration::from_hours(48));
    test.app.tidy_up().await.unwrap();
    assert!(list(&test.ann, FAILURES).await.is_empty());
}

async fn only_who_configures_modules_sees_them(on: On) {
    let TestApp { ann, vic, sam, anon, .. } = TestApp::with_plugin(on, HOSTILE).await;
    contact(&ann, "trap").await.problem(422, "plugin_trap");
    let seller = user(&ann, "sid", json!(["sales"])).await.at;
    for path in [LOGS, FAILURES] {
        for actor in [&vic, &seller] {
            actor.get(path).await.problem(403, "permission_denied");
        }
        anon.get(path).await.problem(401, "unauthenticated");
        sam.get(path).await.problem(404, "not_found");
    }
    sam.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    for path in [LOGS, FAILURES] {
        assert!(list(&sam, path).await.is_empty());
    }
}

async fn what_was_said_of_an_erased_person_goes(on: On) {
    let test = TestApp::start(on).await;
    variant(&test, &test.ann, "lenient", |manifest| {
        manifest["hooks"]["before-write"][0]["on_failure"] = json!("allow");
    })
    .await;
    let ann = &test.ann;
    ann.put("/api/v1/modules/test.lenient", &json!({"keep_failures": true})).await.assert(200);
    // The module fails over the person, and the contact is stored all the same.
    let body = json!({"name": "Zoraida Quintanilla", "note": "trap"});
    let person = ann.post("/api/v1/records/contact", &body).await.assert(201).json();
    let other = ann.post("/api/v1/records/contact", &json!({"name": "Other", "note": "trap"})).await.assert(201);
    let failures = "/api/v1/modules/test.lenient/failures";
    let logs = "/api/v1/modules/test.lenient/logs";
    assert_eq!((list(ann, failures).await.len(), list(ann, logs).await.len()), (2, 2));
    assert!(holds(&test.database, "Quintanilla").await);
    let path = format!("/api/v1/records/contact/{}/person/erase", person["id"].as_str().unwrap());
    ann.post(&path, &json!({"confirm": person["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let left = list(ann, failures).await;
    assert_eq!((left.len(), list(ann, logs).await.len()), (1, 1));
    assert_eq!(left[0]["request"], other.header("x-request-id"));
    assert!(!holds(&test.database, "Quintanilla").await);
}
