//! What calls of modules may use, as the operator sets it for a tenant; and what long calls of one tenant cost others.

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};
use std::time::Duration;

use crate::hostile::variant;
use crate::receiver::{Receiver, silent};
use crate::support::{Actor, On, TestApp};
use crate::workshop::{ACTION, WORKSHOP, step};

both!(
    a_tenant_has_limits_of_its_own
    no_tenant_has_more_than_the_host_gives
    every_limit_of_a_call_can_be_set
    loops_of_one_tenant_leave_room_for_others
);

async fn limit(operator: &Actor, tenant: &str, plugins: Json) {
    let tenant = format!("/api/v1/tenants/{tenant}");
    operator.patch(&tenant, &json!({"limits": {"plugins": plugins}})).await.assert(200);
}

async fn a_tenant_has_limits_of_its_own(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::with_plugin_at(on, "test.hostile", clock.clone()).await;
    test.sam.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    let olga = test.operator().await;
    let contact = async |actor: &Actor, note: &str| {
        // A standing is looked at again after a second.
        clock.advance(Duration::from_secs(61));
        actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
    };
    contact(&test.ann, "write-then-refuse").await.problem(422, "plugin_error");
    // One host call: what the SDK says of panics comes first, then the company.
    limit(&olga, "first", json!({"host_calls": 1})).await;
    contact(&test.ann, "host-calls").await.problem(422, "host_call_limit");
    contact(&test.sam, "write-then-refuse").await.problem(422, "plugin_error");
    limit(&olga, "first", json!({"memory_mb": 1})).await;
    contact(&test.ann, "fine").await.problem(422, "memory_limit");
    contact(&test.sam, "fine").await.assert(201);
    limit(&olga, "first", json!({})).await;
    contact(&test.ann, "fine").await.assert(201);
}

async fn no_tenant_has_more_than_the_host_gives(on: On) {
    let test = TestApp::start(on).await;
    // So much time that taking all the memory is no question of it.
    variant(&test, &test.ann, "patient", |manifest| {
        manifest["limits"] = json!({"cpu_ms": 1_000, "memory_mb": 64});
        manifest["hooks"]["before-write"][0]["timeout_ms"] = json!(5_000);
    })
    .await;
    let olga = test.operator().await;
    limit(&olga, "first", json!({"hook_cpu_ms": 1_000, "memory_mb": 64})).await;
    let contact =
        async |note: &str| test.ann.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await;
    contact("loop").await.problem(422, "cpu_limit");
    contact("allocate").await.problem(422, "memory_limit");
    // More than that is not bent, but refused: of a tenant and of a plan, each limit by its name.
    for (field, range, bad) in [
        ("hook_cpu_ms", "is 1 to 1000", json!({"hook_cpu_ms": 4_000_000})),
        ("request_cpu_ms", "is 1 to 2000", json!({"request_cpu_ms": 2_001})),
        ("background_cpu_ms", "is 1 to 10000", json!({"background_cpu_ms": 10_001})),
        ("memory_mb", "is 1 to 64", json!({"memory_mb": 100_000})),
        ("host_calls", "is 1 to 10000", json!({"host_calls": 5_000_000})),
        ("http_calls", "is 0 to 100", json!({"http_calls": 101})),
        ("at_once", "is 1 to 64", json!({"at_once": 1_000_000})),
        ("hook_cpu_ms", "expects a whole number of at least 1", json!({"hook_cpu_ms": 0})),
        ("memory_mb", "expects a whole number of at least 1", json!({"memory_mb": -1})),
        ("surprise", "is not known; expected one of `hook_cpu_ms`", json!({"surprise": 1})),
    ] {
        let of_tenant = olga.patch("/api/v1/tenants/first", &json!({"limits": {"plugins": bad}})).await;
        let of_plan = olga.put("/api/v1/plans/team", &json!({"plugins": bad})).await;
        for (path, reply) in [("limits.plugins", of_tenant), ("plugins", of_plan)] {
            let problem = reply.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], format!("{path}.{field}"), "{problem}");
            let message = problem["errors"][0]["message"].as_str().unwrap();
            assert!(message.starts_with(range), "{problem}");
        }
    }
    assert_eq!(olga.get("/api/v1/plans").await.assert(200).json()["data"], json!([]));
}

