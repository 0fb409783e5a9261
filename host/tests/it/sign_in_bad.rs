//! What strangers try where people sign in: guessing, other sites' pages, sessions that they put there, tokens of
//! others.

use std::time::Duration;

use guildhall::domain::clock::Clock;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::browser::{Browser, DEVICE, PASSWORD, SESSION, accept, add_user, host, invite, signed_in, trail};
use crate::sign_in::clock;
use crate::support::{On, Reply, TestApp};

both!(
    whatever_is_wrong_the_answer_is_the_same
    ten_thousand_guesses
    two_hundred_guesses_at_once
    nobody_is_locked_out_by_strangers
    a_made_up_address_counts_for_nothing
    writes_from_other_sites_are_refused
    a_session_that_somebody_else_put_there
    tokens_that_do_not_hold
    nobody_makes_more_of_themselves
    strapi_4_12_1_login_rate_limit
    cve_2021_45111_odoo
);

const BAD: &str = "nine red kettles hiss";

fn same(reply: Reply) -> Json {
    let mut headers: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    let mut problem = reply.problem(401, "sign_in_failed");
    problem["request_id"] = Json::Null;
    json!([problem, headers])
}

async fn whatever_is_wrong_the_answer_is_the_same(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    signed_in(&test, "mona", "sales").await;
    let (away, _) = signed_in(&test, "away", "sales").await;
    test.ann.patch(&format!("/api/v1/users/{away}"), &json!({"active": false})).await.assert(200);
    add_user(&test.ann, "new@example.com", "sales").await;
    add_user(&test.sam, "sid@example.com", "sales").await;
    let browser = || Browser::new(&test, "203.0.113.1");
    let expected = same(browser().sign_in("mona@example.com", BAD).await);
    let long = "x".repeat(10_000);
    for (tenant, email, password) in [
        ("first", "nobody@example.com", BAD),
        ("first", "away@example.com", PASSWORD),
        ("first", "new@example.com", ""),
        ("first", "sid@example.com", BAD),
        ("first", "mona@example.com", ""),
        ("first", "mona@example.com", &long),
        ("first", "' or 1=1 --", BAD),
        ("first", "", BAD),
        ("second", "mona@example.com", PASSWORD),
        ("moon", "mona@example.com", PASSWORD),
        ("", "mona@example.com", PASSWORD),
    ] {
        let before = test.app.passwords_checked();
        let body = json!({"tenant": tenant, "email": email, "password": password});
        let reply = browser().post("/api/v1/sessions", &body).await;
        assert!(!reply.headers.contains_key("set-cookie"));
        assert_eq!(same(reply), expected, "{tenant} {email}");
        // What costs time is done as often.
        assert_eq!(test.app.passwords_checked(), before + 1, "{tenant} {email}");
    }
    for bad in [
        json!({"email": "mona@example.com", "password": PASSWORD}),
        json!({"tenant": "first", "email": ["mona@example.com"], "password": PASSWORD}),
        json!({"tenant": "first", "email": "mona@example.com", "password": {"_neq": ""}}),
        json!({"tenant": "first", "email": "mona@example.com", "password": PASSWORD, "roles": ["owner"]}),
    ] {
        browser().post("/api/v1/sessions", &bad).await.problem(422, "validation_failed");
    }
}

async fn ten_thousand_guesses(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    signed_in(&test, "mona", "sales").await;
    let thief = Browser::new(&test, "203.0.113.1");
    let before = test.app.passwords_checked();
    let (mut checked, mut refused) = (0, 0);
    for _ in 0..10_000 {
        let reply = thief.sign_in("mona@example.com", BAD).await;
        if reply.status == 429 {
            let wait: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=900).contains(&wait), "{wait}");
            reply.problem(429, "too_many_tries");
            refused += 1;
        } else {
            reply.problem(401, "sign_in_failed");
            checked += 1;
        }
        clock.advance(Duration::from_secs(1));
    }
    // 5 at once, then waits of 1, 2, 4 … seconds, and of a quarter of an hour in the end.
    assert_eq!((checked, refused), (24, 9_976));
    assert_eq!(test.app.passwords_checked(), before + checked);
    // Only as many are noted as were looked at.
    let told = trail(&test.ann).await;
    assert_eq!(told.iter().filter(|(what, ..)| what == "sign_in_failed").count(), 24);
    clock.advance(Duration::from_mins(15));
    thief.sign_in("mona@example.com", PASSWORD).await.assert(201);
}

