//! How events are brought to webhooks: at least once, in order, by the schedule, in virtual time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use guildhall::app::{App, Settings};
use guildhall::domain::clock::{Clock, Timestamp};
use guildhall::domain::retry::SCHEDULE;
use serde_json::{Value as Json, json};

use crate::receiver::{Receiver, endless, silent, status, with_header};
use crate::support::{On, TestApp};
use crate::webhooks::make;

both!(
    ten_attempts_in_75_hours_then_a_dead_letter
    a_record_is_told_in_order_whatever_fails
    only_wanted_types_arrive
    gone_switches_off
    retry_after_is_honoured_within_bounds
    a_busy_receiver_is_left_alone
    what_fails_for_long_is_switched_off
    dead_letters_are_sent_again
    replayed_records_come_in_order
    switched_off_and_on_nothing_is_lost
    a_removed_webhook_gets_nothing
    huge_and_slow_bodies_do_not_matter
    the_worker_delivers_at_once
    two_nodes_send_one_thing_once
);

struct Scene {
    test: TestApp,
    receiver: Receiver,
    clock: Clock,
    path: String,
}

async fn scene(on: On, types: Json) -> Scene {
    let clock = Clock::manual(Timestamp::parse("2026-11-22T10:00:00Z").unwrap());
    let test = TestApp::with_webhooks(on, clock.clone()).await;
    let receiver = Receiver::start().await;
    let (_, path) = make(&test.ann, json!({"url": receiver.url("/"), "types": types})).await;
    Scene { test, receiver, clock, path }
}

impl Scene {
    async fn create(&self, name: &str) -> Json {
        self.test.ann.create("contact", json!({"name": name})).await
    }

    async fn update(&self, contact: &Json, city: &str) {
        let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
        self.test.ann.patch(&path, &json!({"city": city})).await.assert(200);
    }

    async fn deliver(&self) {
        self.test.app.deliver_due().await.unwrap();
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.deliver().await;
    }

    async fn deliveries(&self, query: &str) -> Vec<Json> {
        let page = self.test.ann.get(&format!("{}/deliveries{query}", self.path)).await.assert(200).json();
        page["data"].as_array().unwrap().clone()
    }

    async fn webhook(&self) -> Json {
        self.test.ann.get(&self.path).await.assert(200).json()
    }

    /// Versions of one record, in the order in which they came.
    fn versions(&self, contact: &Json) -> Vec<i64> {
        let of = |message: &crate::receiver::Message| message.record() == contact["id"].as_str().unwrap();
        self.receiver
            .got()
            .iter()
            .filter(|one| of(one))
            .map(|one| one.event()["data"]["version"].as_i64().unwrap())
            .collect()
    }
}

async fn ten_attempts_in_75_hours_then_a_dead_letter(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| status(500));
    scene.create("Ann").await;
    scene.deliver().await;
    let begin = scene.clock.now().micros();
    for (attempts, wait) in SCHEDULE.iter().enumerate().skip(1) {
        assert_eq!(scene.receiver.got().len(), attempts);
        // Not before its time, and at most a tenth after it.
        scene.pass(wait.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(scene.receiver.got().len(), attempts, "too early");
        scene.pass(Duration::from_secs(1) + wait.mul_f64(0.1)).await;
        assert_eq!(scene.receiver.got().len(), attempts + 1, "too late");
    }
    let hours = Duration::from_micros(u64::try_from(scene.clock.now().micros() - begin).unwrap());
    assert!(hours >= Duration::from_mins(75 * 60 + 35) && hours < Duration::from_hours(84), "{hours:?}");
    let got = scene.receiver.got();
    assert!(got.iter().all(|message| message.id == got[0].id && message.body == got[0].body));
    let stamps: std::collections::BTreeSet<&str> =
        got.iter().map(|message| message.headers["webhook-timestamp"].to_str().unwrap()).collect();
    assert_eq!(stamps.len(), 10, "each attempt has its own time");
    let dead = scene.deliveries("?status=dead").await;
    assert_eq!((&dead[0]["attempts"], &dead[0]["last_status"]), (&json!(10), &json!(500)));
    assert_eq!(dead[0]["last_error"], "answered 500");
    scene.pass(Duration::from_hours(1_000)).await;
    assert_eq!(scene.receiver.got().len(), 10);
}

