//! Input that is made to cost much: refused at a named bound, and the host goes on.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::place::Place;
use crate::support::{Actor, On, Reply, TestApp};

both!(
    json_of_any_depth
    bodies_of_many_keys
    keys_that_come_twice
    headers_of_a_megabyte
    lists_of_many_ids
    sorts_and_pages_beyond_their_bounds
    packed_bodies
    a_formula_as_deep_and_as_costly_as_it_may_be
);

/// Longest time that a refusal may take, on a machine that does much else.
const SOON: Duration = Duration::from_secs(10);

async fn post(actor: &Actor, path: &str, body: String) -> Reply {
    let start = Instant::now();
    let reply = actor.send(Method::POST, path, Some(body)).await;
    assert!(start.elapsed() < SOON, "{path} took {:?}", start.elapsed());
    reply
}

/// So many objects in one another, around `true`.
fn nested(depth: usize) -> String {
    format!("{}true{}", "{\"_not\":".repeat(depth), "}".repeat(depth))
}

async fn json_of_any_depth(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for depth in [200, 10_000, 100_000] {
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for path in ["", "/search", "/aggregate", "/batch", "/upsert", "/merge", "/duplicates"] {
            let path = format!("/api/v1/records/contact{path}");
            for value in [&arrays, &nested(depth)] {
                let body = format!("{{\"filter\":{value}}}");
                post(&ann, &path, body).await.problem(400, "malformed_json");
            }
        }
        if depth < 5_000 {
            let query: String = form_urlencoded::byte_serialize(nested(depth).as_bytes()).collect();
            ann.get(&format!("/api/v1/records/contact?filter={query}")).await.problem(400, "malformed_json");
        }
    }
    // As deep as JSON may be, and still too deep for a filter.
    let body = format!("{{\"filter\":{}}}", nested(120));
    let problem = post(&ann, "/api/v1/records/contact/search", body).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "filter_too_deep");
}

/// An object of so many short keys.
fn keys(count: usize) -> String {
    let mut body = String::from("{\"name\":\"Ann\"");
    for key in 0..count {
        write!(body, ",\"{key:x}\":1").unwrap();
    }
    body + "}"
}