async fn two_hundred_guesses_at_once(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    signed_in(&test, "mona", "sales").await;
    let before = test.app.passwords_checked();
    let thief = Browser::new(&test, "203.0.113.1");
    let all = futures_util::future::join_all((0..200).map(|_| thief.sign_in("mona@example.com", BAD))).await;
    let checked = all.iter().filter(|reply| reply.status == 401).count();
    let refused = all.iter().filter(|reply| reply.status == 429).count();
    assert_eq!((checked, refused), (5, 195));
    assert_eq!(test.app.passwords_checked(), before + 5);
}

async fn nobody_is_locked_out_by_strangers(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (_, owner) = signed_in(&test, "mona", "sales").await;
    owner.delete("/api/v1/sessions/current").await.assert(204);
    // From four hundred addresses: the account takes twenty tries, then one each minute.
    let mut checked = 0;
    for number in 0..400 {
        let thief = Browser::new(&test, &format!("203.0.{}.{}", 100 + number / 200, number % 200));
        checked += u32::from(thief.sign_in("mona@example.com", BAD).await.status == 401);
    }
    assert_eq!(checked, 20);
    let elsewhere = Browser::new(&test, "198.51.100.1");
    elsewhere.sign_in("mona@example.com", PASSWORD).await.problem(429, "too_many_tries");
    // Others are not touched, and the owner's device is known, wherever it is.
    signed_in(&test, "olga", "sales").await;
    Browser::new(&test, "192.0.2.77").sign_in("olga@example.com", PASSWORD).await.assert(201);
    owner.moved("203.0.100.1").sign_in("mona@example.com", PASSWORD).await.assert(201);
    // Such a device is one of this account, and has a bound of its own.
    let stolen = owner.cookie(DEVICE).unwrap();
    let thief = Browser::new(&test, "203.0.113.9");
    thief.put_cookie(DEVICE, &stolen);
    let olgas = thief.sign_in("olga@example.com", BAD).await;
    olgas.problem(401, "sign_in_failed");
    for _ in 0..5 {
        thief.sign_in("mona@example.com", BAD).await.problem(401, "sign_in_failed");
    }
    thief.sign_in("mona@example.com", BAD).await.problem(429, "too_many_tries");
    for made_up in ["", "x", &stolen[..stolen.len() - 2], &format!("{stolen}A")] {
        let thief = Browser::new(&test, "203.0.113.10");
        thief.put_cookie(DEVICE, made_up);
        thief.sign_in("mona@example.com", PASSWORD).await.problem(429, "too_many_tries");
    }
    clock.advance(Duration::from_mins(1));
    elsewhere.sign_in("mona@example.com", PASSWORD).await.assert(201);
}

async fn a_made_up_address_counts_for_nothing(on: On) {
    // Nobody is a trusted proxy here.
    let settings = guildhall::app::Settings { trusted_proxies: Vec::new(), ..crate::browser::settings() };
    let test = TestApp::start_with(on, clock(), settings).await;
    let mut refused = 0;
    for number in 0..10 {
        let thief = Browser::new(&test, &format!("203.0.113.{number}"));
        refused += u32::from(thief.sign_in("mona@example.com", BAD).await.status == 429);
    }
    assert_eq!(refused, 5);
    let page = test.ann.get("/api/v1/audit?object=%23people").await.assert(200).json();
    assert!(page["data"].as_array().unwrap().iter().all(|entry| entry["peer"] == "127.0.0.1"), "{page}");
}