async fn a_record_is_told_in_order_whatever_fails(on: On) {
    let scene = scene(on, json!([])).await;
    // Every third message fails twice before it is taken.
    scene.receiver.answer(|message, before| {
        let version = message.event()["data"]["version"].as_i64().unwrap();
        status(if version % 3 == 0 && before < 2 { 500 } else { 204 })
    });
    let mut contacts = Vec::new();
    for name in 0..5 {
        contacts.push(scene.create(&format!("{name}")).await);
    }
    for city in 0..8 {
        let city = format!("City {city}");
        join_all(contacts.iter().map(|contact| scene.update(contact, &city))).await;
    }
    for _ in 0..20 {
        scene.pass(Duration::from_mins(6)).await;
    }
    let mut expected = Vec::new();
    for version in 1..=9 {
        expected.extend(std::iter::repeat_n(version, if version % 3 == 0 { 3 } else { 1 }));
    }
    for contact in &contacts {
        assert_eq!(scene.versions(contact), expected);
    }
    assert!(scene.deliveries("?status=waiting").await.is_empty());
}

async fn only_wanted_types_arrive(on: On) {
    let scene = scene(on, json!(["contact.updated", "company.*"])).await;
    let contact = scene.create("Ann").await;
    scene.update(&contact, "Bern").await;
    scene.test.ann.create("company", json!({"name": "Company"})).await;
    scene.deliver().await;
    let mut types: Vec<String> =
        scene.receiver.got().iter().map(|message| message.event()["type"].as_str().unwrap().to_owned()).collect();
    types.sort();
    assert_eq!(types, ["company.created", "contact.updated"]);
}

async fn gone_switches_off(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| status(410));
    scene.create("Ann").await;
    scene.deliver().await;
    let webhook = scene.webhook().await;
    assert_eq!(
        (&webhook["enabled"], &webhook["disabled_reason"]),
        (&json!(false), &json!("the receiver answered 410 Gone"))
    );
    scene.create("Bob").await;
    scene.pass(Duration::from_hours(100)).await;
    assert_eq!(scene.receiver.got().len(), 1);
    // The admin decides otherwise: what came meanwhile is sent.
    scene.receiver.answer(|_, _| status(200));
    let on_again = scene.test.ann.patch(&scene.path, &json!({"enabled": true})).await.assert(200).json();
    assert_eq!(on_again["disabled_reason"], json!(null));
    scene.deliver().await;
    assert_eq!(scene.receiver.got().len(), 2);
}

async fn retry_after_is_honoured_within_bounds(on: On) {
    for (answer, after, wait) in [
        (503, "120", Duration::from_mins(2)),
        (429, "Sun, 22 Nov 2026 10:03:00 GMT", Duration::from_mins(3)),
        (500, "30", Duration::from_secs(30)),
        (503, "999999999", Duration::from_hours(1)),
        (429, "soon", Duration::from_secs(5)),
        (404, "3000", Duration::from_secs(5)),
    ] {
        let scene = scene(on, json!([])).await;
        scene
            .receiver
            .answer(move |_, before| if before == 0 { with_header(answer, "retry-after", after) } else { status(200) });
        scene.create("Ann").await;
        scene.deliver().await;
        scene.pass(wait.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(scene.receiver.got().len(), 1, "{answer} {after}: too early");
        scene.pass(Duration::from_secs(2)).await;
        assert_eq!(scene.receiver.got().len(), 2, "{answer} {after}: too late");
    }
}

async fn a_busy_receiver_is_left_alone(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| with_header(429, "retry-after", "60"));
    scene.create("first").await;
    scene.deliver().await;
    for name in 0..20 {
        scene.create(&format!("{name}")).await;
    }
    scene.pass(Duration::from_secs(59)).await;
    assert_eq!(scene.receiver.got().len(), 1, "it asked for a minute");
    scene.receiver.answer(|_, _| status(200));
    scene.pass(Duration::from_secs(2)).await;
    assert_eq!(scene.receiver.got().len(), 22);
}

