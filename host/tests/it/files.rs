//! The content of files: set, read, replaced, and by whom.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Actor, On, Reply, TestApp};

both!(
    a_content_is_set_and_read
    a_content_is_replaced_in_one_commit
    a_content_is_not_for_everybody
    a_content_is_never_run_by_a_browser
    a_repeated_content_is_stored_once
    a_content_over_the_limit_of_one_part_comes_back_whole
);

async fn set(actor: &Actor, path: &str, media_type: &str, bytes: impl Into<reqwest::Body>) -> Reply {
    actor.put_bytes(path, media_type, bytes).await
}

async fn file(actor: &Actor, name: &str) -> (String, String) {
    let made = actor.create("file", json!({"name": name})).await;
    let id = made["id"].as_str().unwrap();
    (format!("/api/v1/records/file/{id}"), format!("/api/v1/files/{id}/content"))
}

async fn a_content_is_set_and_read(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let (record, content) = file(&ann, "Offer 王.txt").await;
    ann.get(&content).await.problem(404, "not_found");
    let set = set(&ann, &content, "text/plain; charset=utf-8", "Hello").await.assert(200).json();
    let hash: String = Sha256::digest("Hello").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&set["size"], &set["sha256"], &set["version"]), (&json!(5), &json!(hash), &json!(2)));
    assert_eq!(ann.get(&record).await.json(), set);
    let read = vic.get(&content).await.assert(200);
    assert_eq!((read.text.as_str(), read.header("content-type")), ("Hello", "text/plain; charset=utf-8"));
    assert_eq!(read.header("content-disposition"), "attachment; filename*=UTF-8''Offer%20%E7%8E%8B.txt");
    let tag = read.header("etag").to_owned();
    assert_eq!(tag, format!("\"{hash}\""));
    vic.with("if-none-match", &tag).get(&content).await.assert(304);
    vic.with("if-none-match", "\"other\"").get(&content).await.assert(200);
    let events = ann.get(&format!("{record}/timeline")).await.json();
    assert_eq!(events["data"][0]["data"]["after"]["size"], 5);
}

async fn a_content_is_replaced_in_one_commit(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let (record, content) = file(&ann, "f").await;
    let first = set(&ann, &content, "text/plain", "one").await.assert(200);
    let stale = ann.with("if-match", "\"1\"");
    set(&stale, &content, "text/plain", "two").await.problem(412, "stale_version");
    assert_eq!(ann.get(&content).await.text, "one");
    set(&ann.with("if-match", first.header("etag")), &content, "application/pdf", "three").await.assert(200);
    let read = ann.get(&content).await.assert(200);
    assert_eq!((read.text.as_str(), read.header("content-type")), ("three", "application/pdf"));
    // Deleted and brought back, it has its content.
    ann.delete(&record).await.assert(204);
    ann.get(&content).await.problem(404, "not_found");
    set(&ann, &content, "text/plain", "four").await.problem(404, "not_found");
    ann.post(&format!("{record}/restore"), &json!({})).await.assert(200);
    assert_eq!(ann.get(&content).await.text, "three");
}

async fn a_content_is_not_for_everybody(on: On) {
    let TestApp { ann, vic, sam, anon, .. } = TestApp::start(on).await;
    let (record, content) = file(&ann, "f").await;
    set(&ann, &content, "text/plain", "ours").await.assert(200);
    let before = ann.get(&record).await.json();
    set(&vic, &content, "text/plain", "x").await.problem(403, "permission_denied");
    for reply in [set(&sam, &content, "text/plain", "x").await, sam.get(&content).await] {
        reply.problem(404, "not_found");
    }
    for reply in [set(&anon, &content, "text/plain", "x").await, anon.get(&content).await] {
        reply.problem(401, "unauthenticated");
    }
    let of_nobody = "/api/v1/files/01a2b3c4-0000-7000-8000-000000000000/content";
    set(&ann, of_nobody, "text/plain", "x").await.problem(404, "not_found");
    set(&ann, "/api/v1/files/x/content", "text/plain", "x").await.problem(404, "not_found");
    // What the host says of a content, nobody else says.
    for field in ["size", "sha256", "content", "media_type"] {
        let change = json!({field: if field == "size" { json!(1) } else { json!("x") }});
        ann.patch(&record, &change).await.problem(422, "validation_failed");
    }
    assert_eq!(ann.get(&record).await.json(), before);
    assert_eq!(ann.get(&content).await.text, "ours");
}

async fn a_content_is_never_run_by_a_browser(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let (_, content) = file(&ann, "x.svg").await;
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    set(&ann, &content, "image/svg+xml", svg).await.assert(200);
    let read = ann.get(&content).await.assert(200);
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    assert_eq!(read.header("content-security-policy"), "default-src 'none'; sandbox");
    assert!(read.header("content-disposition").starts_with("attachment"));
    for wrong in ["svg", "text/", "text html/x"] {
        set(&ann, &content, wrong, svg).await.problem(422, "validation_failed");
    }
}

async fn a_repeated_content_is_stored_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let (_, content) = file(&ann, "f").await;
    let once = ann.with("idempotency-key", "k");
    let first = set(&once, &content, "text/plain", "one").await.assert(200);
    let again = set(&once, &content, "text/plain", "one").await.assert(200);
    assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
    set(&once, &content, "text/plain", "two").await.problem(422, "idempotency_key_reused");
    assert_eq!(ann.get(&content).await.text, "one");
}

async fn a_content_over_the_limit_of_one_part_comes_back_whole(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let (_, content) = file(&ann, "f").await;
    let text: String = (0..200_000).map(|at| format!("{at:06} ")).collect();
    set(&ann, &content, "text/plain", text.clone()).await.assert(200);
    let read = ann.get(&content).await.assert(200);
    assert_eq!((read.text.len(), read.text == text), (1_400_000, true));
    assert_eq!(read.header("content-length"), "1400000");
}