async fn writes_from_other_sites_are_refused(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let (_, browser) = signed_in(&test, "mona", "manager").await;
    let own = test.anon.url("");
    let contact = browser.post("/api/v1/records/contact", &json!({"name": "One"})).await.assert(201).json();
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let (evil, header) = ("https://evil.example", ("x-guildhall-request", "1"));
    let port = own.rsplit(':').next().unwrap();
    let similar = format!("http://127.0.0.1.evil.example:{port}");
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[header],
        &[("origin", own.as_str())],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", evil), header],
        &[("origin", "null"), header],
        &[("origin", ""), header],
        &[("origin", similar.as_str()), header],
        &[("origin", "http://127.0.0.1"), header],
        &[("origin", own.as_str()), ("sec-fetch-site", "cross-site"), header],
        &[("origin", own.as_str()), ("sec-fetch-site", "same-site"), header],
        &[("origin", own.as_str()), ("sec-fetch-site", "none"), header],
        &[("referer", own.as_str()), header],
    ];
    for headers in cases {
        for (method, path) in [
            (Method::POST, "/api/v1/records/contact"),
            (Method::PATCH, path.as_str()),
            (Method::DELETE, path.as_str()),
            (Method::DELETE, "/api/v1/sessions"),
            (Method::PUT, "/api/v1/me/password"),
        ] {
            let body = Some(json!({"name": "Evil"})).filter(|_| method != Method::DELETE);
            browser.send_with(method, path, body, headers).await.problem(403, "cross_site");
        }
    }
    // A form cannot write JSON, and a page of another site is not signed in by who visits it.
    let sign_in = Some(json!({"tenant": "first", "email": "mona@example.com", "password": PASSWORD}));
    let other = Browser::new(&test, "192.0.2.1");
    other.send_with(Method::POST, "/api/v1/sessions", sign_in, &[("origin", evil)]).await.problem(403, "cross_site");
    let after = browser.get("/api/v1/records/contact").await.assert(200).json();
    assert_eq!(after["data"], json!([contact]));
    for good in [[("origin", own.as_str()), header], [("sec-fetch-site", "same-origin"), header]] {
        browser
            .send_with(Method::POST, "/api/v1/records/contact", Some(json!({"name": "Two"})), &good)
            .await
            .assert(201);
    }
    // Keys are not sent by browsers by themselves.
    test.ann.with("origin", evil).post("/api/v1/records/contact", &json!({"name": "Three"})).await.assert(201);
}

async fn a_session_that_somebody_else_put_there(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let (_, thief) = signed_in(&test, "thief", "sales").await;
    let (_, mona) = signed_in(&test, "mona", "sales").await;
    let planted = thief.cookie(SESSION).unwrap();
    for planted in [planted.as_str(), "ghs_known", &format!("ghs_{}", "A".repeat(64))] {
        let browser = Browser::new(&test, "192.0.2.3");
        browser.put_cookie(SESSION, planted);
        browser.sign_in("mona@example.com", PASSWORD).await.assert(201);
        let own = browser.cookie(SESSION).unwrap();
        assert_ne!(own, planted);
        assert_eq!(browser.get("/api/v1/me").await.json()["user"]["email"], "mona@example.com");
        // The planted one is nobody's now.
        let other = Browser::new(&test, "192.0.2.4");
        other.put_cookie(SESSION, planted);
        other.get("/api/v1/me").await.problem(401, "unauthenticated");
    }
    // Each sign-in is another session, and none is listed with its token.
    let first = mona.cookie(SESSION).unwrap();
    mona.sign_in("mona@example.com", PASSWORD).await.assert(201);
    assert_ne!(mona.cookie(SESSION).unwrap(), first);
}

async fn tokens_that_do_not_hold(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let (_, browser) = signed_in(&test, "mona", "sales").await;
    let foreign = add_user(&test.sam, "sid@example.com", "sales").await;
    let sid = Browser::new(&test, "192.0.2.5");
    accept(&sid, &invite(&test.sam, &foreign).await, PASSWORD).await.assert(201);
    let (own, others) = (browser.cookie(SESSION).unwrap(), sid.cookie(SESSION).unwrap());
    // The tenant in front of another tenant's secret, and the other way round.
    let crossed = [format!("{}{}", &own[..26], &others[26..]), format!("{}{}", &others[..25], &own[25..])];
    let flipped = format!("{}{}", &own[..own.len() - 1], if own.ends_with('A') { 'B' } else { 'A' });
    let bearer = own.replace("ghs_", "gh_");
    let long = "x".repeat(8_000);
    let all = [&crossed[0], &crossed[1], &flipped, &own[..40], &bearer, "", "ghs_", "ghs_!!!", &long];
    for bad in all {
        let thief = Browser::new(&test, "192.0.2.6");
        thief.put_cookie(SESSION, bad);
        thief.get("/api/v1/me").await.problem(401, "unauthenticated");
    }
    // Nor is it a key, and a key is no session.
    test.anon.with_key(&own).get("/api/v1/me").await.problem(401, "unauthenticated");
    let thief = Browser::new(&test, "192.0.2.6");
    thief.put_cookie(SESSION, test.ann.key());
    thief.get("/api/v1/me").await.problem(401, "unauthenticated");
    // Nothing of it is in the database as it is shown.
    for secret in [own.as_str(), PASSWORD] {
        assert!(!crate::dump::holds(&test.database, secret).await);
    }
    let hosts: Json = sid.get("/api/v1/me").await.assert(200).json();
    assert_eq!(hosts["user"]["email"], "sid@example.com");
}

