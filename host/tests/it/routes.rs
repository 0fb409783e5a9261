//! Requests to routes of modules.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};
use crate::workshop::{WORKSHOP, enable, start, step, variant};

both!(
    a_module_sees_a_request_as_it_came
    a_module_answers_with_what_is_safe
    what_a_route_wrote_is_committed_before_the_answer
    paths_that_lead_nowhere_are_all_the_same
    a_viewer_looks_and_has_nothing_done
    bodies_are_bounded
    a_dry_run_answers_and_stores_nothing
);

const ECHO: &str = "/api/v1/x/test.workshop/echo/a";

/// Has the workshop answer so.
fn answering(actor: &Actor, answer: &Json) -> Actor {
    actor.with("x-answer", &answer.to_string())
}

fn doing(actor: &Actor, step: &Json) -> Actor {
    actor.with("x-steps", &json!({"steps": [step]}).to_string())
}

async fn a_module_sees_a_request_as_it_came(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let asking =
        ann.with("x-own", "1").with("x-forwarded-for", "10.0.0.1").with("cookie", "a=b").with("accept", "text/plain");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let body = (method != "GET").then(|| "as it is: {".to_owned());
        let path = format!("{ECHO}%2Fb/../c?x=1&x=%20");
        let seen = asking.send(method.parse().unwrap(), &path, body).await.assert(200).json();
        assert_eq!((&seen["method"], &seen["query"]), (&json!(method), &json!("x=1&x=%20")));
        assert_eq!(seen["path"], "/echo/c", "{seen}");
        assert_eq!(seen["body"], if method == "GET" { "" } else { "as it is: {" });
        let headers = seen["headers"].as_array().unwrap();
        assert!(headers.contains(&json!(["x-own", "1"])) && headers.contains(&json!(["accept", "text/plain"])));
        let own = |name: &str| headers.iter().any(|header| header[0] == name);
        for name in ["authorization", "cookie", "host", "x-forwarded-for", "content-length"] {
            assert!(!own(name), "{name}");
        }
    }
    let reply = ann.get(&format!("{ECHO}%2Fb")).await.assert(200);
    assert_eq!(reply.json()["path"], "/echo/a%2Fb");
    // HEAD is a GET whose body stays away.
    let head = ann.send(Method::HEAD, ECHO, None).await.assert(200);
    assert_eq!((head.text.as_str(), head.header("content-type")), ("", "application/json"));
}

