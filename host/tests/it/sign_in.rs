//! Signing in with a password: invitations, sessions, and what a session may do.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::browser::{Browser, DEVICE, PASSWORD, SESSION, accept, add_user, host, invite, settings, signed_in, trail};
use crate::support::{On, TestApp};

both!(
    a_user_is_invited_signs_in_and_out
    a_session_is_a_credential_on_every_path
    an_invitation_works_once_and_not_for_ever
    admins_invite_whom_they_may_make
    sessions_end_when_idle_and_in_the_end
    sessions_are_listed_and_ended
    a_password_is_changed_with_the_present_one
    bad_passwords_are_refused
    who_may_do_nothing_any_more_is_out
    hashes_follow_the_cost
    jobs_and_answers_outlive_the_session
);

pub fn clock() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-26T09:00:00Z").unwrap())
}

async fn a_user_is_invited_signs_in_and_out(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let id = add_user(&test.ann, "mona@example.com", "sales").await;
    let browser = Browser::new(&test, "192.0.2.1");
    browser.sign_in("mona@example.com", PASSWORD).await.problem(401, "sign_in_failed");
    let token = invite(&test.ann, &id).await;
    let done = accept(&browser, &token, PASSWORD).await.assert(201);
    assert_eq!(done.header("cache-control"), "no-store");
    let done = done.json();
    assert_eq!((&done["user"]["id"], &done["session"]["way"]), (&json!(id), &json!("link")));
    let first = browser.cookie(SESSION).unwrap();
    assert!(!done.to_string().contains(&first));
    let me = browser.get("/api/v1/me").await.assert(200).json();
    assert_eq!((&me["user"]["email"], &me["session"]), (&json!("mona@example.com"), &done["session"]["id"]));
    assert_eq!((&me["key"], &me["roles"]), (&Json::Null, &json!(["sales"])));
    browser.delete("/api/v1/sessions/current").await.assert(204);
    assert_eq!(browser.cookie(SESSION), None);
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
    browser.put_cookie(SESSION, &first);
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
    browser.sign_in(" Mona@Example.COM", PASSWORD).await.assert(201);
    assert_ne!(browser.cookie(SESSION).unwrap(), first);
    browser.sign_in("mona@example.com", "nine red kettles sang").await.problem(401, "sign_in_failed");
    let told = trail(&test.ann).await;
    let told: Vec<(&str, &str)> = told.iter().map(|(what, who, _)| (what.as_str(), who.as_str())).collect();
    let expected = [
        ("email", "key"),
        ("sign_in_failed", "nobody"),
        ("invitation", "key"),
        ("password", "user"),
        ("sign_out", "user"),
        ("sign_in", "user"),
        ("sign_in_failed", "nobody"),
    ];
    assert_eq!(told, expected);
    let trail = trail(&test.ann).await;
    assert!(trail[1..].iter().all(|(_, _, record)| *record == id), "{trail:?}");
}

async fn a_session_is_a_credential_on_every_path(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let (id, browser) = signed_in(&test, "mona", "manager").await;
    let contact =
        browser.post("/api/v1/records/contact", &json!({"name": "One", "owner": id})).await.assert(201).json();
    let filter = "/api/v1/records/contact?filter=%7B%22owner%22%3A%7B%22_eq%22%3A%22%24me%22%7D%7D";
    assert_eq!(browser.get(filter).await.assert(200).json()["data"], json!([contact]));
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let body = json!({"city": "Bern"});
    browser.send(Method::PATCH, &path, Some(body)).await.assert(200);
    let timeline = browser.get(&format!("{path}/timeline")).await.assert(200).json();
    assert_eq!(timeline["data"][0]["data"]["actor"], format!("user:{id}"), "{timeline}");
    browser.get("/api/v1/users").await.assert(200);
    browser
        .post("/api/v1/users", &json!({"email": "x@example.com", "name": "X"}))
        .await
        .problem(403, "permission_denied");
    // What there is a key for, the key alone says.
    let headers = [("authorization", "Bearer gh_wrong")];
    browser.send_with(Method::GET, "/api/v1/me", None, &headers).await.problem(401, "unauthenticated");
    // A change of roles holds for the session, too.
    test.ann.patch(&format!("/api/v1/users/{id}"), &json!({"roles": ["viewer"]})).await.assert(200);
    browser.delete(&path).await.problem(403, "permission_denied");
    browser.get("/api/v1/openapi.json").await.assert(200);
}