async fn what_fails_for_long_is_switched_off(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| status(400));
    for day in 0..7 {
        scene.create(&format!("{day}")).await;
        scene.pass(Duration::from_hours(24)).await;
    }
    let webhook = scene.webhook().await;
    assert_eq!(webhook["enabled"], false);
    let reason = webhook["disabled_reason"].as_str().unwrap();
    assert_eq!(reason, "failed for 5 days; last: answered 400");
    // One success in between is enough to stay.
    let other = self::scene(on, json!([])).await;
    other.receiver.answer(|message, _| status(if message.event()["data"]["after"]["name"] == "3" { 200 } else { 400 }));
    for day in 0..7 {
        other.create(&format!("{day}")).await;
        other.pass(Duration::from_hours(24)).await;
    }
    assert_eq!(other.webhook().await["enabled"], true);
}

async fn dead_letters_are_sent_again(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| status(500));
    for name in ["early", "late"] {
        scene.create(name).await;
        scene.deliver().await;
        for wait in SCHEDULE {
            scene.pass(wait.mul_f64(1.1)).await;
        }
        scene.test.ann.patch(&scene.path, &json!({"enabled": true})).await.assert(200);
    }
    let dead = scene.deliveries("?status=dead").await;
    assert_eq!(dead.len(), 2);
    scene.receiver.forget();
    scene.receiver.answer(|_, _| status(200));
    // One by its id.
    let (late, early) = (dead[0]["event"].as_str().unwrap(), dead[1]["event"].as_str().unwrap());
    let replay = format!("{}/deliveries/{early}/replay", scene.path);
    assert_eq!(
        scene.test.ann.post(&replay, &json!({})).await.assert(200).json(),
        json!({"replayed": 1, "has_more": false})
    );
    scene.deliver().await;
    assert_eq!(scene.receiver.got().pop().unwrap().id, early);
    // All since a time.
    let all = format!("{}/replay", scene.path);
    let none = scene.test.ann.post(&all, &json!({"since": "2030-01-01"})).await.assert(200).json();
    assert_eq!(none["replayed"], 0);
    let since = dead[0]["created_at"].clone();
    let one = scene.test.ann.post(&all, &json!({"since": since})).await.assert(200).json();
    assert_eq!(one, json!({"replayed": 1, "has_more": false}));
    scene.deliver().await;
    assert_eq!(scene.receiver.got().pop().unwrap().id, late);
    assert_eq!(scene.receiver.got().len(), 2);
    // What was delivered can be had again, too.
    scene.test.ann.post(&replay, &json!({})).await.assert(200);
    scene.deliver().await;
    assert_eq!(scene.receiver.got().len(), 3);
    assert!(scene.deliveries("?status=dead").await.is_empty());
}

async fn replayed_records_come_in_order(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| status(410));
    let contact = scene.create("Ann").await;
    for city in 0..5 {
        scene.update(&contact, &format!("City {city}")).await;
    }
    // Each is refused for good, one after the other.
    for _ in 0..6 {
        scene.test.ann.patch(&scene.path, &json!({"enabled": true})).await.assert(200);
        scene.deliver().await;
    }
    assert_eq!(scene.deliveries("?status=dead").await.len(), 6);
    scene.receiver.forget();
    scene.receiver.answer(|_, _| status(200));
    scene.test.ann.patch(&scene.path, &json!({"enabled": true})).await.assert(200);
    let replayed = scene.test.ann.post(&format!("{}/replay", scene.path), &json!({"since": "2020-01-01"})).await;
    assert_eq!(replayed.assert(200).json()["replayed"], 6);
    scene.deliver().await;
    assert_eq!(scene.versions(&contact), [1, 2, 3, 4, 5, 6]);
}

