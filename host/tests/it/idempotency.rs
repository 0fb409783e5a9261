//! Idempotency keys: a repeated request changes nothing and gets the first answer.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::app::Database;
use guildhall::domain::clock::{Clock, Timestamp};
use rand::RngExt;
use reqwest::StatusCode;
use serde_json::{Value as Json, json};
use sqlx::{Connection, SqliteConnection};

use crate::place::Place;
use crate::support::{Actor, On, Reply, TestApp, superuser};

both!(
    replay_gets_the_first_answer
    replay_of_every_method_changes_nothing
    other_body_is_422
    other_path_method_or_condition_is_422
    in_flight_twice_both_get_the_one_answer
    in_flight_with_another_body_one_wins
    concurrent_50_do_one_thing
    other_tenant_same_key_is_another_request
    other_api_key_same_key_is_another_request
    expired_after_a_week_and_not_before
    after_4xx_the_key_is_free
    after_5xx_the_key_is_free
    after_kill_9_the_key_decides
    of_255_characters_is_taken
    of_256_characters_or_none_is_refused
    of_a_dry_run_stays_free
);

const CONTACTS: &str = "/api/v1/records/contact";
const WEEK: Duration = Duration::from_hours(7 * 24);

fn replayed(reply: &Reply) -> bool {
    reply.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

async fn count(ann: &Actor) -> usize {
    ann.all("contact", &[]).await.len()
}

async fn replay_gets_the_first_answer(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let first = once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    let again = once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    assert_eq!(first.text, again.text);
    for name in ["etag", "location", "content-type"] {
        assert_eq!(first.header(name), again.header(name));
    }
    assert!(!replayed(&first) && replayed(&again));
    assert_eq!(count(&ann).await, 1);
}

async fn replay_of_every_method_changes_nothing(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let made = ann.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    let path = made.header("location");
    let change = ann.with("idempotency-key", "k2");
    change.patch(path, &json!({"city": "Bern"})).await.assert(200);
    ann.patch(path, &json!({"city": "Basel"})).await.assert(200);
    let again = change.patch(path, &json!({"city": "Bern"})).await.assert(200);
    assert!(replayed(&again) && again.json()["city"] == "Bern");
    assert_eq!(ann.get(path).await.json()["city"], "Basel");
    let end = ann.with("idempotency-key", "k3");
    end.delete(path).await.assert(204);
    assert!(replayed(&end.delete(path).await.assert(204)));
}

async fn other_body_is_422(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    for body in [json!({"name": "Bob"}), json!({"name": "Ann", "city": null}), json!({"name": 7})] {
        once.post(CONTACTS, &body).await.problem(422, "idempotency_key_reused");
    }
    assert_eq!(count(&ann).await, 1);
}

async fn other_path_method_or_condition_is_422(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let contact = once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    let path = contact.header("location");
    once.post("/api/v1/records/company", &json!({"name": "Ann"})).await.problem(422, "idempotency_key_reused");
    once.delete(path).await.problem(422, "idempotency_key_reused");
    once.patch(path, &json!({"name": "Ann"})).await.problem(422, "idempotency_key_reused");
    let change = ann.with("idempotency-key", "k2");
    change.with("if-match", "\"1\"").patch(path, &json!({"city": "Bern"})).await.assert(200);
    change.patch(path, &json!({"city": "Bern"})).await.problem(422, "idempotency_key_reused");
    assert_eq!(ann.get(path).await.json()["version"], 2);
}

/// Others answer 409 while the first one runs. Here both run, one commits, and both have its answer.
async fn in_flight_twice_both_get_the_one_answer(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for round in 0..20 {
        let once = ann.with("idempotency-key", &format!("k{round}"));
        let body = json!({"name": format!("Ann {round}")});
        let (one, other) = tokio::join!(once.post(CONTACTS, &body), once.post(CONTACTS, &body));
        assert_eq!(one.assert(201).json(), other.assert(201).json());
    }
    assert_eq!(count(&ann).await, 20);
}

async fn in_flight_with_another_body_one_wins(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for round in 0..20 {
        let once = ann.with("idempotency-key", &format!("k{round}"));
        let send = |name: &str| {
            let (once, body) = (once.clone(), json!({"name": name}));
            async move { once.post(CONTACTS, &body).await }
        };
        let (one, other) = tokio::join!(send("one"), send("other"));
        let (won, lost) = if one.status == StatusCode::CREATED { (one, other) } else { (other, one) };
        won.assert(201);
        lost.problem(422, "idempotency_key_reused");
    }
    assert_eq!(count(&ann).await, 20);
}

async fn concurrent_50_do_one_thing(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let body = json!({"name": "Ann"});
    let replies = join_all((0..50).map(|_| once.post(CONTACTS, &body))).await;
    let first = replies[0].json();
    for reply in replies {
        assert_eq!(reply.assert(201).json(), first);
    }
    assert_eq!(count(&ann).await, 1);
}

async fn other_tenant_same_key_is_another_request(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let body = json!({"name": "Ann"});
    let first = ann.with("idempotency-key", "k1").post(CONTACTS, &body).await.assert(201);
    let other = sam.with("idempotency-key", "k1").post(CONTACTS, &body).await.assert(201);
    assert!(!replayed(&other));
    assert_ne!(first.json()["id"], other.json()["id"]);
    // Not even to be told that it is taken.
    let body = json!({"name": "Sam"});
    ann.with("idempotency-key", "k2").post(CONTACTS, &body).await.assert(201);
    sam.with("idempotency-key", "k2").post(CONTACTS, &json!({"name": "Else"})).await.assert(201);
}

async fn other_api_key_same_key_is_another_request(on: On) {
    let TestApp { ann, app, .. } = TestApp::start(on).await;
    let (_, key) = app.create_key("first", "admin", "Amy", None).await.unwrap();
    let amy = ann.with_key(&key);
    let body = json!({"name": "Ann"});
    let first = ann.with("idempotency-key", "k1").post(CONTACTS, &body).await.assert(201);
    let other = amy.with("idempotency-key", "k1").post(CONTACTS, &body).await.assert(201);
    assert!(!replayed(&other));
    assert_ne!(first.json()["id"], other.json()["id"]);
}

async fn expired_after_a_week_and_not_before(on: On) {
    let clock = Clock::manual(Timestamp::from_micros(1_780_000_000_000_000));
    let test = TestApp::start_with(on, clock.clone(), crate::support::settings()).await;
    let once = test.ann.with("idempotency-key", "k1");
    let first = once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    clock.advance(WEEK.checked_sub(Duration::from_secs(1)).unwrap());
    test.app.tidy_up().await.unwrap();
    let kept = once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    assert!(replayed(&kept) && kept.text == first.text);
    clock.advance(Duration::from_secs(2));
    test.app.tidy_up().await.unwrap();
    let anew = once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    assert!(!replayed(&anew));
    assert_ne!(anew.json()["id"], first.json()["id"]);
    assert_eq!(count(&test.ann).await, 2);
}

async fn after_4xx_the_key_is_free(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    once.post(CONTACTS, &json!({})).await.problem(422, "validation_failed");
    assert!(!replayed(&once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201)));
    vic.with("idempotency-key", "k2").post(CONTACTS, &json!({"name": "Vic"})).await.problem(403, "permission_denied");
}