async fn an_invitation_works_once_and_not_for_ever(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let id = add_user(&test.ann, "mona@example.com", "sales").await;
    let old = invite(&test.ann, &id).await;
    let token = invite(&test.ann, &id).await;
    let browser = || Browser::new(&test, "192.0.2.1");
    accept(&browser(), &old, PASSWORD).await.problem(404, "unknown_link");
    // A password that is refused leaves the link as it is.
    accept(&browser(), &token, "too short").await.problem(422, "validation_failed");
    let (browsers, tries) = ((0..8).map(|_| browser()).collect::<Vec<_>>(), 8);
    let all = futures_util::future::join_all(browsers.iter().map(|one| accept(one, &token, PASSWORD))).await;
    let mut statuses: Vec<u16> = all.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!((statuses.len(), statuses[0], &statuses[1..]), (tries, 201, &[404; 7][..]));
    accept(&browser(), &token, "nine blue kettles sing").await.problem(404, "unknown_link");
    // A new one lasts a week, one for who had a password a day.
    let other = add_user(&test.ann, "olga@example.com", "sales").await;
    let (new, reset) = (invite(&test.ann, &other).await, invite(&test.ann, &id).await);
    clock.advance(Duration::from_hours(24));
    accept(&browser(), &reset, "nine blue kettles sing").await.problem(404, "unknown_link");
    clock.advance(Duration::from_hours(6 * 24) - Duration::from_secs(1));
    accept(&browser(), &new, PASSWORD).await.assert(201);
    let late = invite(&test.ann, &add_user(&test.ann, "late@example.com", "sales").await).await;
    clock.advance(Duration::from_hours(7 * 24));
    accept(&browser(), &late, PASSWORD).await.problem(404, "unknown_link");
    // Cut, changed, of another kind, and of another tenant.
    let foreign = add_user(&test.sam, "sid@example.com", "sales").await;
    let foreign = invite(&test.sam, &foreign).await;
    let moved = format!("{}{}", &token[..26], &foreign[26..]);
    for bad in ["", "ghi_", &foreign[..60], &foreign.replace("ghi_", "ghs_"), &moved, &"x".repeat(100_000)] {
        accept(&browser(), bad, PASSWORD).await.problem(404, "unknown_link");
    }
    assert_eq!(accept(&browser(), &foreign, PASSWORD).await.assert(201).json()["user"]["email"], "sid@example.com");
    // The link goes with the address that it was sent to.
    let token = invite(&test.ann, &other).await;
    test.ann.patch(&format!("/api/v1/users/{other}"), &json!({"email": "new@example.com"})).await.assert(200);
    accept(&browser(), &token, "nine blue kettles sing").await.problem(404, "unknown_link");
}

