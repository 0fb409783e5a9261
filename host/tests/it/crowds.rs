//! Very many calls that take long, or that wait for others: hooks that are quick find a place all the same.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::future::join_all;
use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use guildhall::domain::plugin::{HookChange, Input};
use guildhall::domain::tenant::PluginLimits;
use guildhall::plugin::{Compiled, Failure, Limits, Queue, Turn};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::leaks::{Bench, Nobody};
use crate::receiver::Receiver;
use crate::support::{Actor, On, Reply, TestApp, settings};
use crate::workshop::{SHELF, enable, install, variant};

both!(
    calls_that_wait_for_servers_leave_places_to_hooks
    calls_that_take_long_leave_places_to_hooks
);

/// What tenants send at the same time: more than there are places of all kinds together.
const OF_MODULE: usize = 32;

/// A quiet tenant whose writes are looked at, and two others that may have very many calls at once.
async fn start(on: On) -> (TestApp, [Actor; 2]) {
    let settings = Settings { allow_private_webhooks: true, ..settings() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    install(&test).await;
    let key = test.app.create_tenant("third", "Third").await.unwrap().api_key;
    let crowds = [test.sam.clone(), test.ann.with_key(&key)];
    enable(&crowds[1], SHELF, &json!({})).await;
    let olga = test.operator().await;
    for tenant in ["second", "third"] {
        let limits = json!({"limits": {"plugins": {"at_once": 64, "module_at_once": OF_MODULE}}});
        olga.patch(&format!("/api/v1/tenants/{tenant}"), &limits).await.assert(200);
    }
    crate::hostile::variant(&test, &test.ann, "quick", |_| {}).await;
    (test, crowds)
}

/// Writes of the quiet tenant, each looked at by its module.
async fn quick(test: &TestApp) {
    for turn in 0..10 {
        let made = test.ann.create("contact", json!({"name": format!("ann {turn}"), "note": "amend"})).await;
        assert_eq!(made["name"], format!("ANN {turn}"));
    }
}

fn codes(replies: &[Reply]) -> Vec<String> {
    let code = |reply: &Reply| {
        if reply.status.is_success() {
            return "done".to_owned();
        }
        serde_json::from_str::<Json>(&reply.text).unwrap()["code"].as_str().unwrap().to_owned()
    };
    replies.iter().map(code).collect()
}

async fn calls_that_wait_for_servers_leave_places_to_hooks(on: On) {
    let (test, crowds) = start(on).await;
    let receiver = Receiver::start().await;
    let (open, gate) = watch::channel(false);
    receiver.answer(move |_, _| {
        let mut gate = gate.clone();
        axum::response::Response::new(Body::from_stream(futures_util::stream::once(async move {
            gate.wait_for(|is_open| *is_open).await.map(|_| Bytes::from_static(b"late"))
        })))
    });
    let url = receiver.named_url("/");
    let body = json!({"steps": [{"do": "http", "url": url, "timeout_ms": 5_000}]});
    let mut calls = Vec::new();
    for name in ["one", "two"] {
        let id = variant(&test, name, |_| {}).await;
        for actor in &crowds {
            enable(actor, &id, &json!({})).await;
            let path = format!("/api/v1/modules/{id}/actions/run");
            calls.extend((0..OF_MODULE).map(|_| (actor, path.clone())));
        }
    }
    let id = variant(&test, "three", |_| {}).await;
    enable(&test.ann, &id, &json!({})).await;
    let late = format!("/api/v1/modules/{id}/actions/run");
    let calls = join_all(calls.iter().map(|(actor, path)| actor.post(path, &body)));
    let others = async {
        assert!(receiver.until(Duration::from_secs(20), |got| got.len() == 32).await, "{}", receiver.got().len());
        // Whoever finds no place any more is told so; hooks find one.
        let late = test.ann.post(&late, &body);
        let (late, ()) = tokio::join!(late, quick(&test));
        late.problem(429, "overloaded");
        open.send(true).unwrap();
    };
    let (replies, ()) = tokio::join!(calls, others);
    // Those that waited have their answer, and so have some that came late enough.
    let codes = codes(&replies);
    assert!(codes.iter().filter(|code| *code == "done").count() >= 32, "{codes:?}");
    assert!(codes.iter().all(|code| code == "done" || code == "overloaded"), "{codes:?}");
}

/// A hook that is shown a contact with this command, by an engine alone.
async fn obey(bench: &Bench, plugin: &Compiled, command: &str) -> Result<(), Failure> {
    let after = json!({"id": "01a2", "name": "ann", "note": command}).to_string();
    let change = HookChange {
        operation: "create".to_owned(),
        object: "contact".to_owned(),
        id: "01a2".to_owned(),
        before: None,
        after: Some(after),
    };
    let input = Input::BeforeWrite(vec![change]);
    let limits = Limits::of(&plugin.manifest, None, &input, &PluginLimits::default());
    // Each of a tenant of its own, none of whose calls was ever slow.
    let queue = Queue::default();
    let turn = Turn { limits: &limits, queue: &queue, is_inner: false };
    bench.engine.call(plugin, turn, Arc::new(Nobody), input).await.result.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_take_long_and_no_more() {
    let bench = Bench::new();
    let plugin = bench.compiled(&crate::support::plugin("test.hostile")).await;
    // Fewer than there are places, and more than may take long.
    let loops = join_all((0..64).map(|_| obey(&bench, &plugin, "loop"))).await;
    let is = |failure: fn(&Failure) -> bool| loops.iter().filter(|one| one.as_ref().is_err_and(failure)).count();
    let (ended, refused) = (is(|one| matches!(one, Failure::CpuLimit)), is(|one| matches!(one, Failure::Overloaded)));
    assert!(ended >= 32 && refused > 0 && ended + refused == 64, "{ended} ended, {refused} refused");
    obey(&bench, &plugin, "amend").await.unwrap();
    assert_eq!(bench.engine.occupancy().map(|(taken, _)| taken), [0, 0]);
}

async fn calls_that_take_long_leave_places_to_hooks(on: On) {
    let (test, crowds) = start(on).await;
    let mut calls = Vec::new();
    for (name, actor) in ["one", "two"].into_iter().zip(&crowds) {
        for half in ["a", "b"] {
            let name = format!("{name}{half}");
            crate::hostile::variant(&test, actor, &name, |manifest| {
                manifest["hooks"]["before-write"][0]["operations"] = json!(["create"]);
            })
            .await;
        }
        calls.extend((0..2 * OF_MODULE).map(|_| actor));
    }
    let body = json!({"name": "Loop", "note": "loop"});
    let calls = join_all(calls.iter().map(|actor| actor.post("/api/v1/records/contact", &body)));
    let (replies, ()) = tokio::join!(calls, quick(&test));
    let codes = codes(&replies);
    let known = ["cpu_limit", "overloaded", "module_suspended"];
    assert!(codes.iter().all(|code| known.contains(&code.as_str())), "{codes:?}");
    for actor in &crowds {
        assert!(actor.all("contact", &[]).await.is_empty());
    }
}
