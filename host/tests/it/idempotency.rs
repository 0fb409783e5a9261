//! Idempotency keys: a repeated request changes nothing and gets the first answer.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{On, TestApp};

both!(
    the_same_request_is_done_once
    another_request_under_the_same_key_is_refused
    keys_of_others_are_others
    fifty_at_once_do_one_thing
    an_error_is_not_kept
    keys_have_a_length
);

async fn the_same_request_is_done_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let first = once.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.assert(201);
    let again = once.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.assert(201);
    assert_eq!(first.text, again.text);
    for name in ["etag", "location", "content-type"] {
        assert_eq!(first.header(name), again.header(name));
    }
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(ann.all("contact", &[]).await.len(), 1);

    let path = first.header("location");
    let change = ann.with("idempotency-key", "k2");
    change.patch(path, &json!({"city": "Bern"})).await.assert(200);
    ann.patch(path, &json!({"city": "Basel"})).await.assert(200);
    assert_eq!(change.patch(path, &json!({"city": "Bern"})).await.assert(200).json()["city"], "Bern");
    assert_eq!(ann.get(path).await.json()["city"], "Basel");

    let end = ann.with("idempotency-key", "k3");
    end.delete(path).await.assert(204);
    assert_eq!(end.delete(path).await.assert(204).header("idempotency-replayed"), "true");
}

async fn another_request_under_the_same_key_is_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let contact = once.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.assert(201);
    once.post("/api/v1/records/contact", &json!({"name": "Bob"})).await.problem(422, "idempotency_key_reused");
    once.post("/api/v1/records/company", &json!({"name": "Ann"})).await.problem(422, "idempotency_key_reused");
    once.delete(contact.header("location")).await.problem(422, "idempotency_key_reused");
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
}

async fn keys_of_others_are_others(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let body = json!({"name": "Ann"});
    let first = ann.with("idempotency-key", "k1").post("/api/v1/records/contact", &body).await.assert(201);
    let other = sam.with("idempotency-key", "k1").post("/api/v1/records/contact", &body).await.assert(201);
    assert_ne!(first.json()["id"], other.json()["id"]);
}

async fn fifty_at_once_do_one_thing(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let body = json!({"name": "Ann"});
    let replies = join_all((0..50).map(|_| once.post("/api/v1/records/contact", &body))).await;
    let first = replies[0].json();
    for reply in replies {
        assert_eq!(reply.assert(201).json(), first);
    }
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
}

async fn an_error_is_not_kept(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    once.post("/api/v1/records/contact", &json!({})).await.problem(422, "validation_failed");
    once.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.assert(201);
}

async fn keys_have_a_length(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let body = json!({"name": "Ann"});
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    ann.with("idempotency-key", &longest).post("/api/v1/records/contact", &body).await.assert(201);
    let refused = ann.with("idempotency-key", &too_long).post("/api/v1/records/contact", &body).await;
    refused.problem(400, "invalid_header");
    ann.with("idempotency-key", "").post("/api/v1/records/contact", &body).await.problem(400, "invalid_header");
}
