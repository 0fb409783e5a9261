//! Conditions on versions: nobody overwrites what they have not seen.

use serde_json::json;

use crate::support::{On, TestApp};

both!(a_stale_version_is_refused a_known_version_is_not_sent_again);

async fn a_stale_version_is_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    ann.with("if-match", "\"1\"").patch(&path, &json!({"city": "Bern"})).await.assert(200);
    let problem = ann.with("if-match", "\"1\"").patch(&path, &json!({"city": "Basel"})).await;
    assert_eq!(problem.header("etag"), "\"2\"");
    let problem = problem.problem(412, "stale_version");
    assert_eq!((&problem["current_version"], &problem["given_version"]), (&json!(2), &json!(1)));
    ann.with("if-match", "\"1\"").delete(&path).await.problem(412, "stale_version");
    ann.with("if-match", "W/\"2\"").delete(&path).await.problem(400, "invalid_header");
    ann.with("if-match", "2").delete(&path).await.problem(400, "invalid_header");
    let now = ann.get(&path).await.assert(200);
    assert_eq!((now.header("etag"), &now.json()["city"]), ("\"2\"", &json!("Bern")));
    ann.with("if-match", "*").patch(&path, &json!({"city": "Basel"})).await.assert(200);
    ann.with("if-match", "\"3\"").delete(&path).await.assert(204);
}

async fn a_known_version_is_not_sent_again(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let reply = ann.with("if-none-match", "\"1\"").get(&path).await.assert(304);
    assert_eq!((reply.header("etag"), reply.text.as_str()), ("\"1\"", ""));
    ann.with("if-none-match", "\"0\", W/\"7\"").get(&path).await.assert(200);
}