async fn every_limit_of_a_call_can_be_set(on: On) {
    let settings = guildhall::app::Settings { allow_private_webhooks: true, ..crate::support::settings() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    crate::workshop::install(&test).await;
    for actor in [&test.ann, &test.sam] {
        crate::workshop::enable(actor, WORKSHOP, &json!({})).await;
    }
    let olga = test.operator().await;
    let receiver = Receiver::start().await;
    receiver.answer(|_, _| silent());
    let url = receiver.named_url("/");
    let ask = json!({"do": "http", "url": url, "timeout_ms": 300});
    let waits = json!({"steps": [ask, ask]});
    let set = json!({"do": "kv_set", "key": "k", "size": 3_000});
    // As it is: both servers are waited for, and what is kept fits.
    for actor in [&test.ann, &test.sam] {
        actor.post(ACTION, &waits).await.assert(200);
        assert_eq!(step(actor, set.clone()).await, json!({"ok": null}));
    }
    // Whom a module asks is its own choice: that they are slow is no slowness of the host.
    limit(&olga, "first", json!({"request_wall_ms": 200})).await;
    test.ann.post(ACTION, &waits).await.problem(422, "wall_timeout");
    limit(&olga, "first", json!({"kv_mb": 0})).await;
    let more = json!({"do": "kv_set", "key": "more", "value": "x"});
    assert_eq!(step(&test.ann, more).await["fault"], "quota_exceeded");
    limit(&olga, "first", json!({"payload_kb": 2})).await;
    test.ann.post(ACTION, &json!({"steps": [set]})).await.problem(422, "payload_limit");
    limit(&olga, "first", json!({"log_lines": 2})).await;
    variant(&test, &test.ann, "chatty", |_| {}).await;
    test.sam.put("/api/v1/modules/test.chatty", &json!({"consent": ["*"]})).await.assert(200);
    let kept = async |actor: &Actor| {
        let flood = json!({"name": "Ann", "note": "log-flood"});
        actor.post("/api/v1/records/contact", &flood).await.problem(422, "host_call_limit");
        let mut lines = 0;
        let mut path = "/api/v1/modules/test.chatty/logs?limit=100".to_owned();
        loop {
            let page = actor.get(&path).await.assert(200).json();
            lines += page["data"].as_array().unwrap().len();
            let Some(next) = page["next_cursor"].as_str() else { break lines };
            path = format!("/api/v1/modules/test.chatty/logs?limit=100&cursor={next}");
        }
    };
    assert_eq!((kept(&test.ann).await, kept(&test.sam).await), (2, 100));
    // None of it was the other tenant's.
    test.sam.post(ACTION, &waits).await.assert(200);
    for bad in ["hook_wall_ms", "request_wall_ms", "background_wall_ms", "payload_kb", "module_at_once"] {
        let body = json!({"limits": {"plugins": {bad: 0}}});
        olga.patch("/api/v1/tenants/first", &body).await.problem(422, "validation_failed");
    }
}

async fn loops_of_one_tenant_leave_room_for_others(on: On) {
    let clock = Clock::manual(Clock::system().now());
    let test = TestApp::start_with(on, clock, guildhall::app::Settings::default()).await;
    for (actor, name) in [(&test.ann, "quick"), (&test.sam, "busy")] {
        variant(&test, actor, name, |manifest| {
            manifest["limits"]["cpu_ms"] = json!(1_000);
            manifest["hooks"]["before-write"][0]["timeout_ms"] = json!(5_000);
            // However often it fails, it is called.
            manifest["hooks"]["before-write"][0]["on_failure"] = json!("allow");
        })
        .await;
    }
    // Eight loops at once are all that one module may have; the ninth and the rest wait, and none of them keeps the
    // other tenant's calls from being made: they end while loops still go on.
    let loops = (0..4).map(|_| async {
        test.sam.post("/api/v1/records/contact", &json!({"name": "Sam", "note": "loop"})).await.assert(201)
    });
    let quick = async {
        let mut before = 0;
        for turn in 0..10 {
            let made = test.ann.create("contact", json!({"name": format!("ann {turn}"), "note": "amend"})).await;
            assert_eq!(made["name"], format!("ANN {turn}"));
            before += usize::from(test.sam.all("contact", &[]).await.is_empty());
        }
        before
    };
    let (_, before) = tokio::join!(join_all(loops), quick);
    assert!(before > 0, "calls of the quiet tenant waited for loops of the other one");
    assert_eq!(test.sam.all("contact", &[]).await.len(), 4);
}