async fn admins_invite_whom_they_may_make(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let owner = add_user(&test.ann, "otto@example.com", "owner").await;
    let path = format!("/api/v1/users/{owner}/invitation");
    test.ann.post(&path, &json!({})).await.problem(403, "permission_denied");
    test.vic.post(&path, &json!({})).await.problem(403, "permission_denied");
    test.sam.post(&path, &json!({})).await.problem(404, "not_found");
    let (id, mona) = signed_in(&test, "mona", "manager").await;
    mona.post(&format!("/api/v1/users/{id}/invitation"), &json!({})).await.problem(403, "permission_denied");
    test.ann.post(&path.replace(&owner, &id), &json!({"role": "owner"})).await.problem(422, "validation_failed");
    // The same request with the same key is one invitation.
    let keyed = test.ann.with("idempotency-key", "k");
    let one = keyed.post(&path.replace(&owner, &id), &json!({})).await.assert(201).json();
    assert_eq!(keyed.post(&path.replace(&owner, &id), &json!({})).await.assert(201).json(), one);
    // The operator lets the first owner in.
    let made = test.app.invite_for_operator("first", "Otto@example.com").await.unwrap();
    let otto = Browser::new(&test, "192.0.2.9");
    accept(&otto, &made.token, PASSWORD).await.assert(201);
    assert_eq!(otto.get("/api/v1/me").await.assert(200).json()["roles"], json!(["owner"]));
    assert!(test.app.invite_for_operator("first", "nobody@example.com").await.is_err());
    // An admin ends no owner's session, and takes no factor of one away.
    for path in ["sessions", "second-factor"] {
        test.ann.delete(&format!("/api/v1/users/{owner}/{path}")).await.problem(403, "permission_denied");
    }
    otto.get("/api/v1/me").await.assert(200);
}

async fn sessions_end_when_idle_and_in_the_end(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (_, browser) = signed_in(&test, "mona", "sales").await;
    for _ in 0..13 {
        clock.advance(Duration::from_hours(12) - Duration::from_secs(1));
        browser.get("/api/v1/me").await.assert(200);
    }
    // Half a day without a request, and it has ended.
    let idle = Browser::new(&test, "192.0.2.1");
    idle.sign_in("mona@example.com", PASSWORD).await.assert(201);
    clock.advance(Duration::from_hours(11));
    browser.get("/api/v1/me").await.assert(200);
    clock.advance(Duration::from_hours(1));
    idle.get("/api/v1/me").await.problem(401, "unauthenticated");
    // A week, and it has ended however much it is used: 13 times 12 hours, and 12 more.
    clock.advance(Duration::from_secs(12));
    browser.get("/api/v1/me").await.assert(200);
    clock.advance(Duration::from_secs(1));
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
    test.app.tidy_up().await.unwrap();
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
}

async fn sessions_are_listed_and_ended(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (id, browser) = signed_in(&test, "mona", "sales").await;
    let (other, olga) = signed_in(&test, "olga", "sales").await;
    clock.advance(Duration::from_secs(1));
    let second = Browser::new(&test, "198.51.100.7");
    second.sign_in("mona@example.com", PASSWORD).await.assert(201);
    let listed = browser.get("/api/v1/sessions").await.assert(200);
    assert!(!listed.text.contains("ghs_"));
    let listed = listed.json();
    let all = listed["data"].as_array().unwrap();
    let told: Vec<_> = all.iter().map(|one| (&one["user"], &one["peer"], &one["current"], &one["way"])).collect();
    let (mine, yes, no) = (json!(id), json!(true), json!(false));
    let (near, far) = (json!("192.0.2.1"), json!("198.51.100.7"));
    let expected = [(&mine, &far, &no, &json!("password")), (&mine, &near, &yes, &json!("link"))];
    assert_eq!(told, expected);
    // Nobody ends what is not theirs; whoever looks after people may.
    let path = format!("/api/v1/sessions/{}", all[0]["id"].as_str().unwrap());
    olga.delete(&path).await.problem(404, "not_found");
    test.sam.delete(&path).await.problem(404, "not_found");
    test.vic.delete(&path).await.problem(403, "permission_denied");
    second.get("/api/v1/me").await.assert(200);
    browser.delete(&path).await.assert(204);
    second.get("/api/v1/me").await.problem(401, "unauthenticated");
    browser.delete(&path).await.problem(404, "not_found");
    assert_eq!(test.ann.get("/api/v1/sessions").await.assert(200).json()["data"].as_array().unwrap().len(), 2);
    test.ann.delete(&format!("/api/v1/users/{other}/sessions")).await.assert(204);
    olga.get("/api/v1/me").await.problem(401, "unauthenticated");
    test.sam.delete(&format!("/api/v1/users/{id}/sessions")).await.problem(404, "not_found");
    second.sign_in("mona@example.com", PASSWORD).await.assert(201);
    browser.get("/api/v1/me").await.assert(200);
    browser.delete("/api/v1/sessions").await.assert(204);
    for gone in [&browser, &second] {
        gone.get("/api/v1/me").await.problem(401, "unauthenticated");
    }
    // A key of the tenant has no session.
    test.ann.delete("/api/v1/sessions").await.problem(403, "session_required");
    test.ann.delete("/api/v1/sessions/current").await.problem(403, "session_required");
}

