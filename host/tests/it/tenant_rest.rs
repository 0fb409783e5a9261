//! A suspended tenant rests: requests, jobs, webhooks, streams. Nothing is lost, and everything goes on afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::jobs::{contacts, killed_after};
use crate::loyalty::order;
use crate::receiver::Receiver;
use crate::stream::Reading;
use crate::support::{Actor, On, TestApp};
use crate::webhooks::make;

both!(
    a_suspended_tenant_rests_and_goes_on
    a_job_that_runs_rests_in_the_middle
    modules_rest_with_their_tenant
    a_stream_ends_when_its_tenant_rests
    other_nodes_know_within_a_second
);

const CONTACTS: &str = "/api/v1/records/contact";

async fn turn(olga: &Actor, turn: &str) -> Json {
    olga.post(&format!("/api/v1/tenants/first/{turn}"), &json!({})).await.assert(200).json()
}

async fn a_suspended_tenant_rests_and_goes_on(on: On) {
    let test = TestApp::with_webhooks(on, Clock::system()).await;
    let olga = test.operator().await;
    let receiver = Receiver::start().await;
    make(&test.ann, json!({"url": receiver.url("/ann"), "types": []})).await;
    make(&test.sam, json!({"url": receiver.url("/sam"), "types": []})).await;
    let import = test.ann.upload("object=contact&start=true", "text/csv", contacts(20)).await.assert(202).json();
    let job = format!("/api/v1/jobs/{}", import["job"]["id"].as_str().unwrap());
    test.ann.create("contact", json!({"name": "Ann's"})).await;
    test.sam.create("contact", json!({"name": "Sam's"})).await;

    assert_eq!(turn(&olga, "suspend").await["suspended_because"], "operator");
    // Once more changes nothing.
    assert_eq!(turn(&olga, "suspend").await["version"], 2);
    for path in [CONTACTS, "/api/v1/me", "/api/v1/usage", &job, "/api/v1/events"] {
        for actor in [&test.ann, &test.vic] {
            actor.get(path).await.problem(403, "tenant_suspended");
        }
    }
    test.ann.post(CONTACTS, &json!({"name": "No"})).await.problem(403, "tenant_suspended");
    test.app.run_due_jobs().await.unwrap();
    test.app.deliver_due().await.unwrap();
    let paths: Vec<String> = receiver.got().into_iter().map(|message| message.path).collect();
    assert_eq!(paths, ["/sam"]);
    assert_eq!(test.sam.all("contact", &[]).await.len(), 1);

    assert_eq!(turn(&olga, "resume").await["state"], "active");
    assert_eq!(test.ann.get(&job).await.assert(200).json()["state"], "queued");
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.assert(200).json();
    assert_eq!((&done["state"], &done["attempts"]), (&json!("done"), &json!(1)), "{done}");
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), 21);
    test.app.deliver_due().await.unwrap();
    assert_eq!(receiver.got().iter().filter(|message| message.path == "/ann").count(), 21);
    assert_eq!(receiver.got().iter().filter(|message| message.path == "/sam").count(), 1);
}

async fn a_job_that_runs_rests_in_the_middle(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    let import = test.ann.upload("object=contact&start=true", "text/csv", contacts(3_000)).await.assert(202).json();
    let job = format!("/api/v1/jobs/{}", import["job"]["id"].as_str().unwrap());
    let mut running = Box::pin(test.app.run_due_jobs());
    while test.ann.get(&job).await.assert(200).json()["progress"]["done"] == 0 {
        assert!(killed_after(1, &mut running).await.is_none(), "it ended before it was looked at");
    }
    turn(&olga, "suspend").await;
    running.await.unwrap();
    turn(&olga, "resume").await;
    let rested = test.ann.get(&job).await.assert(200).json();
    assert_eq!((&rested["state"], &rested["error"]), (&json!("queued"), &json!(null)), "{rested}");
    let before = test.ann.all("contact", &[("limit", "500")]).await.len();
    assert!(before < 3_000, "{before}");
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(test.ann.get(&job).await.assert(200).json()["state"], "done");
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), 3_000);
}

async fn modules_rest_with_their_tenant(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let olga = test.operator().await;
    let contact = test.ann.create("contact", json!({"name": "Buyer"})).await;
    order(&test.ann, &contact, "10.00").await;
    turn(&olga, "suspend").await;
    let modules = "/api/v1/modules/guildhall.retail-loyalty";
    test.ann.put(modules, &json!({"enabled": false})).await.problem(403, "tenant_suspended");
    turn(&olga, "resume").await;
    assert_eq!(test.ann.get("/api/v1/modules").await.assert(200).json()["data"][0]["enabled"], true);
    order(&test.ann, &contact, "5.00").await;
    assert_eq!(test.ann.all("loyalty.entry", &[]).await.len(), 2);
}

async fn a_stream_ends_when_its_tenant_rests(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    let mut ann = Reading::open(&test.ann, "", None).await;
    let mut sam = Reading::open(&test.sam, "", None).await;
    turn(&olga, "suspend").await;
    ann.end().await;
    test.sam.create("contact", json!({"name": "Sam's"})).await;
    assert_eq!(sam.event().await.unwrap()["data"]["object"], "contact");
}

async fn other_nodes_know_within_a_second(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    let app = crate::support::open(&test.database, Clock::system()).await.unwrap();
    let second = test.ann.at(&TestApp::listen(&Arc::clone(&app)).await);
    second.get(CONTACTS).await.assert(200);
    let mut stream = Reading::open(&second, "", None).await;
    turn(&olga, "suspend").await;
    // By itself, without a word from the first; the test is patient with a busy machine.
    let start = Instant::now();
    while second.get(CONTACTS).await.status == 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "the other node still serves");
    }
    second.get(CONTACTS).await.problem(403, "tenant_suspended");
    stream.end().await;
    turn(&olga, "resume").await;
    let start = Instant::now();
    while second.get(CONTACTS).await.status == 403 {
        assert!(start.elapsed() < Duration::from_secs(20), "the other node still refuses");
    }
    second.get(CONTACTS).await.assert(200);
}
