//! The timeline of a record, and the log as pages.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    a_timeline_tells_the_newest_first
    a_deleted_record_keeps_its_timeline
    timelines_are_for_readers_of_the_tenant
    forged_cursors_and_places_are_refused
    events_have_one_form
    the_log_is_read_page_by_page
    the_log_is_filtered
    old_events_keep_their_order
);

fn path(record: &Json) -> String {
    format!("/api/v1/records/contact/{}", record["id"].as_str().unwrap())
}

/// All events of the log, page by page.
pub async fn all_events(actor: &Actor, query: &str) -> Vec<Json> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let place = if after.is_empty() { String::new() } else { format!("&after={after}") };
        let page = actor.get(&format!("/api/v1/events?{query}{place}")).await;
        let page = page.assert(200).json();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        page["next"].as_str().unwrap().clone_into(&mut after);
        if page["has_more"] == false {
            return all;
        }
    }
}

async fn a_timeline_tells_the_newest_first(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    for city in 0..7 {
        ann.patch(&path(&contact), &json!({"city": format!("City {city}")})).await.assert(200);
    }
    ann.create("contact", json!({"name": "Bob"})).await;
    let timeline = format!("{}/timeline", path(&contact));
    let (mut versions, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = vic.get(&format!("{timeline}?limit=3{cursor}")).await.assert(200).json();
        versions
            .extend(page["data"].as_array().unwrap().iter().map(|event| event["data"]["version"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(versions, [8, 7, 6, 5, 4, 3, 2, 1]);
    let created = vic.get(&format!("{timeline}?type=*.created")).await.assert(200).json();
    assert_eq!(created["data"].as_array().unwrap().len(), 1);
    assert_eq!(created["data"][0]["data"]["after"], json!({"name": "Ann"}));
    let none = vic.get(&format!("{timeline}?type=order.*")).await.assert(200).json();
    assert_eq!(none, json!({"data": [], "next_cursor": null}));
}

async fn a_deleted_record_keeps_its_timeline(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    ann.delete(&path(&contact)).await.assert(204);
    vic.get(&path(&contact)).await.problem(404, "not_found");
    let page = vic.get(&format!("{}/timeline", path(&contact))).await.assert(200).json();
    let types: Vec<&str> =
        page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["contact.deleted", "contact.created"]);
}

async fn timelines_are_for_readers_of_the_tenant(on: On) {
    let TestApp { ann, sam, anon, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let timeline = format!("{}/timeline", path(&contact));
    sam.get(&timeline).await.problem(404, "not_found");
    anon.get(&timeline).await.problem(401, "unauthenticated");
    ann.get(&timeline.replace("/contact/", "/company/")).await.problem(404, "not_found");
    ann.get("/api/v1/records/contact/7/timeline").await.problem(404, "not_found");
    ann.get("/api/v1/records/thing/7/timeline").await.problem(404, "not_found");
    assert!(all_events(&sam, "limit=500").await.is_empty());
}

async fn forged_cursors_and_places_are_refused(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let mut contacts = Vec::new();
    for name in ["Ann", "Bob"] {
        let contact = ann.create("contact", json!({"name": name})).await;
        ann.patch(&path(&contact), &json!({"city": "Bern"})).await.assert(200);
        contacts.push(contact);
    }
    let timeline = format!("{}/timeline?limit=1", path(&contacts[0]));
    let page = ann.get(&timeline).await.assert(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    ann.get(&format!("{timeline}&cursor={cursor}")).await.assert(200);
    let others = format!("{}/timeline?limit=1&cursor={cursor}", path(&contacts[1]));
    let filtered = format!("{timeline}&type=contact.*&cursor={cursor}");
    for wrong in [others, filtered, format!("{timeline}&cursor=x"), format!("{timeline}&cursor={cursor}A")] {
        let problem = ann.get(&wrong).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "invalid_cursor", "{wrong}");
    }
    let place = ann.get("/api/v1/events?limit=1").await.assert(200).json()["next"].as_str().unwrap().to_owned();
    ann.get(&format!("/api/v1/events?after={place}")).await.assert(200);
    let first = if place.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{first}{}", &place[1..]);
    for (actor, after) in [(&sam, place.clone()), (&ann, forged), (&ann, "1".to_owned()), (&ann, cursor.to_owned())] {
        for accept in ["application/json", "text/event-stream"] {
            let problem = actor.with("accept", accept).get(&format!("/api/v1/events?after={after}")).await;
            assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["field"], "after");
        }
    }
    let stream = ann.with("accept", "text/event-stream").with("last-event-id", "7");
    assert_eq!(
        stream.get("/api/v1/events").await.problem(422, "validation_failed")["errors"][0]["field"],
        "Last-Event-ID"
    );
    for query in ["limit=0", "limit=501", "type=A", "type=a.*.*.*.*", &format!("type={}", "a,".repeat(51))] {
        ann.get(&format!("/api/v1/events?{query}")).await.problem(422, "validation_failed");
    }
    ann.get("/api/v1/events?limit=x").await.problem(400, "invalid_parameter");
    ann.get("/api/v1/events?limit=1&limit=2").await.problem(400, "invalid_parameter");
    ann.get("/api/v1/events?since=1").await.problem(400, "unknown_parameter");
    ann.get("/api/v1/events?object=thing").await.problem(404, "unknown_object");
}

async fn events_have_one_form(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let total = json!({"amount": "5.00", "currency": "EUR"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    settled(&ann, 4).await;
    let events = all_events(&ann, "limit=2").await;
    let (first, second) = (&events[0], events.iter().find(|event| event["type"] == "loyalty.member.created").unwrap());
    assert!(first["source"].as_str().unwrap().starts_with("urn:guildhall:tenant:"));
    assert!(first["data"]["actor"].as_str().unwrap().starts_with("key:"));
    assert_eq!(first["time"], contact["created_at"]);
    let id = contact["id"].as_str().unwrap();
    let expected = json!({
        "specversion": "1.0", "id": first["id"], "type": "contact.created", "source": first["source"],
        "subject": format!("contact/{id}"), "time": first["time"], "datacontenttype": "application/json",
        "data": {
            "object": "contact", "record": id, "version": 1, "actor": first["data"]["actor"], "plugin": null,
            "before": {}, "after": {"name": "Ann"},
        },
    });
    assert_eq!(*first, expected);
    assert_eq!(second["data"]["plugin"], "guildhall.retail-loyalty");
    let timeline = ann.get(&format!("{}/timeline", path(&contact))).await.assert(200).json();
    assert_eq!(timeline["data"][0], expected);
}

async fn the_log_is_read_page_by_page(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    for name in 0..25 {
        ann.create("contact", json!({"name": format!("{name}")})).await;
    }
    settled(&vic, 25).await;
    for limit in ["limit=1", "limit=7", "limit=25", "limit=500"] {
        let events = all_events(&vic, limit).await;
        let names: Vec<&str> = events.iter().map(|event| event["data"]["after"]["name"].as_str().unwrap()).collect();
        let expected: Vec<String> = (0..25).map(|name| name.to_string()).collect();
        assert_eq!(names, expected, "{limit}");
    }
    // The place behind the last page is good for what comes later.
    let end = vic.get("/api/v1/events?limit=500").await.assert(200).json()["next"].as_str().unwrap().to_owned();
    let empty = vic.get(&format!("/api/v1/events?after={end}")).await.assert(200).json();
    assert_eq!(empty, json!({"data": [], "next": end, "has_more": false}));
    ann.create("contact", json!({"name": "later"})).await;
    settled(&vic, 26).await;
    let later = vic.get(&format!("/api/v1/events?after={end}")).await.assert(200).json();
    assert_eq!(later["data"][0]["data"]["after"]["name"], "later");
}

/// Reads until the log has so many events: another database's open transaction can hold the last ones back.
pub async fn settled(actor: &Actor, count: usize) {
    while all_events(actor, "limit=500").await.len() < count {}
}

async fn the_log_is_filtered(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    ann.create("company", json!({"name": "Company"})).await;
    ann.patch(&path(&contact), &json!({"city": "Bern"})).await.assert(200);
    settled(&ann, 3).await;
    for (query, expected) in [
        ("object=contact", vec!["contact.created", "contact.updated"]),
        ("object=company,contact", vec!["contact.created", "company.created", "contact.updated"]),
        ("type=*.created", vec!["contact.created", "company.created"]),
        ("type=contact.*,company.*", vec!["contact.created", "company.created", "contact.updated"]),
        ("object=company&type=*.updated", vec![]),
    ] {
        let events = all_events(&ann, query).await;
        let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, expected, "{query}");
    }
}

async fn old_events_keep_their_order(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let bodies: Vec<Json> = (0..40).map(|name| json!({"name": format!("{name}")})).collect();
    futures_util::future::join_all(bodies.iter().map(|body| ann.post("/api/v1/records/contact", body))).await;
    settled(&ann, 40).await;
    let events = all_events(&ann, "limit=9").await;
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), events.len()), (40, 40));
}