async fn a_password_is_changed_with_the_present_one(on: On) {
    let clock = clock();
    let (test, _keys) = host(on, &clock).await;
    let (id, browser) = signed_in(&test, "mona", "sales").await;
    let second = Browser::new(&test, "192.0.2.2");
    second.sign_in("mona@example.com", PASSWORD).await.assert(201);
    let new = "seven blue kettles hum";
    let body = |current: &str| json!({"current_password": current, "password": new});
    let wrong = browser.put("/api/v1/me/password", &body("seven green kettles hum")).await;
    assert_eq!(wrong.problem(422, "validation_failed")["errors"][0]["field"], "current_password");
    // A key of the same user is not enough.
    let key = json!({"name": "k", "user": id});
    let key = test.ann.post("/api/v1/api-keys", &key).await.assert(201).json();
    let key = test.ann.with_key(key["key"].as_str().unwrap());
    key.put("/api/v1/me/password", &body(PASSWORD)).await.problem(403, "session_required");
    let link = invite(&test.ann, &id).await;
    let before = browser.cookie(SESSION).unwrap();
    browser.put("/api/v1/me/password", &body(PASSWORD)).await.assert(201);
    assert_ne!(browser.cookie(SESSION).unwrap(), before);
    browser.get("/api/v1/me").await.assert(200);
    second.get("/api/v1/me").await.problem(401, "unauthenticated");
    browser.put_cookie(SESSION, &before);
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
    accept(&second, &link, PASSWORD).await.problem(404, "unknown_link");
    second.sign_in("mona@example.com", PASSWORD).await.problem(401, "sign_in_failed");
    second.sign_in("mona@example.com", new).await.assert(201);
    // Whoever finds an open browser does not guess on and on.
    for _ in 0..5 {
        second.put("/api/v1/me/password", &body("seven green kettles hum")).await.problem(422, "validation_failed");
    }
    second.put("/api/v1/me/password", &body(new)).await.problem(429, "too_many_tries");
    assert!(trail(&test.ann).await.iter().any(|(what, who, _)| what == "wrong_password" && who == "user"));
}

async fn bad_passwords_are_refused(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let id = add_user(&test.ann, "mona@example.com", "sales").await;
    let token = invite(&test.ann, &id).await;
    let browser = Browser::new(&test, "192.0.2.1");
    let long = "plum kettle 9 ninja ".repeat(7);
    for (bad, code) in [
        ("ninja-kettle-7", "out_of_range"),
        (&long, "out_of_range"),
        ("", "out_of_range"),
        ("passwordpassword", "too_common"),
        ("qwertyuiopasdfgh", "too_common"),
        ("mona@example.com", "too_common"),
        ("Mona Mayer Mayer", "too_common"),
        ("First shop first", "too_common"),
    ] {
        let problem = accept(&browser, &token, bad).await.problem(422, "validation_failed");
        assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["code"]), (&json!("password"), &json!(code)));
        assert!(bad.is_empty() || !problem.to_string().contains(bad), "{problem}");
    }
    // No kinds of characters are asked for, none is refused, and how a letter is composed does not matter.
    accept(&browser, &token, "caf\u{e9} crème für žena ☕").await.assert(201);
    browser.sign_in("mona@example.com", "cafe\u{301} crème für žena ☕").await.assert(201);
    browser.sign_in("mona@example.com", "cafe crème für žena ☕").await.problem(401, "sign_in_failed");
}