/// The database is busy for longer than a write waits.
async fn after_5xx_the_key_is_free(on: On) {
    let test = TestApp::start(on).await;
    let once = test.ann.with("idempotency-key", "k1");
    let send = async || once.post(CONTACTS, &json!({"name": "Ann"})).await;
    let refused = match &test.database {
        Database::Sqlite(path) => {
            let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            sqlx::query("begin immediate").execute(&mut other).await.unwrap();
            let refused = send().await;
            sqlx::query("rollback").execute(&mut other).await.unwrap();
            refused
        }
        Database::Postgres(url) => {
            let mut other = superuser(url).await;
            sqlx::query("begin").execute(&mut other).await.unwrap();
            sqlx::query("lock table o_contact in share mode").execute(&mut other).await.unwrap();
            let refused = send().await;
            sqlx::query("rollback").execute(&mut other).await.unwrap();
            refused
        }
    };
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(503, "unavailable");
    assert_eq!(count(&test.ann).await, 0);
    let done = send().await.assert(201);
    assert!(!replayed(&done) && replayed(&send().await));
    assert_eq!(count(&test.ann).await, 1);
}

/// The host is killed while the request is on its way; whether it was done then, only the retry tells.
async fn after_kill_9_the_key_decides(on: On) {
    const ROUNDS: usize = 6;
    let place = Place::make(on).await;
    let key = place.key().await;
    let test = TestApp::start(On::Sqlite).await;
    let (mut host, mut address) = place.serve().await;
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        let ann = test.ann.with_key(&key).at(&address);
        let client = crate::support::client();
        let send = client.post(ann.url(CONTACTS)).bearer_auth(&key).header("idempotency-key", format!("k{round}"));
        let body = json!({"name": format!("{round}")});
        let sent = tokio::spawn(send.json(&body).send());
        // Some requests of others later, a random number of them.
        for _ in 0..rand::rng().random_range(0..12) {
            ann.get("/livez").await.assert(200);
        }
        host.kill().await.unwrap();
        let answered: Option<Json> = match sent.await.unwrap() {
            Ok(response) => response.text().await.ok().and_then(|text| serde_json::from_str(&text).ok()),
            Err(_) => None,
        };
        (host, address) = place.serve().await;
        let ann = test.ann.with_key(&key).at(&address);
        let retry = ann.with("idempotency-key", &format!("k{round}")).post(CONTACTS, &body).await.assert(201);
        if let Some(answered) = answered {
            assert!(replayed(&retry));
            assert_eq!(retry.json(), answered);
        }
        ids.push(retry.json()["id"].clone());
        assert_eq!(count(&ann).await, round + 1);
    }
    ids.dedup();
    assert_eq!(ids.len(), ROUNDS);
    host.kill().await.unwrap();
}

async fn of_255_characters_is_taken(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    // The last one differs: nothing is cut off.
    for last in ["k", "l"] {
        let longest = "k".repeat(254) + last;
        let once = ann.with("idempotency-key", &longest);
        assert!(!replayed(&once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201)));
        assert!(replayed(&once.post(CONTACTS, &json!({"name": "Ann"})).await.assert(201)));
    }
    assert_eq!(count(&ann).await, 2);
}

async fn of_256_characters_or_none_is_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for wrong in [&"k".repeat(256), "", "\u{e4}"] {
        ann.with("idempotency-key", wrong).post(CONTACTS, &json!({"name": "Ann"})).await.problem(400, "invalid_header");
    }
    assert_eq!(count(&ann).await, 0);
}

async fn of_a_dry_run_stays_free(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    once.with("prefer", "dry-run").post(CONTACTS, &json!({"name": "Ann"})).await.assert(201);
    assert!(!replayed(&once.post(CONTACTS, &json!({"name": "Bob"})).await.assert(201)));
    assert_eq!(count(&ann).await, 1);
}
