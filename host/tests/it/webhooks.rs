//! Webhooks as an admin sets them up, and what others may not.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::receiver::Receiver;
use crate::support::{Actor, On, TestApp};

both!(
    a_webhook_is_made_changed_and_removed
    the_secret_is_shown_once
    a_rotated_secret_signs_beside_the_old_one
    both_kinds_of_signatures
    only_admins_of_the_tenant_see_webhooks
    what_is_wrong_is_told_at_once
    a_tenant_has_so_many_webhooks
    a_write_with_a_key_is_done_once
    deliveries_are_listed_page_by_page
);

const LIST: &str = "/api/v1/webhooks";

/// Makes a webhook, and returns it with its path.
pub async fn make(actor: &Actor, body: Json) -> (Json, String) {
    let made = actor.post(LIST, &body).await.assert(201).json();
    let path = format!("{LIST}/{}", made["id"].as_str().unwrap());
    (made, path)
}

async fn a_webhook_is_made_changed_and_removed(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let url = "https://hooks.example.com/a";
    let reply = ann.post(LIST, &json!({"url": url, "types": ["contact.*"], "description": "Shop"})).await.assert(201);
    let made = reply.json();
    let path = reply.header("location").to_owned();
    assert_eq!((&made["url"], &made["enabled"], &made["signature"]), (&json!(url), &json!(true), &json!("v1")));
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(ann.get(&path).await.assert(200).json(), shown);
    let changed = ann.patch(&path, &json!({"enabled": false, "types": []})).await.assert(200).json();
    assert_eq!((&changed["enabled"], &changed["types"], &changed["url"]), (&json!(false), &json!([]), &json!(url)));
    assert_eq!(ann.get(LIST).await.assert(200).json(), json!({"data": [changed]}));
    ann.delete(&path).await.assert(204);
    ann.get(&path).await.problem(404, "not_found");
    ann.delete(&path).await.problem(404, "not_found");
    ann.patch(&path, &json!({})).await.problem(404, "not_found");
    ann.get(&format!("{LIST}/7")).await.problem(404, "not_found");
}

async fn the_secret_is_shown_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let (made, path) = make(&ann, json!({"url": "https://hooks.example.com/"})).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let rotated = ann.post(&format!("{path}/rotate"), &json!({})).await.assert(200).json();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert!(second.starts_with("whsec_") && second != secret);
    for text in [
        ann.get(LIST).await.text,
        ann.get(&path).await.text,
        ann.patch(&path, &json!({"description": "x"})).await.assert(200).text,
        ann.get(&format!("{path}/deliveries")).await.assert(200).text,
    ] {
        assert!(!text.contains("whsec_") && !text.contains(&secret[6..]) && !text.contains(&second[6..]), "{text}");
    }
}

