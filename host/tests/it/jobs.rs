//! Jobs: one runner for each, over all nodes; leases, cancelling, keys that end.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use guildhall::app::App;
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    two_nodes_and_one_job
    a_lost_runner_is_replaced_and_writes_nothing_more
    a_job_can_be_cancelled_in_the_middle
    a_key_that_expired_meanwhile
    jobs_are_listed_by_page_kind_and_state
    wrong_questions_for_jobs
    who_asked_may_cancel
    a_node_that_ends_gives_its_jobs_back
    what_has_ended_is_forgotten_in_time
);

/// A clock that is ahead by so much and stands still.
pub fn ahead(by: Duration) -> Clock {
    let clock = Clock::manual(Timestamp::from_micros(Clock::system().now().micros()));
    clock.advance(by);
    clock
}

/// Another node, whose clock is ahead by so many minutes.
pub async fn node(test: &TestApp, minutes: u64) -> Arc<App> {
    crate::support::open(&test.database, ahead(Duration::from_secs(minutes * 60))).await.unwrap()
}

/// Polls a future so often at most, and drops it where it is.
pub async fn killed_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// So many contacts as CSV.
pub fn contacts(count: usize) -> String {
    let rows = (0..count).map(|at| format!("Person {at},p{at}@x.com,e{at}\n"));
    format!("name,email,external_id\n{}", rows.collect::<String>())
}

async fn start(ann: &Actor, rows: usize) -> (String, String) {
    let import = ann.upload("object=contact&start=true", "text/csv", contacts(rows)).await.assert(202).json();
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    (text(&import["id"]), format!("/api/v1/jobs/{}", text(&import["job"]["id"])))
}

async fn two_nodes_and_one_job(on: On) {
    let test = TestApp::start(on).await;
    let other = crate::support::open(&test.database, Clock::system()).await.unwrap();
    let mut jobs = Vec::new();
    for _ in 0..5 {
        let export = test.ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
        jobs.push(format!("/api/v1/jobs/{}", export["id"].as_str().unwrap()));
    }
    let (left, right) = tokio::join!(test.app.run_due_jobs(), other.run_due_jobs());
    left.unwrap();
    right.unwrap();
    for job in jobs {
        let job = test.ann.get(&job).await.assert(200).json();
        assert_eq!((&job["state"], &job["attempts"]), (&json!("done"), &json!(1)), "{job}");
    }
}

async fn a_lost_runner_is_replaced_and_writes_nothing_more(on: On) {
    let test = TestApp::start(on).await;
    let (_, job) = start(&test.ann, 1_000).await;
    // The first runner stops in the middle, and does not know that it is given up.
    let mut slow = Box::pin(test.app.run_due_jobs());
    let is_begun = |job: &Json| job["progress"]["done"].as_u64().unwrap() > 0;
    while !is_begun(&test.ann.get(&job).await.json()) {
        assert!(killed_after(1, &mut slow).await.is_none(), "it ended before it was looked at");
    }
    node(&test, 10).await.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.assert(200).json();
    assert_eq!((&done["state"], &done["attempts"]), (&json!("done"), &json!(2)), "{done}");
    slow.await.unwrap();
    let after = test.ann.get(&job).await.assert(200).json();
    assert_eq!(after, done);
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), 1_000);
}

/// All contacts, asked for while a job comes to its end: it may be at something that a list waits for.
pub async fn all_beside<E: Debug>(actor: &Actor, job: impl Future<Output = Result<(), E>>) -> Vec<Json> {
    let limit = [("limit", "500")];
    let (all, ended) = tokio::join!(biased; actor.all("contact", &limit), job);
    ended.unwrap();
    all
}

async fn a_job_can_be_cancelled_in_the_middle(on: On) {
    let test = TestApp::start(on).await;
    let (import, job) = start(&test.ann, 2_000).await;
    let mut running = Box::pin(test.app.run_due_jobs());
    while test.ann.get(&job).await.json()["progress"]["done"].as_u64().unwrap() == 0 {
        assert!(killed_after(1, &mut running).await.is_none());
    }
    let cancelled = test.ann.post(&format!("{job}/cancel"), &json!({})).await.assert(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    let stored = all_beside(&test.ann, running).await.len();
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), stored);
    assert!(stored < 2_000);
    let again = test.ann.post(&format!("{job}/cancel"), &json!({})).await.assert(200).json();
    assert_eq!(again["state"], "cancelled");

    // It goes on where it was.
    test.ann.post(&format!("/api/v1/imports/{import}/start"), &json!({})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), 2_000);
}

