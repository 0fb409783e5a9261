//! Events that modules hear of, and those that they publish.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::receiver::Receiver;
use crate::support::{Actor, On, TestApp};
use crate::workshop::{ACTION, WORKSHOP, enable, events, notes, run, start, start_at, step, variant};

both!(
    a_module_hears_of_what_happened_since_it_was_enabled
    a_module_sees_of_events_what_it_was_granted
    a_fault_that_may_pass_has_events_shown_again
    an_event_that_fails_is_set_aside_and_the_rest_goes_on
    an_event_that_was_set_aside_is_shown_again_or_let_be
    a_module_does_not_hear_of_itself
    chains_of_modules_end
    nodes_do_not_show_an_event_twice
    published_events_reach_log_streams_and_webhooks
    event_types_are_the_modules_own
    published_events_are_seen_with_their_record
);

const LETTERS: &str = "/api/v1/modules/test.workshop/dead-letters";

async fn contact(actor: &Actor, name: &str) -> Json {
    actor.create("contact", json!({"name": name})).await
}

async fn texts(ann: &Actor) -> Vec<Json> {
    let notes = ann.all("workshop.note", &[("sort", "created_at"), ("filter[title][_neq]", "enable")]).await;
    notes.iter().map(|note| serde_json::from_str(note["text"].as_str().unwrap_or("null")).unwrap_or_default()).collect()
}

fn manual() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-26T10:00:00Z").unwrap())
}

async fn a_module_hears_of_what_happened_since_it_was_enabled(on: On) {
    let test = TestApp::start(on).await;
    contact(&test.ann, "Before").await;
    crate::workshop::install(&test).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    let ann = &test.ann;
    for at in 0..25 {
        contact(ann, &format!("c{at:02}")).await;
    }
    ann.create("company", json!({"name": "Not asked for"})).await;
    test.app.feed_due().await.unwrap();
    // While something is open elsewhere in the database, what was committed in the moment before may be told, too.
    let mut names: Vec<String> =
        texts(ann).await.iter().map(|text| text["data"]["after"]["name"].as_str().unwrap().to_owned()).collect();
    names.retain(|name| on == On::Sqlite || name != "Before");
    assert_eq!(names, (0..25).map(|at| format!("c{at:02}")).collect::<Vec<_>>());
    // In batches of ten, each committed with its place.
    let batches = step(ann, json!({"do": "kv_get", "key": "batches"})).await;
    let batches: u32 = batches["ok"].as_str().unwrap().parse().unwrap();
    assert!(batches == 3 || (on == On::Postgres && (3..25).contains(&batches)), "{batches}");
    let told = texts(ann).await.len();
    assert!(told == 25 || (on == On::Postgres && told == 26), "{told}");
    test.app.feed_due().await.unwrap();
    assert_eq!(texts(ann).await.len(), told);
    // What it wrote, it wrote itself.
    let event = &events(ann, "workshop.note.created", 2).await[1];
    assert_eq!((&event["data"]["actor"], &event["data"]["plugin"]), (&json!("plugin:test.workshop"), &json!(WORKSHOP)));
    // Away, it hears of nothing; what happened meanwhile is not told later.
    enable(ann, WORKSHOP, &json!({"enabled": false})).await;
    contact(ann, "meanwhile").await;
    test.app.feed_due().await.unwrap();
    enable(ann, WORKSHOP, &json!({"enabled": true})).await;
    contact(ann, "after").await;
    test.app.feed_due().await.unwrap();
    let last = texts(ann).await.pop().unwrap();
    assert_eq!(last["data"]["after"]["name"], "after");
    let told = notes(ann).await.iter().filter(|title| *title == "contact.created").count();
    assert!(told == 26 || (on == On::Postgres && told <= 28), "{told}");
}

async fn a_module_sees_of_events_what_it_was_granted(on: On) {
    let test = start(on).await;
    let body = json!({"name": "Ann", "phone": "+4930123456", "email": "ann@example.com"});
    let contact = test.ann.create("contact", body).await;
    test.app.feed_due().await.unwrap();
    let text = texts(&test.ann).await.remove(0);
    assert_eq!(text["subject"], format!("contact/{}", contact["id"].as_str().unwrap()));
    let after = &text["data"]["after"];
    assert_eq!((&after["name"], &after["phone"]), (&json!("Ann"), &json!(null)), "{after}");
    assert_eq!(after["email"], "ann@example.com");
}