async fn a_rotated_secret_signs_beside_the_old_one(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-22T10:00:00Z").unwrap());
    let TestApp { app, ann, .. } = TestApp::with_webhooks(on, clock.clone()).await;
    let receiver = Receiver::start().await;
    let (made, path) = make(&ann, json!({"url": receiver.url("/")})).await;
    let rotated = ann.post(&format!("{path}/rotate"), &json!({})).await.assert(200).json();
    let (old, new) = (made["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    for (hours, count) in [(0, 2), (23, 2), (2, 1)] {
        clock.advance(Duration::from_hours(hours));
        ann.create("contact", json!({"name": "Ann"})).await;
        app.deliver_due().await.unwrap();
        let message = receiver.got().pop().unwrap();
        let now = clock.now().micros() / 1_000_000;
        assert_eq!(message.signatures(), count);
        assert!(message.is_signed(new, now));
        assert_eq!(message.is_signed(old, now), count == 2);
        assert!(!message.is_signed(new, now + 301) && !message.is_signed(new, now - 301));
    }
    assert_eq!(receiver.got().len(), 3);
}

async fn both_kinds_of_signatures(on: On) {
    let TestApp { app, ann, .. } = TestApp::with_webhooks(on, Clock::system()).await;
    let receiver = Receiver::start().await;
    let (made, _) = make(&ann, json!({"url": receiver.url("/pair"), "signature": "v1a"})).await;
    assert!(made.get("secret").is_none(), "whoever verifies needs no secret");
    let public = made["public_key"].as_str().unwrap();
    assert!(public.starts_with("whpk_"));
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (brought, _) = make(&ann, json!({"url": receiver.url("/own"), "secret": own})).await;
    assert_eq!(brought["secret"], own);
    ann.create("contact", json!({"name": "Ann"})).await;
    app.deliver_due().await.unwrap();
    let got = receiver.got();
    let now = Clock::system().now().micros() / 1_000_000;
    for (path, key) in [("/pair", public), ("/own", own)] {
        let message = got.iter().find(|message| message.path == path).unwrap();
        assert!(message.is_signed(key, now), "{path}");
        assert_eq!(message.event()["id"], message.id.as_str());
        assert_eq!(message.headers["content-type"], "application/json");
    }
    // Messages have the form of the API.
    let of_api = crate::timeline::all_events(&ann, "").await;
    assert_eq!(of_api[0], got[0].event());
}

async fn only_admins_of_the_tenant_see_webhooks(on: On) {
    let TestApp { app, ann, vic, sam, anon, .. } = TestApp::with_webhooks(on, Clock::system()).await;
    let receiver = Receiver::start().await;
    let (_, path) = make(&ann, json!({"url": receiver.url("/")})).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    sam.create("contact", json!({"name": "Sam"})).await;
    app.deliver_due().await.unwrap();
    let got = receiver.got();
    assert_eq!((got.len(), got[0].record()), (1, contact["id"].as_str().unwrap().to_owned()));
    let replay = format!("{path}/deliveries/{}/replay", got[0].id);
    for (actor, status, code) in
        [(&vic, 403, "permission_denied"), (&sam, 404, "not_found"), (&anon, 401, "unauthenticated")]
    {
        actor.get(&path).await.problem(status, code);
        actor.get(&format!("{path}/deliveries")).await.problem(status, code);
        actor.patch(&path, &json!({"enabled": false})).await.problem(status, code);
        actor.post(&format!("{path}/rotate"), &json!({})).await.problem(status, code);
        actor.post(&format!("{path}/replay"), &json!({"since": "2020-01-01"})).await.problem(status, code);
        actor.post(&replay, &json!({})).await.problem(status, code);
        actor.delete(&path).await.problem(status, code);
    }
    vic.get(LIST).await.problem(403, "permission_denied");
    vic.post(LIST, &json!({"url": receiver.url("/")})).await.problem(403, "permission_denied");
    assert_eq!(sam.get(LIST).await.assert(200).json(), json!({"data": []}));
    app.deliver_due().await.unwrap();
    assert_eq!(receiver.got().len(), 1);
    assert_eq!(ann.get(&path).await.assert(200).json()["enabled"], true);
}

async fn what_is_wrong_is_told_at_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let url = "https://hooks.example.com/";
    let long = "x".repeat(256);
    let many: Vec<String> = (0..51).map(|count| format!("a{count}.*")).collect();
    for (body, field, code) in [
        (json!({}), "url", "required"),
        (json!({"url": 7}), "url", "wrong_type"),
        (json!({"url": url, "types": "contact.*"}), "types", "wrong_type"),
        (json!({"url": url, "types": ["Contact"]}), "types", "wrong_type"),
        (json!({"url": url, "types": [7]}), "types", "wrong_type"),
        (json!({"url": url, "types": many}), "types", "out_of_range"),
        (json!({"url": url, "description": long}), "description", "out_of_range"),
        (json!({"url": url, "description": "a\u{0}b"}), "description", "out_of_range"),
        (json!({"url": url, "enabled": "yes"}), "enabled", "wrong_type"),
        (json!({"url": url, "signature": "v2"}), "signature", "unknown_option"),
        (json!({"url": url, "secret": "whsec_AAAA"}), "secret", "wrong_type"),
        (
            json!({"url": url, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signature": "v1a"}),
            "secret",
            "wrong_type",
        ),
        (json!({"url": url, "tenant": "x"}), "tenant", "unknown_field"),
    ] {
        let problem = ann.post(LIST, &body).await.problem(422, "validation_failed");
        assert_eq!(
            (&problem["errors"][0]["field"], &problem["errors"][0]["code"]),
            (&json!(field), &json!(code)),
            "{body}"
        );
    }
    let (_, path) = make(&ann, json!({"url": url})).await;
    for body in [json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}), json!({"signature": "v1a"})] {
        let problem = ann.patch(&path, &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "read_only");
    }
    for body in
        [json!({}), json!({"since": null}), json!({"since": "yesterday"}), json!({"since": "2026-01-01", "x": 1})]
    {
        ann.post(&format!("{path}/replay"), &body).await.problem(422, "validation_failed");
    }
    ann.get(&format!("{path}/deliveries?status=lost")).await.problem(422, "validation_failed");
    ann.get(&format!("{path}/deliveries?cursor=x")).await.problem(422, "validation_failed");
    ann.get(&format!("{path}/deliveries?state=dead")).await.problem(400, "unknown_parameter");
    let missing = "01a20031-9c4a-7239-8605-04c662a595e1";
    ann.post(&format!("{path}/deliveries/{missing}/replay"), &json!({})).await.problem(404, "not_found");
}

