//! Bytes that modules sent stand in the ledger and in the usage, whatever became of the request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use guildhall::outbound::Names;
use serde_json::{Value as Json, json};

use crate::permissions::user;
use crate::receiver::{Receiver, silent, with_header};
use crate::support::{Actor, On, TestApp};
use crate::workshop::{ACTION, WORKSHOP, enable, run, start, step};

both!(
    who_is_asked_sees_what_it_is_a_part_of
    what_left_is_booked_whatever_the_answer
    each_host_of_a_redirect_has_its_own
    what_did_not_leave_is_not_booked
    a_request_in_flight_is_booked_when_its_call_is_given_up
);

fn post(url: &str) -> Json {
    json!({"do": "http", "method": "POST", "url": url, "body": "x".repeat(3_000)})
}

/// What was sent to a host, the newest first.
async fn sent(actor: &Actor, host: &str) -> Vec<Json> {
    let page = actor.get(&format!("/api/v1/plugin-access?host={host}")).await.assert(200).json();
    page["data"].as_array().unwrap().clone()
}

async fn usage(actor: &Actor) -> u64 {
    let told = actor.get("/api/v1/modules/test.workshop/usage").await.assert(200).json();
    told["total"]["bytes_sent"].as_u64().unwrap()
}

fn count(entry: &Json, name: &str) -> u64 {
    entry[name].as_u64().unwrap()
}

async fn what_left_is_booked_whatever_the_answer(on: On) {
    let TestApp { ann, vic, sam, .. } = start(on).await;
    let receiver = Receiver::start().await;
    let before = usage(&ann).await;
    // A redirect that leads inside.
    receiver.answer(|_, _| with_header(307, "location", "http://127.0.0.1:1/"));
    assert_eq!(step(&ann, post(&receiver.named_url("/"))).await["fault"], "egress_denied");
    // An answer that is too large.
    receiver.answer(|_, _| vec![b'y'; (1 << 20) + 1].into_response());
    assert_eq!(step(&ann, post(&receiver.named_url("/"))).await["fault"], "response_too_large");
    // One that does not come in time.
    receiver.answer(|_, _| silent());
    let mut late = post(&receiver.named_url("/"));
    late["timeout_ms"] = json!(300);
    assert_eq!(step(&ann, late).await["fault"], "timeout");
    assert_eq!(receiver.got().len(), 3);
    let told = sent(&ann, "localhost").await;
    let [late, large, redirected] = told.as_slice() else { panic!("{told:?}") };
    for entry in [late, large, redirected] {
        assert_eq!((count(entry, "requests"), &entry["extension_point"]), (1, &json!("action")), "{entry}");
        assert!(count(entry, "bytes_sent") > 3_000, "{entry}");
    }
    assert!(count(large, "bytes_received") > 1 << 20, "{large}");
    assert!(count(redirected, "bytes_received") >= "locationhttp://127.0.0.1:1/".len() as u64, "{redirected}");
    let all: u64 = told.iter().map(|entry| count(entry, "bytes_sent")).sum();
    assert_eq!(usage(&ann).await - before, all);
    // It is for who may read the trail, of this tenant.
    let seller = user(&ann, "sid", json!(["sales"])).await.at;
    for actor in [&vic, &seller] {
        actor.get("/api/v1/plugin-access?host=localhost").await.problem(403, "permission_denied");
    }
    assert!(sent(&sam, "localhost").await.is_empty());
}