async fn a_module_answers_with_what_is_safe(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let answer = json!({"status": 418, "body": "tea", "headers": {
        "Content-Type": "text/csv", "ETag": "\"1\"", "location": "/api/v1/me", "X-Own": "1", "cache-control": "max-age=5",
        "set-cookie": "guildhall_session=stolen", "content-security-policy": "default-src *", "x-content-type-options": "",
        "X-Accel-Redirect": "/etc/passwd", "x-request-id": "forged", "access-control-allow-origin": "*", "server": "me",
        "x-frame-options": "ALLOWALL", "strict-transport-security": "max-age=0", "content-disposition": "inline",
        "x-bad": "a\r\nset-cookie: b=c"}});
    let reply = answering(&ann, &answer).get(ECHO).await.assert(418);
    assert_eq!((reply.text.as_str(), reply.header("content-type"), reply.header("x-own")), ("tea", "text/csv", "1"));
    assert_eq!((reply.header("etag"), reply.header("location")), ("\"1\"", "/api/v1/me"));
    assert_eq!((reply.header("cache-control"), reply.header("x-content-type-options")), ("max-age=5", "nosniff"));
    assert_eq!(reply.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_ne!(reply.header("x-request-id"), "forged");
    for name in [
        "set-cookie",
        "x-accel-redirect",
        "access-control-allow-origin",
        "server",
        "x-frame-options",
        "x-bad",
        "strict-transport-security",
        "content-disposition",
    ] {
        assert!(!reply.headers.contains_key(name), "{name}");
    }
    for (named, sent) in [
        ("text/html; charset=utf-8", "text/plain; charset=utf-8"),
        ("image/svg+xml", "text/plain; charset=utf-8"),
        ("application/xhtml+xml", "text/plain; charset=utf-8"),
        ("application/javascript", "text/plain; charset=utf-8"),
        ("application/x-own", "application/octet-stream"),
        ("application/json", "application/json"),
    ] {
        let answer = json!({"body": "<script>alert(1)</script>", "headers": {"content-type": named}});
        let reply = answering(&ann, &answer).get(ECHO).await.assert(200);
        assert_eq!(reply.header("content-type"), sent, "{named}");
    }
    for location in ["https://example.com/", "//example.com/", "/\\example.com", "javascript:alert(1)"] {
        let reply =
            answering(&ann, &json!({"status": 201, "headers": {"location": location}})).get(ECHO).await.assert(201);
        assert!(!reply.headers.contains_key("location"), "{location}");
    }
    for status in [100, 199, 600] {
        answering(&ann, &json!({"status": status})).get(ECHO).await.problem(422, "plugin_error");
    }
}

async fn what_a_route_wrote_is_committed_before_the_answer(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let set = json!({"do": "kv_set", "key": "a", "value": "1"});
    doing(&ann, &set).post(ECHO, &json!({})).await.assert(200);
    assert_eq!(step(&ann, json!({"do": "kv_get", "key": "a"})).await, json!({"ok": "1"}));
    // A fault is a problem, and leaves nothing; an answer that is an error is an answer.
    let fail = json!({"do": "fail", "code": "no", "must": true});
    let both = json!({"steps": [{"do": "kv_set", "key": "a", "value": "2"}, fail]});
    let problem = ann.with("x-steps", &both.to_string()).post(ECHO, &json!({})).await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "no");
    assert_eq!(step(&ann, json!({"do": "kv_get", "key": "a"})).await, json!({"ok": "1"}));
    let set = json!({"do": "kv_set", "key": "a", "value": "3"});
    answering(&doing(&ann, &set), &json!({"status": 500, "body": "{}"})).post(ECHO, &json!({})).await.assert(500);
    assert_eq!(step(&ann, json!({"do": "kv_get", "key": "a"})).await, json!({"ok": "3"}));
}

async fn paths_that_lead_nowhere_are_all_the_same(on: On) {
    let test = start(on).await;
    let other = variant(&test, "bench", |_| {}).await;
    let mut problems = Vec::new();
    for path in [
        "/api/v1/x/test.none/one",
        &format!("/api/v1/x/{other}/one"),
        "/api/v1/x/test.workshop/two",
        "/api/v1/x/test.workshop/one/more",
        "/api/v1/x/test.workshop/echo",
        "/api/v1/x/test.workshop/ech",
        "/api/v1/x/test.workshop/echo2/a",
    ] {
        let mut problem = test.ann.get(path).await.problem(404, "not_found");
        problem["request_id"] = json!(null);
        problems.push(problem);
    }
    problems.dedup();
    assert_eq!(problems.len(), 1);
    test.sam.get(ECHO).await.problem(404, "not_found");
    test.anon.get(ECHO).await.problem(401, "unauthenticated");
    test.ann.post("/api/v1/x/test.workshop/one", &json!({})).await.problem(405, "method_not_allowed");
    test.ann.get("/api/v1/x/test.workshop/one").await.assert(200);
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    test.ann.get(ECHO).await.problem(404, "not_found");
}

