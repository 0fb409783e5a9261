//! Ways to write a path that others took for another one: here they reach nothing, and nobody asks for free by them.

use std::num::NonZeroU32;

use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::dump::digest;
use crate::support::{Actor, On, TestApp};

both!(
    cve_2026_15704_basyx
    cve_2026_73553_envoy
    ghsa_3q34_heimdall
    headers_name_no_other_operation
    strapi_4_12_1_rate_limit
    cve_2026_35408_directus
);

/// Sends a path as it is, which clients would tidy up; returns the status and the answer.
async fn raw(actor: &Actor, method: &str, path: &str, key: Option<&str>) -> (u16, String) {
    let address = actor.url("");
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{key}content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer[9..12].parse().unwrap(), answer)
}

/// Everything that only admins may, and what the variants of a path are tried with.
const GUARDED: &[(&str, &str)] = &[
    ("GET", "/api/v1/webhooks"),
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/roles"),
    ("POST", "/api/v1/users"),
    ("POST", "/api/v1/api-keys"),
    ("POST", "/api/v1/schema"),
    ("POST", "/api/v1/exports"),
];

/// No variant of a guarded path answers anybody, and nothing is written by one.
async fn nothing_by(on: On, variants: impl Fn(&str) -> Vec<String>) {
    let test = TestApp::start(on).await;
    let contact = test.ann.create("contact", json!({"name": "Ann"})).await;
    let own = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let before = digest(&test.database).await;
    let mut count = 0;
    let of_record = [("GET", own.as_str()), ("DELETE", own.as_str()), ("PATCH", own.as_str())];
    for (method, path) in GUARDED.iter().copied().chain(of_record) {
        for variant in variants(path) {
            for key in [None, Some(test.vic.key()), Some(test.sam.key()), Some(test.ann.key())] {
                let (status, answer) = raw(&test.ann, method, &variant, key).await;
                let refused = [400, 401, 403, 404, 405, 422].contains(&status);
                assert!(refused, "{method} {variant:?} as {key:?}: {answer}");
                assert!(!answer.contains("\"Ann\"") && !answer.contains("\"data\""), "{variant:?}: {answer}");
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
    assert_eq!(digest(&test.database).await, before);
}

/// A slash at the end, or two of them, or none where one belongs.
async fn cve_2026_15704_basyx(on: On) {
    let variants = |path: &str| {
        vec![
            format!("{path}/"),
            format!("{path}//"),
            format!("/{path}"),
            format!("//{path}"),
            path.replacen("/v1/", "/v1//", 1),
            path.replacen("/api/", "//api//", 1),
            format!("{path}/."),
            format!("{path}%2f"),
            format!("{path}%20"),
            format!("{path}%00"),
            format!("{path}%0a"),
            format!("{path}.json"),
            path.to_uppercase(),
            path.replacen("/api/", "/Api/", 1),
            path.replacen('v', "V", 1),
        ]
    };
    nothing_by(on, variants).await;
}

/// Parameters of a part of the path.
async fn cve_2026_73553_envoy(on: On) {
    let variants = |path: &str| {
        vec![
            format!("{path};"),
            format!("{path};x=1"),
            format!("{path};/"),
            path.replacen("/v1/", "/v1;x=1/", 1),
            path.replacen("/api/", "/api;/", 1),
            format!("{path}%3bx=1"),
            format!("/;{path}"),
            path.replacen("/v1/", "/v1/x;/../", 1),
            format!("{path},x"),
            format!("{path}:x"),
        ]
    };
    nothing_by(on, variants).await;
}

/// Dots, plain and encoded, and slashes that only some decode.
async fn ghsa_3q34_heimdall(on: On) {
    let variants = |path: &str| {
        let last = path.rsplit('/').next().unwrap();
        vec![
            path.replacen("/v1/", "/v1/./", 1),
            path.replacen("/v1/", "/v1/x/../", 1),
            path.replacen("/v1/", "/v1/%2e/", 1),
            path.replacen("/v1/", "/v1/x/%2e%2e/", 1),
            path.replacen("/v1/", "/v1/x/.%2e/", 1),
            path.replacen("/v1/", "/v1/x%2f..%2f", 1),
            path.replacen("/v1/", "/v1/..;/v1/", 1),
            path.replacen("/v1/", "/v1%2f", 1),
            path.replacen("/v1/", "/v1%5c", 1),
            path.replacen("/v1/", "/v1/%252e%252e/v1/", 1),
            format!("/livez/..{path}"),
            format!("/livez/%2e%2e{path}"),
            format!("/docs/..{path}"),
            format!("/api/v1/openapi.json/../{last}"),
            format!("/api/v1/records/contact/..%2f..%2f{last}"),
            format!("/api/v1/records/../{last}"),
            format!("/readyz/%2e%2e%2fapi%2fv1%2f{last}"),
        ]
    };
    nothing_by(on, variants).await;
}

/// What a proxy in front would call another path or method is nothing here.
async fn headers_name_no_other_operation(on: On) {
    let test = TestApp::start(on).await;
    let contact = test.ann.create("contact", json!({"name": "Ann"})).await;
    let own = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let before = digest(&test.database).await;
    for name in [
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-uri",
        "x-forwarded-prefix",
        "x-envoy-original-path",
        "x-accel-redirect",
    ] {
        for path in ["/api/v1/webhooks", "/api/v1/roles", own.as_str()] {
            let reply = test.vic.with(name, path).get("/livez").await.assert(200);
            assert!(!reply.text.contains("data") && !reply.text.contains("Ann"), "{name}: {}", reply.text);
            test.anon.with(name, "/livez").get(path).await.problem(401, "unauthenticated");
        }
        test.vic.with(name, "/api/v1/me").get("/api/v1/webhooks").await.problem(403, "permission_denied");
    }
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let got = test.ann.with(name, "DELETE").get(&own).await.assert(200).json();
        assert_eq!(got, contact, "{name}");
        test.ann.post(&format!("{own}?_method=DELETE"), &json!({})).await.assert(405);
    }
    assert_eq!(digest(&test.database).await, before);
}

/// However a path is written that reaches an operation, the key has one allowance.
async fn strapi_4_12_1_rate_limit(on: On) {
    let settings = Settings { key_rate: NonZeroU32::new(1), ..crate::support::settings() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    let variants = [
        "/api/v1/records/contact",
        "/api/v1/records/contact?limit=1",
        "/api/v1/records/%63ontact",
        "/api/v1/records/contac%74?limit=2",
        "/api/v1/records/contact?",
        "/api/v1/records/contact#x",
        "/api/v1/records/company",
        "/api/v1/records/%63%6fmpany",
        "/api/v1/me",
        "/api/v1/schema/contac%74",
    ];
    let (mut answered, mut refused) = (0, 0);
    for path in variants.iter().cycle().take(40) {
        let (status, answer) = raw(&test.ann, "GET", path, Some(test.ann.key())).await;
        answered += usize::from(status == 200);
        refused += usize::from(status == 429);
        assert!([200, 400, 404, 429].contains(&status), "{path}: {answer}");
    }
    // Forty would take forty seconds; the allowance is for two, and one more each second.
    assert!(refused > 0 && answered < 40, "{answered} answered, {refused} refused");
    // Whatever another address claims to have sent it, it is the same key.
    let mut refused = 0;
    for at in 0..20 {
        let reply = test.ann.with("x-forwarded-for", &format!("192.0.2.{at}")).get("/api/v1/me").await;
        refused += usize::from(reply.status == 429);
    }
    assert!(refused > 0);
}

/// No page that another site opened keeps a hold of one of ours.
async fn cve_2026_35408_directus(on: On) {
    let test = TestApp::start(on).await;
    for path in ["/", "/docs/", "/api/v1/openapi.json", "/api/v1/records/contact", "/nothing"] {
        let reply = test.anon.get(path).await;
        assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin", "{path}");
    }
}