async fn who_may_do_nothing_any_more_is_out(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let (id, browser) = signed_in(&test, "mona", "sales").await;
    let token = invite(&test.ann, &id).await;
    let path = format!("/api/v1/users/{id}");
    test.ann.patch(&path, &json!({"active": false})).await.assert(200);
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
    browser.sign_in("mona@example.com", PASSWORD).await.problem(401, "sign_in_failed");
    accept(&browser, &token, "nine blue kettles sing").await.problem(404, "unknown_link");
    test.ann.post(&format!("{path}/invitation"), &json!({})).await.problem(409, "refused");
    // Who comes back signs in anew.
    test.ann.patch(&path, &json!({"active": true})).await.assert(200);
    browser.get("/api/v1/me").await.problem(401, "unauthenticated");
    accept(&browser, &token, "nine blue kettles sing").await.problem(404, "unknown_link");
    browser.sign_in("mona@example.com", PASSWORD).await.assert(201);
}

async fn hashes_follow_the_cost(on: On) {
    let (test, _keys) = host(on, &clock()).await;
    let (_, browser) = signed_in(&test, "mona", "sales").await;
    let dearer = guildhall::domain::password::Cost { memory: 16, passes: 2 };
    let settings = guildhall::app::Settings { password_cost: dearer, ..settings() };
    let again = guildhall::app::App::open_with(&test.database, Clock::system(), settings).await.unwrap();
    let other = test.anon.at(&TestApp::listen(&again).await);
    let body = json!({"tenant": "first", "email": "mona@example.com", "password": PASSWORD});
    other.post("/api/v1/sessions", &body).await.assert(201);
    let hash = crate::dump::cell(&test, "select hash from password").await;
    assert!(hash.starts_with("$argon2id$v=19$m=16,t=2,p=1$"), "{hash}");
    browser.sign_in("mona@example.com", PASSWORD).await.assert(201);
    assert!(crate::dump::cell(&test, "select hash from password").await.contains("m=8,t=1"));
    assert!(browser.cookie(DEVICE).is_some());
}

async fn jobs_and_answers_outlive_the_session(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let (id, browser) = signed_in(&test, "mona", "manager").await;
    browser.post("/api/v1/records/contact", &json!({"name": "One", "owner": id})).await.assert(201);
    let export = browser.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
    let file = format!("/api/v1/exports/{}/file", export["id"].as_str().unwrap());
    browser.delete("/api/v1/sessions/current").await.assert(204);
    test.app.run_due_jobs().await.unwrap();
    browser.sign_in("mona@example.com", PASSWORD).await.assert(201);
    assert!(browser.get(&file).await.assert(200).text.contains("One"));
    // The same request with the same key, in two sessions.
    let origin = test.anon.url("");
    let headers = [("origin", origin.as_str()), ("x-guildhall-request", "1"), ("idempotency-key", "k")];
    let path = "/api/v1/records/contact";
    let one = browser.send_with(Method::POST, path, Some(json!({"name": "Two"})), &headers).await.assert(201).json();
    browser.sign_in("mona@example.com", PASSWORD).await.assert(201);
    let again = browser.send_with(Method::POST, path, Some(json!({"name": "Two"})), &headers).await.assert(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", one));
    // Work of who may do nothing any more is not done.
    let export = browser.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
    test.ann.patch(&format!("/api/v1/users/{id}"), &json!({"active": false})).await.assert(200);
    test.app.run_due_jobs().await.unwrap();
    let job = test.ann.get(&format!("/api/v1/jobs/{}", export["id"].as_str().unwrap())).await.assert(200).json();
    assert_eq!(job["error"]["code"], "unauthenticated", "{job}");
}
