//! Work that modules put aside, and tasks of theirs that are due.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};
use crate::workshop::{ACTION, SHELF, WORKSHOP, enable, notes, run, start, start_at, variant};

both!(
    a_job_is_queued_with_the_commit_and_done_as_the_module
    a_job_that_fails_is_tried_again_when_it_may_pass
    a_job_of_a_module_that_is_off_fails
    tasks_are_done_once_for_each_time
    tasks_follow_the_clock_of_the_tenant
    tasks_go_with_their_module
    tasks_of_a_revoked_version_rest
);

fn manual() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-26T10:30:00Z").unwrap())
}

fn queue(name: &str, input: &Json) -> Json {
    json!({"do": "enqueue", "name": name, "input": input})
}

/// The notes by name: what happens at one time has no order.
async fn sorted(actor: &Actor) -> Vec<String> {
    let mut titles = notes(actor).await;
    titles.sort();
    titles
}

async fn jobs(actor: &Actor) -> Vec<Json> {
    actor.get("/api/v1/jobs?kind=module_job").await.assert(200).json()["data"].as_array().unwrap().clone()
}

async fn a_job_is_queued_with_the_commit_and_done_as_the_module(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    let inside =
        json!({"steps": [{"do": "context"}, {"do": "create", "object": "contact", "fields": {"name": "by a job"}}]});
    let mut later = queue("later", &json!({}));
    later["delay_ms"] = json!(60_000);
    let results = run(&test.ann, json!([queue("work", &inside), later])).await;
    let fail = json!({"do": "fail", "code": "no", "must": true});
    test.ann.post(ACTION, &json!({"steps": [queue("never", &json!({})), fail]})).await.assert(422);
    let dry = test.ann.with("prefer", "dry-run");
    dry.post(ACTION, &json!({"steps": [queue("never", &json!({}))]})).await.assert(200);
    test.app.run_due_jobs().await.unwrap();
    let path = format!("/api/v1/jobs/{}", results[0]["ok"].as_str().unwrap());
    let job = test.ann.get(&path).await.assert(200).json();
    assert_eq!((&job["state"], &job["kind"]), (&json!("done"), &json!("module_job")));
    let context = &job["result"][0]["ok"];
    assert_eq!((&context["point"], &context["actor"]), (&json!("job"), &json!("plugin")));
    assert_eq!(context["actor_id"], WORKSHOP);
    assert_eq!(test.ann.all("contact", &[]).await.len(), 1);
    assert_eq!(sorted(&test.ann).await, ["enable", "work"]);
    clock.advance(Duration::from_mins(2));
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(sorted(&test.ann).await, ["enable", "later", "work"]);
    assert_eq!(jobs(&test.ann).await.len(), 2);
}