async fn a_fault_that_may_pass_has_events_shown_again(on: On) {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    for name in ["first", "retry", "last"] {
        contact(&test.ann, name).await;
    }
    for _ in 0..5 {
        test.app.feed_due().await.unwrap();
        clock.advance(Duration::from_mins(10));
    }
    // It never goes past the event, whatever else it was shown; and nothing of a call that failed stays.
    assert!(texts(&test.ann).await.len() <= 1);
    run(&test.ann, json!([{"do": "kv_set", "key": "ready", "value": "1"}])).await;
    clock.advance(Duration::from_mins(10));
    test.app.feed_due().await.unwrap();
    let mut names: Vec<String> =
        texts(&test.ann).await.iter().map(|text| text["data"]["after"]["name"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"first\"", "\"last\"", "\"retry\""]);
    assert_eq!(test.ann.get(LETTERS).await.assert(200).json()["data"], json!([]));
}

/// A host whose module has set aside the event of a contact of this name.
async fn with_dead_letter(on: On, name: &str) -> TestApp {
    let clock = manual();
    let test = start_at(on, clock.clone()).await;
    for name in ["one", name, "two"] {
        contact(&test.ann, name).await;
    }
    // The first look shows the batch, and then its events one by one; each further try waits.
    for _ in 0..3 {
        test.app.feed_due().await.unwrap();
        clock.advance(Duration::from_mins(2));
    }
    test
}

async fn letters(actor: &Actor) -> Vec<Json> {
    actor.get(LETTERS).await.assert(200).json()["data"].as_array().unwrap().clone()
}

/// Names of contacts that the module has heard of, in this order.
async fn heard(actor: &Actor) -> Vec<Json> {
    let texts = texts(actor).await.into_iter().filter(|text| text["subject"].is_string());
    texts.map(|text| text["data"]["after"]["name"].clone()).collect()
}

async fn an_event_that_fails_is_set_aside_and_the_rest_goes_on(on: On) {
    for (name, code) in [("refuse", "plugin_error"), ("break", "plugin_trap")] {
        let test = with_dead_letter(on, name).await;
        assert_eq!(heard(&test.ann).await, ["one", "two"], "{code}");
        let letters = letters(&test.ann).await;
        let [letter] = letters.as_slice() else { panic!("{letters:?}") };
        assert_eq!((&letter["type"], &letter["code"]), (&json!("contact.created"), &json!(code)));
        assert_eq!((&letter["object"], &letter["attempts"]), (&json!("contact"), &json!(3)));
        let named = test.ann.get(&format!("/api/v1/records/contact/{}", letter["record"].as_str().unwrap())).await;
        assert_eq!(named.assert(200).json()["name"], name);
    }
}