async fn nobody_makes_more_of_themselves(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let (id, mona) = signed_in(&test, "mona", "sales").await;
    let token = invite(&test.ann, &id).await;
    for extra in ["roles", "user", "tenant", "tenant_id", "expires_at", "way"] {
        let mut body = json!({"token": token, "password": "nine blue kettles sing"});
        body[extra] = json!("owner");
        mona.post("/api/v1/invitations/accept", &body).await.problem(422, "validation_failed");
        let mut body = json!({"current_password": PASSWORD, "password": "nine blue kettles sing"});
        body[extra] = json!("owner");
        mona.put("/api/v1/me/password", &body).await.problem(422, "validation_failed");
    }
    for (path, body) in [
        (format!("/api/v1/users/{id}/invitation"), json!({})),
        ("/api/v1/api-keys".to_owned(), json!({"name": "k", "role": "admin"})),
    ] {
        assert!(mona.post(&path, &body).await.status.is_client_error(), "{path}");
    }
    mona.put("/api/v1/identity-providers/mine", &json!({})).await.problem(403, "permission_denied");
    assert_eq!(mona.get("/api/v1/me").await.assert(200).json()["roles"], json!(["sales"]));
}

/// Before 4.12.1, Strapi counted tries by the path and the name as they were written.
async fn strapi_4_12_1_login_rate_limit(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    signed_in(&test, "mona", "sales").await;
    let thief = Browser::new(&test, "203.0.113.1");
    let mut statuses = Vec::new();
    for email in [
        "mona@example.com",
        "MONA@example.com",
        "Mona@Example.Com",
        " mona@example.com",
        "mona@example.com\u{a0}",
        "ｍｏｎａ@example.com",
        "mona@ex\u{ad}ample.com",
        "\u{200b}mona@example.com",
    ] {
        statuses.push(thief.sign_in(email, BAD).await.status.as_u16());
    }
    for tenant in ["FIRST", " first ", "ﬁrst"] {
        let body = json!({"tenant": tenant, "email": "mona@example.com", "password": BAD});
        statuses.push(thief.post("/api/v1/sessions", &body).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429, 429, 429, 429]);
    // No other way to write the path leads there.
    let body = json!({"tenant": "first", "email": "mona@example.com", "password": PASSWORD});
    for path in [
        "/api/v1/sessions/",
        "/api/v1//sessions",
        "/API/v1/sessions",
        "/api/v1/Sessions",
        "/api/v1/sessions;a=b",
        "/api/v1/%73essions",
    ] {
        let reply = thief.post(path, &body).await;
        assert!([404, 405].contains(&reply.status.as_u16()), "{path} {}", reply.text);
    }
    thief.post("/api/v1/sessions?x=1", &body).await.problem(429, "too_many_tries");
}

/// Odoo's demonstration data had users whose passwords everybody knew.
async fn cve_2021_45111_odoo(on: On) {
    let test = TestApp::start_with(on, Clock::system(), crate::browser::settings()).await;
    let made = test.app.create_tenant("third", "Third shop").await.unwrap();
    let third = test.anon.with_key(&made.api_key);
    assert_eq!(third.get("/api/v1/users").await.assert(200).json()["data"], json!([]));
    for table in ["member", "password", "session", "second_factor", "entry_link", "identity_provider"] {
        assert_eq!(
            crate::dump::cell(&test, &format!("select cast(count(*) as text) from {table}")).await,
            "0",
            "{table}"
        );
    }
    let browser = Browser::new(&test, "203.0.113.1");
    for (email, password) in [("admin", "admin"), ("demo", "demo"), ("admin@example.com", "admin"), ("", "")] {
        let body = json!({"tenant": "third", "email": email, "password": password});
        browser.post("/api/v1/sessions", &body).await.problem(401, "sign_in_failed");
    }
}