async fn a_tenant_has_so_many_webhooks(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let body = json!({"url": "https://hooks.example.com/"});
    for _ in 0..50 {
        ann.post(LIST, &body).await.assert(201);
    }
    ann.post(LIST, &body).await.problem(409, "refused");
    assert_eq!(ann.get(LIST).await.assert(200).json()["data"].as_array().unwrap().len(), 50);
}

async fn a_write_with_a_key_is_done_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let body = json!({"url": "https://hooks.example.com/"});
    let once = |key: &str| ann.with("idempotency-key", key);
    let first = once("a").post(LIST, &body).await.assert(201);
    let again = once("a").post(LIST, &body).await.assert(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
    once("a").post(LIST, &json!({"url": "https://example.com/"})).await.problem(422, "idempotency_key_reused");
    let path = first.header("location").to_owned();
    let rotate = format!("{path}/rotate");
    let secret = once("b").post(&rotate, &json!({})).await.assert(200).json()["secret"].clone();
    assert_eq!(once("b").post(&rotate, &json!({})).await.assert(200).json()["secret"], secret);
    assert_eq!(ann.get(LIST).await.json()["data"].as_array().unwrap().len(), 1);
    once("c").delete(&path).await.assert(204);
    assert_eq!(once("c").delete(&path).await.assert(204).header("idempotency-replayed"), "true");
}

async fn deliveries_are_listed_page_by_page(on: On) {
    let TestApp { app, ann, .. } = TestApp::with_webhooks(on, Clock::system()).await;
    let receiver = Receiver::start().await;
    let (_, path) = make(&ann, json!({"url": receiver.url("/")})).await;
    for name in 0..7 {
        ann.create("contact", json!({"name": format!("{name}")})).await;
    }
    app.deliver_due().await.unwrap();
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("{path}/deliveries?limit=3&status=delivered{cursor}")).await.assert(200).json();
        all.extend(page["data"].as_array().unwrap().iter().map(|one| one["event"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => {
                let other = ann.get(&format!("{path}/deliveries?status=dead&cursor={next}")).await;
                other.problem(422, "validation_failed");
                cursor = format!("&cursor={next}");
            }
            None => break,
        }
    }
    let mut got: Vec<String> = receiver.got().into_iter().map(|message| message.id).collect();
    got.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(all, got);
    assert_eq!(all.len(), 7);
}
