//! The example `erp-sync` beside an ERP that changes things, too, and is not always there.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::erp::{Erp, Mood, Pair, SYNC, WEBHOOK};
use crate::support::{On, TestApp};

both!(
    changes_go_both_ways_and_do_not_come_back
    a_conflict_is_settled_by_the_rule_when_ours_is_sent
    a_conflict_is_settled_by_the_rule_when_theirs_comes
    what_happens_while_the_erp_is_down_comes_later
    an_answer_that_is_lost_makes_nothing_twice
    what_the_erp_has_not_said_is_refused
    a_customer_that_cannot_be_taken_over_stops_nobody
);

async fn changes_go_both_ways_and_do_not_come_back(on: On) {
    let pair = Pair::start(on, "newest").await;
    let id = pair.add(json!({"name": "Acme", "city": "Bern", "note": "not theirs to know"})).await;
    pair.push().await;
    let company = pair.company(&id).await;
    assert_eq!((&company["external_id"], &company["version"]), (&json!("C-1"), &json!(2)));
    let customer = pair.erp.customers().remove(0);
    assert_eq!((&customer["reference"], &customer["note"]), (&json!(id), &json!(null)));
    // An update goes out, of the fields that both have; of others nothing does.
    pair.change(&id, json!({"city": "Basel"})).await;
    pair.change(&id, json!({"note": "still not"})).await;
    pair.push().await;
    assert_eq!(pair.erp.done(), ["POST", "PUT C-1"]);
    pair.both_have(&id, "Basel").await;
    // What it sent comes back by the pull and by the webhook, and is nothing new.
    let before = pair.company(&id).await;
    pair.pull().await;
    pair.tell(&pair.erp.customers()[0]).await.assert(204);
    assert_eq!(pair.company(&id).await, before);
    // What is changed there comes here, what is emptied there is empty here, and it is not sent back.
    pair.erp.edit(Some("C-1"), &json!({"city": "Chur", "phone": "+41 31 000 00 00"}));
    pair.pull().await;
    let taken = pair.company(&id).await;
    assert_eq!((&taken["city"], &taken["phone"]), (&json!("Chur"), &json!("+41310000000")));
    let told = pair.erp.edit(Some("C-1"), &json!({"phone": null, "name": "Acme Ltd"}));
    pair.tell(&told).await.assert(204);
    // Told twice, and in the wrong order, is told once.
    pair.tell(&told).await.assert(204);
    pair.tell(&customer).await.assert(204);
    let taken = pair.company(&id).await;
    assert_eq!((&taken["name"], &taken["phone"], &taken["city"]), (&json!("Acme Ltd"), &json!(null), &json!("Chur")));
    // A customer that is new there is a company here, once.
    let told = pair.erp.edit(None, &json!({"name": "Neu", "city": "Ulm"}));
    pair.tell(&told).await.assert(204);
    pair.pull().await;
    let companies = pair.test.ann.all("company", &[("filter[external_id][_eq]", "C-2")]).await;
    assert_eq!((companies.len(), &companies[0]["name"]), (1, &json!("Neu")));
    // Of all that came from there, nothing goes back; the plugin has heard of everything up to the last company.
    pair.add(json!({"name": "Last"})).await;
    pair.push().await;
    pair.pull().await;
    pair.push().await;
    assert_eq!(pair.erp.done(), ["POST", "PUT C-1", "POST"]);
    // The audit trail says who it was.
    let events = crate::workshop::events(&pair.test.ann, "company.updated", 4).await;
    assert!(events.iter().any(|event| event["data"]["plugin"] == SYNC), "{events:?}");
    // What is deleted here does not come again with a change there.
    pair.test.ann.delete(&format!("/api/v1/records/company/{id}")).await.assert(204);
    pair.erp.edit(Some("C-1"), &json!({"city": "Zug"}));
    pair.pull().await;
    assert!(pair.test.ann.all("company", &[("filter[external_id][_eq]", "C-1")]).await.is_empty());
}

/// A company that both sides have and changed, ours first or last; ours is Aarau, theirs is Zug.
async fn with_conflict(on: On, rule: &str, is_ours_newer: bool) -> (Pair, String) {
    let pair = Pair::start(on, rule).await;
    let id = pair.add(json!({"name": "Acme", "city": "Bern"})).await;
    pair.push().await;
    for ours in [!is_ours_newer, is_ours_newer] {
        pair.clock.advance(Duration::from_mins(1));
        if ours {
            pair.change(&id, json!({"city": "Aarau"})).await;
        } else {
            pair.erp.edit(Some("C-1"), &json!({"city": "Zug"}));
        }
    }
    (pair, id)
}