async fn bodies_of_many_keys(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    // A little over the limit: what is far over may be cut off before the answer is read.
    post(&ann, "/api/v1/records/contact", keys(120_000)).await.problem(413, "payload_too_large");
    let batch = format!("{{\"operations\":[{{\"op\":\"create\",\"fields\":{}}}]}}", keys(1_000_000));
    let reply = post(&ann, "/api/v1/records/contact/batch", batch).await;
    assert!(reply.text.len() < 100_000, "an answer of {} bytes", reply.text.len());
    // As many faults as are told, and one more.
    for (count, told, left_off) in [(100, 100, json!(null)), (101, 100, json!(1)), (90_000, 100, json!(89_900))] {
        let problem = post(&ann, "/api/v1/records/contact", keys(count)).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"].as_array().unwrap().len(), told);
        assert_eq!(problem["errors_left_off"], left_off);
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}

async fn keys_that_come_twice(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    // The last one counts, as everywhere in JSON, also where the first is wrong.
    let body = "{\"name\":7,\"name\":\"first\",\"\\u006eame\":\"last\"}".to_owned();
    let made = post(&ann, "/api/v1/records/contact", body).await.assert(201).json();
    assert_eq!(made["name"], "last");
    let twice = format!("{{{}\"name\":\"x\"}}", "\"name\":\"x\",".repeat(80_000));
    post(&ann, "/api/v1/records/contact", twice).await.assert(201);
    let filter = "{\"filter\":{\"name\":{\"_eq\":\"x\"},\"name\":{\"_eq\":\"last\"}}}".to_owned();
    let found = post(&ann, "/api/v1/records/contact/search", filter).await.assert(200).json();
    assert_eq!(found["data"], json!([made]));
}

async fn headers_of_a_megabyte(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let long = "x".repeat(1 << 20);
    for name in ["authorization", "idempotency-key", "if-match", "prefer", "x-request-id", "x-any"] {
        let client = crate::support::client();
        let url = ann.url("/api/v1/records/contact");
        // It may close the connection before all of it was sent.
        if let Ok(reply) = client.post(url).header(name, &long).body("{}").send().await {
            assert_eq!(reply.status().as_u16(), 431, "{name}");
        }
    }
    ann.get("/api/v1/records/contact").await.assert(200);
    let shorter = "x".repeat(100_000);
    let keyed = ann.with("idempotency-key", &shorter);
    assert!(keyed.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.status.is_client_error());
    assert!(ann.all("contact", &[]).await.is_empty());
}

async fn lists_of_many_ids(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let search = "/api/v1/records/contact/search";
    let ids = vec!["01a20031-9c4a-7239-8605-04c662a595e1"; 100_000];
    let body = json!({"filter": {"id": {"_in": ids}}}).to_string();
    post(&ann, search, body).await.problem(413, "payload_too_large");
    for filter in [
        json!({"name": {"_in": vec!["x"; 100_000]}}),
        json!({"id": {"_in": vec!["x"; 100_000]}}),
        json!({"company": {"_nin": vec!["x"; 100_000]}}),
        json!({"company": {"name": {"_in": vec!["x"; 100_000]}}}),
    ] {
        let body = json!({"filter": filter}).to_string();
        let problem = post(&ann, search, body.clone()).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{filter}");
        post(&ann, "/api/v1/records/contact/aggregate", body).await.problem(422, "validation_failed");
    }
}

async fn sorts_and_pages_beyond_their_bounds(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let many = vec!["name"; 50];
    let listed = |query: String| format!("/api/v1/records/contact?{query}");
    for (query, body) in [
        (format!("sort={}", many.join(",")), json!({"sort": many})),
        ("limit=1000000000".to_owned(), json!({"limit": 1_000_000_000})),
        ("limit=-1".to_owned(), json!({"limit": -1})),
        ("limit=18446744073709551616".to_owned(), json!({"limit": 1e300})),
    ] {
        let reply = ann.get(&listed(query)).await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{}", reply.text);
        let reply = post(&ann, "/api/v1/records/contact/search", body.to_string()).await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{body}: {}", reply.text);
    }
    ann.get("/api/v1/events?limit=1000000000").await.problem(422, "validation_failed");
    let expand: Json = vec!["company.contacts"; 50].into();
    let body = json!({"expand": expand}).to_string();
    post(&ann, "/api/v1/records/contact/search", body).await.problem(422, "validation_failed");
}

async fn packed_bodies(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    // The head of what gzip makes: a request is never unpacked, so it is no JSON.
    let bomb = "\u{1f}\u{8}\0\0\0\0\0\u{3}".to_owned() + "\0".repeat(1_000).as_str();
    for packing in ["gzip", "br", "zstd", "deflate", "gzip, gzip"] {
        let packed = ann.with("content-encoding", packing);
        post(&packed, "/api/v1/records/contact", bomb.clone()).await.problem(400, "malformed_json");
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}

/// In the real process: what overflows a stack ends it.
async fn a_formula_as_deep_and_as_costly_as_it_may_be(on: On) {
    let place = Place::make(on).await;
    let key = place.key().await;
    let (mut host, address) = place.serve().await;
    let test = TestApp::start(On::Sqlite).await;
    let ann = test.ann.with_key(&key).at(&address);
    let deep = vec!["size(name)"; 45].join("+");
    let notes = vec!["note"; 40].join("+");
    let costly = format!("size([note,note,note].map(a, [note,note,note].map(b, size(a + b + {notes}))))");
    for (name, expression) in [("x_deep", deep), ("x_costly", costly)] {
        let field =
            json!({"name": name, "label": name, "type": "formula", "returns": "integer", "expression": expression});
        ann.post("/api/v1/schema/contact/fields", &field).await.assert(201);
    }
    let small = ann.create("contact", json!({"name": "Ann", "note": "x"})).await;
    assert_eq!((&small["x_deep"], &small["x_costly"]), (&json!(135), &json!(3)));
    let start = Instant::now();
    let large = ann.create("contact", json!({"name": "Ann", "note": "x".repeat(100_000)})).await;
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    assert_eq!((&large["x_deep"], &large["x_costly"]), (&json!(135), &json!(null)));
    host.kill().await.unwrap();
}