async fn an_event_that_was_set_aside_is_shown_again_or_let_be(on: On) {
    let test = with_dead_letter(on, "refuse").await;
    let (ann, path) = (&test.ann, format!("{LETTERS}/{}", letters(&test.ann).await[0]["event"].as_str().unwrap()));
    let retry = format!("{path}/retry");
    for (actor, status, code) in
        [(&test.vic, 403, "permission_denied"), (&test.sam, 404, "not_found"), (&test.anon, 401, "unauthenticated")]
    {
        actor.get(LETTERS).await.problem(status, code);
        actor.post(&retry, &json!({})).await.problem(status, code);
        actor.delete(&path).await.problem(status, code);
    }
    // It fails again, and stays; nothing of that call is left.
    assert_eq!(ann.post(&retry, &json!({})).await.problem(422, "plugin_error")["plugin_code"], "validation_failed");
    assert_eq!((letters(ann).await.len(), heard(ann).await.len()), (1, 2));
    enable(ann, WORKSHOP, &json!({"enabled": false})).await;
    ann.post(&retry, &json!({})).await.problem(409, "refused");
    enable(ann, WORKSHOP, &json!({"enabled": true})).await;
    run(ann, json!([{"do": "kv_set", "key": "ready", "value": "1"}])).await;
    ann.post(&retry, &json!({})).await.assert(204);
    let trail = ann.get("/api/v1/audit?object=%23modules").await.assert(200).json();
    assert!(trail["data"][0]["fields"].as_array().unwrap().contains(&json!("retry")), "{trail}");
    assert_eq!(heard(ann).await, ["one", "two", "refuse"]);
    assert!(letters(ann).await.is_empty());
    ann.post(&retry, &json!({})).await.problem(404, "not_found");
    ann.delete(&path).await.problem(404, "not_found");
    ann.post(&format!("{LETTERS}/nonsense/retry"), &json!({})).await.problem(404, "not_found");
    // Many at once: the module hears of it once.
    let test = with_dead_letter(on, "refuse").await;
    run(&test.ann, json!([{"do": "kv_set", "key": "ready", "value": "1"}])).await;
    let path = format!("{LETTERS}/{}", letters(&test.ann).await[0]["event"].as_str().unwrap());
    let (retry, nothing) = (format!("{path}/retry"), json!({}));
    let replies = futures_util::future::join_all((0..4).map(|_| test.ann.post(&retry, &nothing))).await;
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 404].contains(status)), "{statuses:?}");
    assert_eq!(heard(&test.ann).await, ["one", "two", "refuse"]);
    // One that is let be is gone, and the module never heard of it.
    let test = with_dead_letter(on, "break").await;
    let path = format!("{LETTERS}/{}", letters(&test.ann).await[0]["event"].as_str().unwrap());
    test.ann.delete(&path).await.assert(204);
    assert_eq!((letters(&test.ann).await.len(), heard(&test.ann).await.len()), (0, 2));
    let trail = test.ann.get("/api/v1/audit?object=%23modules").await.assert(200).json();
    assert!(trail["data"][0]["fields"].as_array().unwrap().contains(&json!("drop")), "{trail}");
}

async fn a_module_does_not_hear_of_itself(on: On) {
    let test = start(on).await;
    let own = json!([{"do": "create", "object": "contact", "fields": {"name": "made by the module"}}]);
    run(&test.ann, own).await;
    // A change of somebody else that it amended is not its own.
    let command = json!({"steps": []}).to_string();
    test.ann.create("contact", json!({"name": "amended", "note": command})).await;
    test.app.feed_due().await.unwrap();
    let names: Vec<Json> = texts(&test.ann).await.iter().map(|text| text["data"]["after"]["name"].clone()).collect();
    assert_eq!(names, ["amended"]);
}

async fn chains_of_modules_end(on: On) {
    let test = start(on).await;
    let other = variant(&test, "bench", |_| {}).await;
    for id in [WORKSHOP, &other] {
        enable(&test.ann, id, &json!({"config": {"chain": true}})).await;
    }
    contact(&test.ann, "chain").await;
    test.app.feed_due().await.unwrap();
    // The bench acts on the first; the workshop on the first and on that; from then on each on both that the other
    // made, until they are six deep, of which nobody hears.
    let contacts = test.ann.all("contact", &[]).await.len();
    assert_eq!(contacts, 1 + 1 + 2 * 5);
}

async fn nodes_do_not_show_an_event_twice(on: On) {
    let test = start(on).await;
    for at in 0..30 {
        contact(&test.ann, &format!("{at}")).await;
    }
    let node = || async {
        let app = crate::support::open(&test.database, Clock::system()).await.unwrap();
        app.feed_due().await.unwrap();
    };
    tokio::join!(node(), node(), async { test.app.feed_due().await.unwrap() });
    test.app.feed_due().await.unwrap();
    assert_eq!(texts(&test.ann).await.len(), 30);
}