/// Each rule, whether our change is the newer one, and the city that holds.
const RULES: [(&str, bool, &str); 6] = [
    ("ours", false, "Aarau"),
    ("ours", true, "Aarau"),
    ("theirs", false, "Zug"),
    ("theirs", true, "Zug"),
    ("newest", false, "Zug"),
    ("newest", true, "Aarau"),
];

async fn a_conflict_is_settled_by_the_rule_when_ours_is_sent(on: On) {
    for (rule, is_ours_newer, city) in RULES {
        let (pair, id) = with_conflict(on, rule, is_ours_newer).await;
        pair.push().await;
        pair.both_have(&id, city).await;
        // And stays so, whatever comes in later.
        let done = pair.erp.done();
        pair.pull().await;
        pair.push().await;
        pair.both_have(&id, city).await;
        assert_eq!(pair.erp.done(), done, "{rule}");
    }
}

async fn a_conflict_is_settled_by_the_rule_when_theirs_comes(on: On) {
    for (at, (rule, is_ours_newer, city)) in RULES.into_iter().enumerate() {
        let (pair, id) = with_conflict(on, rule, is_ours_newer).await;
        if at % 2 == 0 {
            pair.pull().await;
        } else {
            pair.tell(&pair.erp.customers()[0]).await.assert(204);
        }
        assert_eq!(pair.company(&id).await["city"], city, "{rule}");
        pair.push().await;
        pair.both_have(&id, city).await;
        pair.pull().await;
        pair.push().await;
        pair.both_have(&id, city).await;
    }
}

async fn what_happens_while_the_erp_is_down_comes_later(on: On) {
    let pair = Pair::start(on, "newest").await;
    let known = pair.add(json!({"name": "Known", "city": "Bern"})).await;
    pair.push().await;
    pair.erp.becomes(Mood::Down);
    pair.change(&known, json!({"city": "Basel"})).await;
    let mut added = Vec::new();
    for at in 0..8 {
        added.push(pair.add(json!({"name": format!("New {at}"), "city": "Ulm"})).await);
    }
    pair.change(&added[0], json!({"city": "Zug"})).await;
    pair.clock.advance(Duration::from_mins(1));
    pair.erp.edit(Some("C-1"), &json!({"country": "CH"}));
    pair.erp.edit(None, &json!({"name": "Theirs", "city": "Chur"}));
    for _ in 0..5 {
        pair.push().await;
        pair.pull().await;
    }
    assert_eq!(pair.erp.done(), ["POST"]);
    // Nothing was set aside: all of it waits.
    let letters = pair.test.ann.get(&format!("/api/v1/modules/{SYNC}/dead-letters")).await.assert(200).json();
    assert_eq!(letters["data"], json!([]));
    // Its address may be gone for a while, too.
    let module = format!("/api/v1/modules/{SYNC}");
    let nowhere = json!({"config": {"url": "http://erp.example.com:1/v1", "conflict": "newest"}});
    pair.test.ann.put(&module, &nowhere).await.assert(200);
    pair.push().await;
    pair.pull().await;
    let config = json!({"config": {"url": pair.erp.url(), "conflict": "newest"}});
    pair.test.ann.put(&module, &config).await.assert(200);
    pair.erp.becomes(Mood::Works);
    pair.push().await;
    pair.pull().await;
    // Each new company was made once, as it was by then; the change there is the newer one of two.
    let done = pair.erp.done();
    assert_eq!(done.iter().filter(|done| *done == "POST").count(), 9, "{done:?}");
    pair.both_have(&added[0], "Zug").await;
    for id in &added[1..] {
        pair.both_have(id, "Ulm").await;
    }
    let company = pair.company(&known).await;
    assert_eq!((&company["country"], &company["city"]), (&json!("CH"), &json!("Bern")));
    let theirs = pair.test.ann.all("company", &[("filter[name][_eq]", "Theirs")]).await;
    assert_eq!((theirs.len(), &theirs[0]["city"]), (1, &json!("Chur")));
    assert_eq!((pair.test.ann.all("company", &[]).await.len(), pair.erp.customers().len()), (10, 10));
}

