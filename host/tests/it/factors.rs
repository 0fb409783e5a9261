//! The second factor: codes of an authenticator, recovery codes, and what becomes of somebody who has lost both.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use guildhall::domain::clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};

use crate::browser::{Browser, PASSWORD, SESSION, accept, host, invite, signed_in, trail};
use crate::sign_in::clock;
use crate::support::{On, TestApp};

both!(
    a_second_factor_is_asked_for
    no_code_counts_twice
    codes_are_not_guessed
    recovery_codes_work_once
    an_admin_helps_who_lost_it
    without_the_operators_keys_there_is_none
);

const EMAIL: &str = "mona@example.com";

/// An authenticator of its own, so that two readings of the RFC have to agree.
fn code(secret: &str, clock: &Clock, steps: i64) -> String {
    let step = clock.now().micros() / 30_000_000 + steps;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&BASE32_NOPAD.decode(secret.as_bytes()).unwrap()).unwrap();
    mac.update(&step.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn present() -> Json {
    json!({"current_password": PASSWORD})
}

/// Mona with a second factor: the id, the browser, the secret, and the recovery codes.
async fn with_factor(test: &TestApp, clock: &Clock) -> (String, Browser, String, Vec<String>) {
    let (id, browser) = signed_in(test, "mona", "sales").await;
    let begun = browser.post("/api/v1/me/second-factor", &present()).await.assert(201).json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["address"].as_str().unwrap().starts_with("otpauth://totp/First%20shop:mona%40example.com?secret="));
    let confirm = "/api/v1/me/second-factor/confirm";
    let done = browser.post(confirm, &json!({"code": code(&secret, clock, 0)})).await.assert(201).json();
    let codes: Vec<String> = serde_json::from_value(done["recovery_codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    clock.advance(Duration::from_mins(2));
    (id, browser, secret, codes)
}

async fn a_second_factor_is_asked_for(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (_, browser) = signed_in(&test, "mona", "sales").await;
    let (path, confirm) = ("/api/v1/me/second-factor", "/api/v1/me/second-factor/confirm");
    let wrong = browser.post(path, &json!({"current_password": "nine red kettles hiss"})).await;
    assert_eq!(wrong.problem(422, "validation_failed")["errors"][0]["field"], "current_password");
    browser.post(confirm, &json!({"code": "123456"})).await.problem(409, "refused");
    let old = browser.post(path, &present()).await.assert(201).json();
    // Until it is confirmed, it is asked for nowhere, and another one takes its place.
    Browser::new(&test, "192.0.2.2").sign_in(EMAIL, PASSWORD).await.assert(201);
    let begun = browser.post(path, &present()).await.assert(201).json();
    let (old, secret) = (old["secret"].as_str().unwrap(), begun["secret"].as_str().unwrap());
    browser.post(confirm, &json!({"code": code(old, &clock, 0)})).await.problem(422, "validation_failed");
    let second = Browser::new(&test, "192.0.2.2");
    second.sign_in(EMAIL, PASSWORD).await.assert(201);
    let before = browser.cookie(SESSION).unwrap();
    browser.post(confirm, &json!({"code": code(secret, &clock, 0)})).await.assert(201);
    // Another session than before, and no other one.
    assert_ne!(browser.cookie(SESSION).unwrap(), before);
    browser.get("/api/v1/me").await.assert(200);
    second.get("/api/v1/me").await.problem(401, "unauthenticated");
    browser.post(path, &present()).await.problem(409, "refused");
    clock.advance(Duration::from_mins(1));
    let other = Browser::new(&test, "192.0.2.3");
    other.sign_in(EMAIL, PASSWORD).await.problem(401, "code_required");
    other.sign_in_with(EMAIL, "nine red kettles hiss", &code(secret, &clock, 0)).await.problem(401, "sign_in_failed");
    other.sign_in_with(EMAIL, PASSWORD, "000000").await.problem(401, "wrong_code");
    other.sign_in_with(EMAIL, PASSWORD, &code(secret, &clock, 0)).await.assert(201);
    // The secret is nowhere in plain text.
    assert!(!crate::dump::holds(&test.database, secret).await);
    let told: Vec<String> = trail(&test.ann).await.into_iter().map(|(what, ..)| what).collect();
    for what in ["second_factor_begun", "second_factor", "wrong_code", "wrong_password"] {
        assert!(told.iter().any(|one| one == what), "{what}: {told:?}");
    }
    // It ends with the password.
    let end = "/api/v1/me/second-factor/disable";
    other.post(end, &json!({"current_password": "x"})).await.problem(422, "validation_failed");
    other.post(end, &present()).await.assert(204);
    Browser::new(&test, "192.0.2.2").sign_in(EMAIL, PASSWORD).await.assert(201);
}

async fn no_code_counts_twice(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (_, _, secret, _) = with_factor(&test, &clock).await;
    let now = code(&secret, &clock, 0);
    let browsers: Vec<Browser> = (0..4).map(|number| Browser::new(&test, &format!("192.0.2.{number}"))).collect();
    let tries = browsers.iter().map(|browser| browser.sign_in_with(EMAIL, PASSWORD, &now));
    let all = futures_util::future::join_all(tries).await;
    let mut statuses: Vec<u16> = all.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401, 401, 401]);
    browsers[0].sign_in_with(EMAIL, PASSWORD, &code(&secret, &clock, -1)).await.problem(401, "wrong_code");
    clock.advance(Duration::from_hours(2));
    for (steps, status) in [(-2, 401), (2, 401), (-1, 201), (0, 201), (1, 201), (0, 401)] {
        let typed = code(&secret, &clock, steps);
        browsers[0].sign_in_with(EMAIL, PASSWORD, &typed).await.assert(status);
    }
}