async fn a_viewer_looks_and_has_nothing_done(on: On) {
    let TestApp { ann, vic, .. } = start(on).await;
    vic.post(ECHO, &json!({})).await.problem(403, "permission_denied");
    vic.get(ECHO).await.assert(200);
    for step in [
        json!({"do": "kv_set", "key": "a", "value": "1"}),
        json!({"do": "publish", "type": "workshop.item.done", "data": {}}),
        json!({"do": "enqueue", "name": "a", "input": {}}),
        json!({"do": "http", "url": "http://localhost:1/"}),
        json!({"do": "create", "object": "workshop.note", "fields": {"title": "a"}}),
        json!({"do": "sign", "name": "API_KEY", "data": "a"}),
    ] {
        let seen = doing(&vic, &step).get(ECHO).await.assert(200).json();
        assert_eq!(seen["results"][0]["fault"], "permission_denied", "{step}");
    }
    let seen = doing(&vic, &json!({"do": "kv_get", "key": "a"})).get(ECHO).await.assert(200).json();
    assert_eq!(seen["results"][0], json!({"ok": null}));
    assert_eq!(step(&ann, json!({"do": "count", "object": "workshop.note"})).await, json!({"ok": 1}));
}

async fn bodies_are_bounded(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let body = |size: usize| Some("x".repeat(size));
    ann.send(Method::POST, ECHO, body((1 << 20) + 1)).await.problem(413, "payload_too_large");
    let sized = |size: usize| answering(&ann, &json!({"size": size}));
    assert_eq!(sized(1_000_000).get(ECHO).await.assert(200).text.len(), 1_000_000);
    sized((1 << 20) + 1).get(ECHO).await.problem(422, "payload_limit");
}

async fn a_dry_run_answers_and_stores_nothing(on: On) {
    let TestApp { ann, .. } = start(on).await;
    ann.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
    let steps = |steps: Json| ann.with("x-steps", &json!({"steps": steps}).to_string());
    let deeds = steps(json!([
        {"do": "context"},
        {"do": "create", "object": "workshop.note", "fields": {"title": "made"}},
        {"do": "kv_set", "key": "a", "value": "1"},
        {"do": "enqueue", "name": "work", "input": {}},
        {"do": "publish", "type": "workshop.item.done", "data": {}},
        {"do": "http", "method": "POST", "url": "http://localhost:1/"},
    ]));
    let reply = deeds.with("prefer", "dry-run").post(ECHO, &json!({"a": 1})).await.assert(200);
    assert_eq!(reply.header("preference-applied"), "dry-run");
    // The module answers as it would, and knows that it is a try.
    let seen = reply.json();
    assert_eq!((&seen["body"], &seen["results"][0]["ok"]["dry_run"]), (&json!(r#"{"a":1}"#), &json!(true)));
    for at in 1..5 {
        assert!(seen["results"][at].get("ok").is_some(), "{seen}");
    }
    assert_eq!(seen["results"][5]["fault"], "not_allowed_here");
    let kept = async || {
        let jobs = ann.get("/api/v1/jobs?kind=module_job").await.assert(200).json()["data"].as_array().unwrap().len();
        let made = ann.all("workshop.note", &[("filter[title][_eq]", "made")]).await.len();
        (jobs, made, step(&ann, json!({"do": "kv_get", "key": "a"})).await["ok"].clone())
    };
    assert_eq!(kept().await, (0, 0, json!(null)));
    // What could not be committed is refused as it would be.
    let taken = steps(json!([{"do": "create", "object": "contact", "fields": {"name": "Bob", "email": "ann@x.com"}}]));
    for actor in [&taken, &taken.with("prefer", "dry-run")] {
        let problem = actor.post(ECHO, &json!({})).await.problem(422, "plugin_error");
        assert_eq!(problem["plugin_code"], "duplicate", "{problem}");
    }
    // There would be nothing at the place that it names.
    let answer = json!({"status": 201, "headers": {"location": "/api/v1/me"}});
    let reply = answering(&ann.with("prefer", "dry-run"), &answer).post(ECHO, &json!({})).await.assert(201);
    assert!(!reply.headers.contains_key("location"));
    // Without the wish, it is done.
    let reply = deeds.post(ECHO, &json!({})).await.assert(200);
    assert!(!reply.headers.contains_key("preference-applied"));
    assert_eq!(kept().await, (1, 1, json!("1")));
}