async fn an_answer_that_is_lost_makes_nothing_twice(on: On) {
    let pair = Pair::start(on, "newest").await;
    pair.erp.becomes(Mood::LosesAnswers);
    let id = pair.add(json!({"name": "Acme", "city": "Bern"})).await;
    pair.push().await;
    assert_eq!((pair.erp.done(), &pair.company(&id).await["external_id"]), (vec!["POST".to_owned()], &json!(null)));
    // The company goes on changing meanwhile.
    pair.change(&id, json!({"city": "Basel"})).await;
    pair.push().await;
    pair.erp.becomes(Mood::Works);
    pair.push().await;
    pair.both_have(&id, "Basel").await;
    assert_eq!(pair.erp.done(), ["POST", "PUT C-1"]);
    // The same when the ERP tells of it before the answer comes.
    pair.erp.becomes(Mood::LosesAnswers);
    let other = pair.add(json!({"name": "Other", "city": "Ulm"})).await;
    pair.push().await;
    pair.erp.becomes(Mood::Works);
    pair.pull().await;
    pair.push().await;
    pair.both_have(&other, "Ulm").await;
    assert_eq!(pair.erp.done(), ["POST", "PUT C-1", "POST"]);
    assert_eq!((pair.test.ann.all("company", &[]).await.len(), pair.erp.customers().len()), (2, 2));
}

async fn what_the_erp_has_not_said_is_refused(on: On) {
    let pair = Pair::start(on, "newest").await;
    let TestApp { ann, vic, sam, anon, .. } = &pair.test;
    let customer = pair.erp.edit(None, &json!({"name": "Acme"}));
    let signature = Erp::signature(&customer.to_string());
    let mut other = customer.clone();
    other["name"] = json!("Forged");
    for (actor, body) in [
        (ann.clone(), &customer),
        (ann.with("x-erp-signature", &signature), &other),
        (ann.with("x-erp-signature", &signature[1..]), &customer),
        (ann.with("x-erp-signature", "no digits"), &customer),
        (ann.with("x-erp-signature", ""), &customer),
    ] {
        let problem = actor.post(WEBHOOK, body).await.problem(422, "plugin_error");
        assert_eq!((&problem["plugin"], &problem["plugin_code"]), (&json!(SYNC), &json!("invalid_signature")));
    }
    for wrong in [json!([]), json!({"id": "C-1"}), json!({"id": 1, "revision": "x", "changed_at": ""})] {
        let problem = pair.tell(&wrong).await.problem(422, "plugin_error");
        assert_eq!(problem["plugin_code"], "validation_failed", "{wrong}");
    }
    // A signature does not make up for a key of the tenant.
    let signed = |actor: &crate::support::Actor| actor.with("x-erp-signature", &signature);
    signed(vic).post(WEBHOOK, &customer).await.problem(403, "permission_denied");
    signed(sam).post(WEBHOOK, &customer).await.problem(404, "not_found");
    signed(anon).post(WEBHOOK, &customer).await.problem(401, "unauthenticated");
    assert!(ann.all("company", &[]).await.is_empty());
    for wrong in [json!({"conflict": "mine"}), json!({"url": "erp.example.com"})] {
        ann.put(&format!("/api/v1/modules/{SYNC}"), &json!({"config": wrong})).await.problem(422, "validation_failed");
    }
    // Another server than the one that was agreed to is not reached: the event is set aside in the end.
    let elsewhere = json!({"config": {"url": "https://elsewhere.example.com/v1"}});
    ann.put(&format!("/api/v1/modules/{SYNC}"), &elsewhere).await.assert(200);
    pair.add(json!({"name": "Acme"})).await;
    for _ in 0..4 {
        pair.push().await;
    }
    let letters = ann.get(&format!("/api/v1/modules/{SYNC}/dead-letters")).await.assert(200).json();
    assert_eq!((letters["data"].as_array().unwrap().len(), &letters["data"][0]["code"]), (1, &json!("plugin_error")));
}

async fn a_customer_that_cannot_be_taken_over_stops_nobody(on: On) {
    let pair = Pair::start(on, "theirs").await;
    pair.erp.edit(None, &json!({"name": "Wrong", "phone": "none"}));
    pair.erp.edit(None, &json!({"name": "Right", "phone": "+41 31 000 00 00"}));
    pair.pull().await;
    let names: Vec<Json> = pair.test.ann.all("company", &[]).await.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Right"]);
    let lines = pair.test.ann.get(&format!("/api/v1/modules/{SYNC}/logs")).await.assert(200).json();
    assert!(lines["data"].as_array().unwrap().iter().any(|line| line["fields"]["customer"] == "C-1"), "{lines}");
    // In the webhook, the ERP is told.
    let problem = pair.tell(&pair.erp.customers()[0]).await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "validation_failed", "{problem}");
    // Once it is right there, it comes.
    pair.erp.edit(Some("C-1"), &json!({"phone": null}));
    pair.pull().await;
    assert_eq!(pair.test.ann.all("company", &[]).await.len(), 2);
}