async fn a_job_that_fails_is_tried_again_when_it_may_pass(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    let failing = |retryable: bool| {
        let fail = json!({"do": "fail", "code": "busy", "retryable": retryable, "must": true});
        queue("job", &json!({"steps": [fail]}))
    };
    run(&test.ann, json!([failing(true), failing(false), queue("job", &json!({"steps": [{"do": "trap"}]}))])).await;
    test.app.run_due_jobs().await.unwrap();
    let mut states: Vec<(String, String)> = jobs(&test.ann)
        .await
        .iter()
        .map(|job| {
            let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
            (text("state"), job["error"]["code"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    states.sort();
    let expected = [("failed", "plugin_error"), ("failed", "plugin_trap"), ("queued", "plugin_error")];
    assert_eq!(states, expected.map(|(state, code)| (state.to_owned(), code.to_owned())));
    // Nothing of what failed stays.
    assert_eq!(notes(&test.ann).await, ["enable"]);
    clock.advance(Duration::from_mins(1));
    test.app.run_due_jobs().await.unwrap();
    let again = jobs(&test.ann).await.into_iter().find(|job| job["state"] == "queued").unwrap();
    assert_eq!(again["attempts"], 2);
}

async fn a_job_of_a_module_that_is_off_fails(on: On) {
    let test = start(on).await;
    run(&test.ann, json!([queue("work", &json!({}))])).await;
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    test.app.run_due_jobs().await.unwrap();
    let job = jobs(&test.ann).await.remove(0);
    assert_eq!((&job["state"], &job["error"]["code"]), (&json!("failed"), &json!("refused")));
}

async fn node(test: &TestApp, clock: &Clock) -> std::sync::Arc<guildhall::app::App> {
    crate::support::open(&test.database, clock.clone()).await.unwrap()
}

/// Queues what is due and does it.
async fn tick(test: &TestApp) {
    test.app.queue_due_tasks().await.unwrap();
    test.app.run_due_jobs().await.unwrap();
}

async fn tasks_are_done_once_for_each_time(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    tick(&test).await;
    assert_eq!(notes(&test.ann).await, ["enable"]);
    clock.advance(Duration::from_mins(30));
    // Three nodes look at once.
    let (one, two) = (node(&test, &clock).await, node(&test, &clock).await);
    let (a, b, c) = tokio::join!(one.queue_due_tasks(), two.queue_due_tasks(), test.app.queue_due_tasks());
    a.and(b).and(c).unwrap();
    let (a, b, c) = tokio::join!(one.run_due_jobs(), two.run_due_jobs(), test.app.run_due_jobs());
    a.and(b).and(c).unwrap();
    assert_eq!(sorted(&test.ann).await, ["enable", "tick"]);
    // What was missed comes once, named by the time it was first due at.
    clock.advance(Duration::from_mins(5 * 60 + 10));
    tick(&test).await;
    tick(&test).await;
    let ticks = test.ann.all("workshop.note", &[("filter[title][_eq]", "tick"), ("sort", "text")]).await;
    let due: Vec<&str> = ticks.iter().map(|note| note["text"].as_str().unwrap()).collect();
    assert_eq!(due, ["2026-11-26T11:00:00.000000Z", "2026-11-26T12:00:00.000000Z"]);
    clock.advance(Duration::from_mins(50));
    tick(&test).await;
    assert_eq!(notes(&test.ann).await.iter().filter(|title| *title == "tick").count(), 3);
}

async fn tasks_follow_the_clock_of_the_tenant(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    let key = test.app.create_tenant_in("third", "Third shop", "Asia/Kolkata").await.unwrap().api_key;
    let ravi = test.ann.with_key(&key);
    let other = variant(&test, "bench", |manifest| {
        manifest["hooks"]["scheduled"] = json!([{"name": "tick", "cron": "30 17 * * *"}]);
    })
    .await;
    for id in [SHELF, &other] {
        enable(&ravi, id, &json!({})).await;
    }
    // 17:30 there is 12:00 in UTC.
    for (minutes, count) in [(89, 0), (1, 1)] {
        clock.advance(Duration::from_mins(minutes));
        tick(&test).await;
        let ticks = ravi.all("bench.note", &[("filter[title][_eq]", "tick")]).await;
        assert_eq!(ticks.len(), count);
    }
}

async fn tasks_go_with_their_module(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    clock.advance(Duration::from_hours(2));
    tick(&test).await;
    enable(&test.ann, WORKSHOP, &json!({"enabled": true})).await;
    tick(&test).await;
    assert!(!notes(&test.ann).await.contains(&"tick".to_owned()));
    clock.advance(Duration::from_hours(1));
    tick(&test).await;
    assert!(notes(&test.ann).await.contains(&"tick".to_owned()));
}

async fn tasks_of_a_revoked_version_rest(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    let module = &test.ann.get("/api/v1/modules").await.json()["data"][0];
    let revoke = format!("/api/v1/plugins/{WORKSHOP}/versions/{}/revoke", module["version"].as_str().unwrap());
    let olga = test.operator().await;
    olga.post(&revoke, &json!({"reason": "leaks addresses"})).await.assert(204);
    for _ in 0..3 {
        clock.advance(Duration::from_hours(1));
        tick(&test).await;
    }
    let jobs = test.ann.get("/api/v1/jobs").await.assert(200).json()["data"].clone();
    assert_eq!(jobs, json!([]), "none that could only fail");
    assert_eq!(notes(&test.ann).await, ["enable"]);
}