async fn each_host_of_a_redirect_has_its_own(on: On) {
    let names = Names(Arc::new(|_| vec![IpAddr::from([127, 0, 0, 1])]));
    let settings = Settings { allow_private_webhooks: true, names: Some(names), ..Settings::default() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    crate::workshop::install(&test).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    let receiver = Receiver::start().await;
    let of = |name: &str| receiver.url("/").replace("127.0.0.1", name);
    let next = of("b.workshop.test");
    receiver.answer(move |message, _| {
        let is_first = message.headers["host"].to_str().unwrap().starts_with("a.");
        if is_first { with_header(302, "location", &next) } else { "hello".into_response() }
    });
    let get = json!({"do": "http", "url": of("a.workshop.test")});
    assert_eq!(step(&test.ann, get).await["ok"]["status"], 200);
    let (first, second) = (sent(&test.ann, "a.workshop.test").await, sent(&test.ann, "b.workshop.test").await);
    for told in [&first, &second] {
        let [entry] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(count(entry, "requests"), 1, "{entry}");
        assert!(count(entry, "bytes_sent") > 0 && count(entry, "bytes_received") > 0, "{entry}");
    }
    assert_eq!(first[0]["invocation"], second[0]["invocation"]);
}

async fn what_did_not_leave_is_not_booked(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let before = usage(&ann).await;
    let receiver = Receiver::start().await;
    let own = json!({"do": "http", "method": "POST", "url": receiver.named_url("/"), "headers": {"host": "inside"}});
    // Nobody listens there; nobody agreed to it; the header is the host's own.
    let steps = json!([post("http://localhost:1/"), post("http://elsewhere.example.com/"), own]);
    let faults: Vec<Json> = run(&ann, steps).await.iter().map(|result| result["fault"].clone()).collect();
    assert_eq!(faults, ["unreachable", "permission_denied", "egress_denied"]);
    assert_eq!(usage(&ann).await, before);
    for host in ["localhost", "elsewhere.example.com"] {
        assert!(sent(&ann, host).await.iter().all(|entry| entry["requests"] == 0), "{host}");
    }
}

async fn a_request_in_flight_is_booked_when_its_call_is_given_up(on: On) {
    let test = start(on).await;
    let receiver = Receiver::start().await;
    receiver.answer(|_, _| silent());
    let job = json!({"do": "enqueue", "name": "pay", "input": {"steps": [post(&receiver.named_url("/"))]}});
    run(&test.ann, json!([job])).await;
    let before = usage(&test.ann).await;
    // The job is dropped while it waits for the answer.
    tokio::select! {
        _ = test.app.run_due_jobs() => panic!("it ended before it was given up"),
        arrived = receiver.until(Duration::from_secs(10), |got| !got.is_empty()) => assert!(arrived),
    }
    let told = sent(&test.ann, "localhost").await;
    let [entry] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&entry["extension_point"], count(entry, "requests")), (&json!("job"), 1));
    assert!(count(entry, "bytes_sent") > 3_000, "{entry}");
    assert_eq!(usage(&test.ann).await - before, count(entry, "bytes_sent"));
}

async fn who_is_asked_sees_what_it_is_a_part_of(on: On) {
    let test = start(on).await;
    let receiver = Receiver::start().await;
    let ask = json!({"do": "http", "url": receiver.named_url("/"), "headers": {"traceparent": "00-own-own-01", "tracestate": "a=b"}});
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traced = test.ann.with("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"));
    let parents = || -> Vec<String> {
        let of = |message: crate::receiver::Message| {
            assert!(!message.headers.contains_key("tracestate"));
            message.headers["traceparent"].to_str().unwrap().to_owned()
        };
        receiver.got().into_iter().map(of).collect()
    };
    traced.post(ACTION, &json!({"steps": [ask, ask]})).await.assert(200);
    let seen = parents();
    for parent in &seen {
        let parts: Vec<&str> = parent.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[2].len(), parts[3]), ("00", trace, 16, "01"), "{parent}");
        assert_ne!(parts[2], "00f067aa0ba902b7", "a span of its own");
    }
    assert_ne!(seen[0], seen[1]);
    // Without one, it begins here: with the id that the answer names.
    receiver.forget();
    let reply = test.ann.post(ACTION, &json!({"steps": [ask]})).await.assert(200);
    let begun = reply.header("x-request-id").replace('-', "");
    assert!(parents()[0].starts_with(&format!("00-{begun}-")), "{:?}", parents());
    // What another origin is asked is none of its business.
    receiver.forget();
    let other = Receiver::start().await;
    let elsewhere = other.named_url("/there");
    receiver.answer(move |_, _| with_header(302, "location", &elsewhere));
    test.ann.post(ACTION, &json!({"steps": [ask]})).await.assert(200);
    assert!(!other.got()[0].headers.contains_key("traceparent"));
}