async fn switched_off_and_on_nothing_is_lost(on: On) {
    let scene = scene(on, json!([])).await;
    scene.create("before").await;
    scene.deliver().await;
    scene.test.ann.patch(&scene.path, &json!({"enabled": false})).await.assert(200);
    scene.create("meanwhile").await;
    scene.deliver().await;
    assert_eq!(scene.receiver.got().len(), 1);
    scene.test.ann.patch(&scene.path, &json!({"enabled": true})).await.assert(200);
    scene.deliver().await;
    let names: Vec<Json> =
        scene.receiver.got().iter().map(|message| message.event()["data"]["after"]["name"].clone()).collect();
    assert_eq!(names, ["before", "meanwhile"]);
}

async fn a_removed_webhook_gets_nothing(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|_, _| status(500));
    scene.create("Ann").await;
    scene.deliver().await;
    scene.test.ann.delete(&scene.path).await.assert(204);
    scene.pass(Duration::from_hours(1)).await;
    assert_eq!(scene.receiver.got().len(), 1);
}

async fn huge_and_slow_bodies_do_not_matter(on: On) {
    let scene = scene(on, json!([])).await;
    scene.receiver.answer(|message, _| match message.event()["data"]["after"]["name"].as_str().unwrap() {
        "endless" => endless(),
        _ => silent(),
    });
    for name in ["endless", "silent", "endless", "silent"] {
        scene.create(name).await;
    }
    scene.deliver().await;
    assert_eq!(scene.deliveries("?status=delivered").await.len(), 4);
}

async fn the_worker_delivers_at_once(on: On) {
    let test = TestApp::with_webhooks(on, Clock::system()).await;
    let work = tokio::spawn(Arc::clone(&test.app).work());
    let receiver = Receiver::start().await;
    make(&test.ann, json!({"url": receiver.url("/")})).await;
    receiver.answer(|_, before| status(if before == 0 { 500 } else { 204 }));
    for name in 0..30 {
        test.ann.create("contact", json!({"name": format!("{name}")})).await;
    }
    // The first attempt at once, the second by itself five seconds later.
    assert!(receiver.until(Duration::from_secs(30), |got| got.len() == 60).await, "{}", receiver.got().len());
    test.app.close();
    work.await.unwrap();
}

async fn two_nodes_send_one_thing_once(on: On) {
    if on == On::Sqlite {
        return;
    }
    let test = TestApp::with_webhooks(on, Clock::system()).await;
    let settings = Settings { allow_private_webhooks: true, ..crate::support::settings() };
    let second = App::open_with(&test.database, Clock::system(), settings).await.unwrap();
    let nodes = [Arc::clone(&test.app), Arc::clone(&second)];
    let work = nodes.map(|node| tokio::spawn(node.work()));
    let receiver = Receiver::start().await;
    for _ in 0..3 {
        make(&test.ann, json!({"url": receiver.url("/")})).await;
    }
    let other = test.ann.at(&TestApp::listen(&second).await);
    join_all((0..10).map(|client| {
        let actor = if client % 2 == 0 { test.ann.clone() } else { other.clone() };
        async move {
            for part in 0..10 {
                actor.create("contact", json!({"name": format!("{client}-{part}")})).await;
            }
        }
    }))
    .await;
    let all = receiver.until(Duration::from_mins(1), |got| got.len() >= 300).await;
    assert!(all, "{}", receiver.got().len());
    test.app.close();
    second.close();
    for node in work {
        node.await.unwrap();
    }
    let mut times: HashMap<String, usize> = HashMap::new();
    for message in receiver.got() {
        *times.entry(message.id).or_default() += 1;
    }
    // Three webhooks, one message to each of them.
    assert_eq!(times.len(), 100);
    assert!(times.values().all(|times| *times == 3), "{times:?}");
}