async fn a_key_that_expired_meanwhile(on: On) {
    let test = TestApp::start(on).await;
    let end = Timestamp::from_micros(Clock::system().now().micros() + 60_000_000);
    let (_, key) = test.app.create_key("first", "admin", "short", Some(end)).await.unwrap();
    let (_, job) = start(&test.ann.with_key(&key), 10).await;
    node(&test, 10).await.run_due_jobs().await.unwrap();
    let failed = test.ann.get(&job).await.assert(200).json();
    assert_eq!((&failed["state"], &failed["error"]["code"]), (&json!("failed"), &json!("unauthenticated")), "{failed}");
    assert!(test.ann.all("contact", &[]).await.is_empty());
}

async fn jobs_are_listed_by_page_kind_and_state(on: On) {
    let test = TestApp::start(on).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let export = test.ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
        ids.insert(0, export["id"].clone());
    }
    start(&test.ann, 1).await;
    let mut listed = Vec::new();
    let mut path = "/api/v1/jobs?kind=export&state=queued&limit=2".to_owned();
    loop {
        let page = test.vic.get(&path).await.assert(200).json();
        listed.extend(page["data"].as_array().unwrap().iter().map(|job| job["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/jobs?kind=export&state=queued&limit=2&cursor={next}");
    }
    listed.sort_by_key(ToString::to_string);
    ids.sort_by_key(ToString::to_string);
    assert_eq!(listed, ids);
    let count = |page: Json| page["data"].as_array().unwrap().len();
    assert_eq!(count(test.ann.get("/api/v1/jobs").await.json()), 4);
    assert_eq!(count(test.ann.get("/api/v1/jobs?state=done").await.json()), 0);
    assert_eq!(count(test.sam.get("/api/v1/jobs").await.json()), 0);
}

async fn wrong_questions_for_jobs(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for query in ["state=lost", "cursor=%00", "cursor=1", "limit=0", "limit=501"] {
        ann.get(&format!("/api/v1/jobs?{query}")).await.problem(422, "validation_failed");
    }
    ann.get("/api/v1/jobs?limit=x").await.problem(400, "invalid_parameter");
    ann.get("/api/v1/jobs?colour=red").await.problem(400, "unknown_parameter");
    ann.get("/api/v1/jobs/7").await.problem(404, "not_found");
}

async fn who_asked_may_cancel(on: On) {
    let test = TestApp::start(on).await;
    let ask = json!({"object": "contact"});
    let own = test.vic.post("/api/v1/exports", &ask).await.assert(202).json();
    let others = test.ann.post("/api/v1/exports", &ask).await.assert(202).json();
    let cancel = |job: &Json| format!("/api/v1/jobs/{}/cancel", job["id"].as_str().unwrap());
    test.vic.post(&cancel(&own), &json!({})).await.assert(200);
    test.vic.post(&cancel(&others), &json!({})).await.problem(403, "permission_denied");
    test.app.run_due_jobs().await.unwrap();
    let state = |job: &Json| format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(test.ann.get(&state(&own)).await.json()["state"], "cancelled");
    assert_eq!(test.ann.get(&state(&others)).await.json()["state"], "done");
}

async fn a_node_that_ends_gives_its_jobs_back(on: On) {
    let test = TestApp::start(on).await;
    let (_, job) = start(&test.ann, 1_000).await;
    let mut running = Box::pin(test.app.run_due_jobs());
    while test.ann.get(&job).await.json()["progress"]["done"].as_u64().unwrap() == 0 {
        assert!(killed_after(1, &mut running).await.is_none());
    }
    drop(running);
    test.app.give_back_jobs().await;
    assert_eq!(test.ann.get(&job).await.json()["state"], "queued");
    let other = crate::support::open(&test.database, Clock::system()).await.unwrap();
    other.run_due_jobs().await.unwrap();
    assert_eq!(test.ann.get(&job).await.json()["state"], "done");
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), 1_000);
}

async fn what_has_ended_is_forgotten_in_time(on: On) {
    let test = TestApp::start(on).await;
    let (import, job) = start(&test.ann, 3).await;
    let export = test.ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
    let file = format!("/api/v1/exports/{}/file", export["id"].as_str().unwrap());
    test.app.run_due_jobs().await.unwrap();
    let day = 24 * 60;
    node(&test, 6 * day).await.tidy_up().await.unwrap();
    test.ann.get(&file).await.assert(200);
    node(&test, 8 * day).await.tidy_up().await.unwrap();
    test.ann.get(&file).await.problem(404, "not_found");
    test.ann.get(&job).await.assert(200);
    node(&test, 31 * day).await.tidy_up().await.unwrap();
    test.ann.get(&job).await.problem(404, "not_found");
    test.ann.get(&format!("/api/v1/imports/{import}")).await.problem(404, "not_found");
    assert_eq!(test.ann.all("contact", &[]).await.len(), 3);
}