async fn codes_are_not_guessed(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (_, browser, secret, _) = with_factor(&test, &clock).await;
    // Whoever knows the password guesses no further, from however many addresses and devices.
    let mut wrong = 0;
    for number in 0..20 {
        let thief = Browser::new(&test, &format!("203.0.113.{number}"));
        wrong += u32::from(thief.sign_in_with(EMAIL, PASSWORD, "123").await.status == 401);
    }
    assert_eq!(wrong, 5);
    browser.sign_in_with(EMAIL, PASSWORD, &code(&secret, &clock, 0)).await.problem(429, "too_many_tries");
    clock.advance(Duration::from_secs(1));
    browser.sign_in_with(EMAIL, PASSWORD, &code(&secret, &clock, 0)).await.assert(201);
}

async fn recovery_codes_work_once(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (_, browser, _, codes) = with_factor(&test, &clock).await;
    let other = Browser::new(&test, "192.0.2.2");
    other.sign_in_with(EMAIL, PASSWORD, &codes[0].to_uppercase().replace('-', " ")).await.assert(201);
    other.sign_in_with(EMAIL, PASSWORD, &codes[0]).await.problem(401, "wrong_code");
    let all = futures_util::future::join_all((0..3).map(|_| other.sign_in_with(EMAIL, PASSWORD, &codes[1]))).await;
    assert_eq!(all.iter().filter(|reply| reply.status == 201).count(), 1);
    for code in &codes {
        assert!(!crate::dump::holds(&test.database, code).await);
        assert!(!crate::dump::holds(&test.database, &code.replace('-', "")).await);
    }
    clock.advance(Duration::from_mins(20));
    let renewed = browser.post("/api/v1/me/recovery-codes", &present()).await.assert(201).json();
    other.sign_in_with(EMAIL, PASSWORD, &codes[2]).await.problem(401, "wrong_code");
    let new = renewed["recovery_codes"][3].as_str().unwrap();
    other.sign_in_with(EMAIL, PASSWORD, new).await.assert(201);
    // One of somebody else's is none.
    let (_, olga) = signed_in(&test, "olga", "sales").await;
    olga.post("/api/v1/me/recovery-codes", &present()).await.problem(409, "refused");
}

async fn an_admin_helps_who_lost_it(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (id, _, secret, codes) = with_factor(&test, &clock).await;
    // A link alone does not pass the factor by.
    let token = invite(&test.ann, &id).await;
    let browser = Browser::new(&test, "192.0.2.2");
    accept(&browser, &token, "nine blue kettles sing").await.problem(401, "code_required");
    let body = |code: &str| json!({"token": token, "password": "nine blue kettles sing", "code": code});
    browser.post("/api/v1/invitations/accept", &body("000000")).await.problem(401, "wrong_code");
    browser.post("/api/v1/invitations/accept", &body(&code(&secret, &clock, 0))).await.assert(201);
    let path = format!("/api/v1/users/{id}/second-factor");
    test.vic.delete(&path).await.problem(403, "permission_denied");
    test.sam.delete(&path).await.problem(404, "not_found");
    test.ann.delete(&path).await.assert(204);
    test.ann.delete(&path).await.problem(404, "not_found");
    let other = Browser::new(&test, "192.0.2.3");
    other.sign_in(EMAIL, "nine blue kettles sing").await.assert(201);
    // The codes went with it: a factor that comes later knows none of them.
    let present = json!({"current_password": "nine blue kettles sing"});
    let begun = other.post("/api/v1/me/second-factor", &present).await.assert(201).json();
    let typed = code(begun["secret"].as_str().unwrap(), &clock, 0);
    other.post("/api/v1/me/second-factor/confirm", &json!({"code": typed})).await.assert(201);
    other.sign_in_with(EMAIL, "nine blue kettles sing", &codes[5]).await.problem(401, "wrong_code");
}

async fn without_the_operators_keys_there_is_none(on: On) {
    if on == On::Sqlite {
        // It makes a file of keys by itself.
        let test = TestApp::start_with(on, clock(), crate::browser::settings()).await;
        let (_, browser) = signed_in(&test, "mona", "sales").await;
        browser.post("/api/v1/me/second-factor", &present()).await.assert(201);
        return;
    }
    let test = TestApp::start_with(on, clock(), crate::browser::settings()).await;
    let (_, browser) = signed_in(&test, "mona", "sales").await;
    browser.post("/api/v1/me/second-factor", &present()).await.problem(409, "refused");
    assert_eq!(crate::dump::cell(&test, "select cast(count(*) as text) from second_factor").await, "0");
}