async fn published_events_reach_log_streams_and_webhooks(on: On) {
    let test = start(on).await;
    let receiver = Receiver::start().await;
    let (_, _) = crate::webhooks::make(&test.ann, json!({"url": receiver.url("/"), "types": ["workshop.*"]})).await;
    let other = variant(&test, "bench", |manifest| {
        manifest["requires"] = json!([{"plugin": WORKSHOP}]);
        manifest["hooks"]["on-events"]["types"] = json!(["workshop.item.done"]);
    })
    .await;
    let stranger = variant(&test, "shed", |manifest| {
        manifest["hooks"]["on-events"]["types"] = json!(["workshop.item.done"]);
    })
    .await;
    for id in [&other, &stranger] {
        enable(&test.ann, id, &json!({})).await;
    }
    let publish = json!({"do": "publish", "type": "workshop.item.done", "data": {"points": 3}});
    assert_eq!(step(&test.ann, publish.clone()).await, json!({"ok": null}));
    // Nothing of a call that fails is told.
    let fail = json!({"do": "fail", "code": "no", "must": true});
    test.ann.post(ACTION, &json!({"steps": [publish, fail]})).await.assert(422);
    let events = events(&test.ann, "workshop.item.*", 1).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "workshop.item.done");
    assert_eq!(events[0]["data"]["published"], json!({"points": 3}));
    assert_eq!(events[0]["data"]["plugin"], WORKSHOP);
    assert!(events[0].get("subject").is_none());
    test.app.deliver_due().await.unwrap();
    let got: Vec<Json> = receiver.got().iter().map(|message| message.event()["type"].clone()).collect();
    assert!(got.contains(&json!("workshop.item.done")), "{got:?}");
    // Another module hears of it when it stands on this one.
    test.app.feed_due().await.unwrap();
    let heard = |namespace: &str| {
        let (ann, object) = (test.ann.clone(), format!("{namespace}.note"));
        async move { ann.all(&object, &[("filter[title][_eq]", "workshop.item.done")]).await.len() }
    };
    assert_eq!((heard("bench").await, heard("shed").await), (1, 0));
}

async fn event_types_are_the_modules_own(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let publish = |kind: &str| json!({"do": "publish", "type": kind, "data": {}});
    for (kind, fault) in [
        ("contact.created", "permission_denied"),
        ("loyalty.points.earned", "permission_denied"),
        ("workshop.done", "validation_failed"),
        ("workshop.note.created", "validation_failed"),
        ("workshop.Item.done", "validation_failed"),
        ("workshop..done", "validation_failed"),
    ] {
        assert_eq!(step(&ann, publish(kind)).await["fault"], fault, "{kind}");
    }
    for subject in ["contact/none", "nothing", "order/01a20031-9c4a-7239-8605-04c662a595e1"] {
        let one = json!({"do": "publish", "type": "workshop.item.done", "subject": subject, "data": {}});
        assert!(step(&ann, one).await["fault"].is_string(), "{subject}");
    }
}

async fn published_events_are_seen_with_their_record(on: On) {
    let test = start(on).await;
    let id = contact(&test.ann, "Ann").await["id"].as_str().unwrap().to_owned();
    let role =
        json!({"name": "clerk", "label": "Clerk", "rules": [{"objects": ["#events", "company"], "actions": ["read"]}]});
    test.ann.post("/api/v1/roles", &role).await.assert(201);
    let body = json!({"name": "Carl", "service": true, "role": "clerk"});
    let key = test.ann.post("/api/v1/api-keys", &body).await.assert(201).json()["key"].as_str().unwrap().to_owned();
    let carl = test.ann.with_key(&key);
    let about = |subject: String, n: u32| json!({"do": "publish", "type": "workshop.item.done", "subject": subject, "data": {"n": n}});
    run(&test.ann, json!([about(format!("contact/{id}"), 1), about(String::new(), 2)])).await;
    let seen = |actor: Actor| async move {
        let events = events(&actor, "workshop.item.*", 1).await;
        events.iter().map(|event| event["data"]["published"]["n"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(seen(test.ann.clone()).await, [1, 2]);
    assert_eq!(seen(carl).await, [2]);
    let timeline = test.ann.get(&format!("/api/v1/records/contact/{id}/timeline")).await.assert(200).json();
    assert_eq!(timeline["data"][0]["type"], "workshop.item.done");
}
