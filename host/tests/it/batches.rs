//! Batches: many operations in one step, together or each for itself.

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    a_batch_does_everything_in_order
    a_batch_where_operation_500_fails
    a_thousand_orders_earn_exactly
    taken_values_are_told_of_their_operation
    values_pass_from_one_record_to_another
    one_bad_change_does_not_stop_the_others
    an_answer_covers_the_whole_batch
    a_batch_has_bounds
    batches_that_meet_lose_nothing
);

const BATCH: &str = "/api/v1/records/contact/batch";

async fn batch(ann: &Actor, object: &str, mode: &str, operations: Vec<Json>) -> Vec<Json> {
    let body = json!({"mode": mode, "operations": operations});
    let reply = ann.post(&format!("/api/v1/records/{object}/batch"), &body).await.assert(200).json();
    reply["outcomes"].as_array().unwrap().clone()
}

#[expect(clippy::needless_pass_by_value, reason = "made for `json!`")]
fn create(fields: Json) -> Json {
    json!({"op": "create", "fields": fields})
}

fn statuses(outcomes: &[Json]) -> Vec<i64> {
    outcomes.iter().map(|outcome| outcome["status"].as_i64().unwrap()).collect()
}

async fn a_batch_does_everything_in_order(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let bob = ann.create("contact", json!({"name": "Bob", "external_id": "b"})).await;
    let cid = ann.create("contact", json!({"name": "Cid"})).await;
    let eve = ann.create("contact", json!({"name": "Eve"})).await;
    ann.delete(&format!("/api/v1/records/contact/{}", eve["id"].as_str().unwrap())).await.assert(204);
    let operations = vec![
        create(json!({"name": "Ann", "external_id": "a"})),
        json!({"op": "update", "id": bob["id"], "version": 1, "fields": {"city": "Bern"}}),
        // Its version is still the one that the caller knows.
        json!({"op": "update", "id": bob["id"], "version": 1, "fields": {"city": "Basel", "note": "twice"}}),
        json!({"op": "upsert", "match": "external_id", "fields": {"external_id": "a", "name": "Anna"}}),
        json!({"op": "upsert", "match": "external_id", "fields": {"external_id": "d", "name": "Dan"}}),
        json!({"op": "delete", "id": cid["id"]}),
        json!({"op": "restore", "id": eve["id"]}),
    ];
    let outcomes = batch(&ann, "contact", "atomic", operations).await;
    assert_eq!(statuses(&outcomes), [201, 200, 200, 200, 201, 204, 200]);
    assert_eq!(outcomes[2]["record"]["city"], "Basel");
    assert_eq!(outcomes[2]["record"]["version"], 2);
    assert_eq!(outcomes[0]["record"]["id"], outcomes[3]["record"]["id"]);
    let mut names: Vec<String> = Vec::new();
    for contact in ann.all("contact", &[("sort", "name")]).await {
        names.push(contact["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(names, ["Anna", "Bob", "Dan", "Eve"]);
}

async fn a_batch_where_operation_500_fails(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let mut operations: Vec<Json> = (0..1_000).map(|at| create(json!({"name": format!("N{at}")}))).collect();
    operations[499] = create(json!({"name": "N", "email": "no address"}));
    let problem = ann.post(BATCH, &json!({"mode": "atomic", "operations": operations})).await;
    let problem = problem.problem(422, "validation_failed");
    assert_eq!(problem["operation"], 499);
    assert_eq!(problem["errors"][0]["field"], "operations[499].fields.email");
    assert!(ann.all("contact", &[]).await.is_empty());

    let outcomes = batch(&ann, "contact", "each", operations).await;
    assert_eq!(outcomes.len(), 1_000);
    for (at, outcome) in outcomes.iter().enumerate() {
        if at == 499 {
            assert_eq!((&outcome["status"], &outcome["problem"]["code"]), (&json!(422), &json!("validation_failed")));
        } else {
            assert_eq!((&outcome["status"], &outcome["record"]["name"]), (&json!(201), &json!(format!("N{at}"))));
        }
    }
    assert_eq!(ann.all("contact", &[("limit", "500")]).await.len(), 999);
}

async fn a_thousand_orders_earn_exactly(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contacts: Vec<Json> = (0..250).map(|at| create(json!({"name": format!("C{at}")}))).collect();
    let contacts = batch(&ann, "contact", "atomic", contacts).await;
    let orders = (0..1_000).map(|at: usize| {
        create(json!({
            "contact": contacts[at % 250]["record"]["id"], "placed_at": "2026-01-01",
            "total": {"amount": format!("{}.50", at + 1), "currency": "USD"},
        }))
    });
    let outcomes = batch(&ann, "order", "atomic", orders.collect()).await;
    assert_eq!(statuses(&outcomes), vec![201; 1_000]);
    let members = ann.all("loyalty.member", &[("limit", "500")]).await;
    assert_eq!(members.len(), 250);
    for member in &members {
        let at = contacts.iter().position(|contact| contact["record"]["id"] == member["contact"]).unwrap();
        let expected: usize = (0..4).map(|round| round * 250 + at + 1).sum();
        assert_eq!(member["points"], expected, "member of contact {at}");
    }
    let entries = ann.all("loyalty.entry", &[("limit", "500")]).await;
    assert_eq!(entries.len(), 1_000);
    let ledger: i64 = entries.iter().map(|entry| entry["points"].as_i64().unwrap()).sum();
    assert_eq!(ledger, 1_000 * 1_001 / 2);
}

async fn taken_values_are_told_of_their_operation(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let holder = ann.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
    let mut operations: Vec<Json> =
        (0..40).map(|at| create(json!({"name": "N", "external_id": at.to_string()}))).collect();
    operations[20] = create(json!({"name": "N", "email": "Ann@X.com"}));
    operations[30] = create(json!({"name": "N", "external_id": "7"}));
    let problem = ann.post(BATCH, &json!({"mode": "atomic", "operations": operations})).await.problem(409, "duplicate");
    assert_eq!((&problem["operation"], &problem["existing_id"]), (&json!(20), &holder["id"]));
    assert_eq!(problem["errors"][0]["field"], "operations[20].fields.email");
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
    let outcomes = batch(&ann, "contact", "each", operations).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        let expected = if [20, 30].contains(&at) { 409 } else { 201 };
        assert_eq!(outcome["status"], expected, "{at}: {outcome}");
    }
    assert_eq!(outcomes[30]["problem"]["errors"][0]["field"], "external_id");
    assert_eq!(ann.all("contact", &[]).await.len(), 39);
}

async fn values_pass_from_one_record_to_another(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let old = ann.create("contact", json!({"name": "Old", "email": "ann@x.com"})).await;
    let outcomes = batch(
        &ann,
        "contact",
        "atomic",
        vec![
            create(json!({"name": "New", "email": "ann@x.com"})),
            json!({"op": "update", "id": old["id"], "fields": {"email": null}}),
        ],
    )
    .await;
    let new = outcomes[0]["record"]["id"].clone();
    let outcomes = batch(
        &ann,
        "contact",
        "atomic",
        vec![
            json!({"op": "update", "id": old["id"], "fields": {"email": "ann@x.com"}}),
            json!({"op": "delete", "id": new}),
        ],
    )
    .await;
    assert_eq!(statuses(&outcomes), [200, 204]);
}

async fn one_bad_change_does_not_stop_the_others(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "test.hostile").await;
    // The module looks at the first contact of a call: it refuses this one alone.
    let mut operations: Vec<Json> = (0..9).map(|at| create(json!({"name": format!("N{at}")}))).collect();
    operations[0] = create(json!({"name": "N", "note": "refuse"}));
    let problem = ann.post(BATCH, &json!({"mode": "atomic", "operations": operations})).await;
    assert_eq!(problem.problem(422, "plugin_error")["operation"], 0);
    let outcomes = batch(&ann, "contact", "each", operations.clone()).await;
    assert_eq!(statuses(&outcomes), [422, 201, 201, 201, 201, 201, 201, 201, 201]);
    // A crash names nobody: the group falls apart until it is found.
    operations[0] = create(json!({"name": "N", "note": "trap"}));
    let key = ann.with("idempotency-key", "k1");
    let outcomes = batch(&key, "contact", "each", operations.clone()).await;
    assert_eq!(statuses(&outcomes), [422, 201, 201, 201, 201, 201, 201, 201, 201]);
    assert_eq!(outcomes[0]["problem"]["code"], "plugin_trap");
    assert_eq!(batch(&key, "contact", "each", operations).await, outcomes);
    assert_eq!(ann.all("contact", &[]).await.len(), 16);
}

async fn an_answer_covers_the_whole_batch(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let body = json!({"mode": "each", "operations": [create(json!({"name": "Ann"})), create(json!({}))]});
    let first = once.post(BATCH, &body).await.assert(200);
    let again = once.post(BATCH, &body).await.assert(200);
    assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
    let other = json!({"mode": "atomic", "operations": [create(json!({"name": "Ann"}))]});
    once.post(BATCH, &other).await.problem(422, "idempotency_key_reused");
}

async fn a_batch_has_bounds(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let many: Vec<Json> = (0..1_001).map(|_| create(json!({"name": "N"}))).collect();
    let problem = ann.post(BATCH, &json!({"mode": "atomic", "operations": many})).await;
    assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["field"], "operations");
    for body in [
        json!({}),
        json!({"mode": "atomic", "operations": []}),
        json!({"mode": "some", "operations": [create(json!({}))]}),
    ] {
        ann.post(BATCH, &body).await.problem(422, "validation_failed");
    }
    let wrong = json!({"mode": "atomic", "operations": [
        {"op": "explode"}, {"op": "update", "id": "x", "fields": {}}, {"op": "create"}, 7, {"op": "delete", "id": 7, "why": "x"},
    ]});
    let problem = ann.post(BATCH, &wrong).await.problem(422, "validation_failed");
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    let expected = [
        "operations[0].op",
        "operations[1].id",
        "operations[2].fields",
        "operations[3]",
        "operations[4].id",
        "operations[4].why",
    ];
    assert_eq!(fields, expected);
    // More than a plain body may have, less than a batch may have.
    let large = json!({"mode": "atomic", "operations":
        (0..40).map(|_| create(json!({"name": "N", "note": "x".repeat(90_000)}))).collect::<Vec<_>>()});
    ann.post(BATCH, &large).await.assert(200);
    let too_large = format!(r#"{{"mode":"atomic","operations":[],"x":"{}"}}"#, "x".repeat(16 << 20));
    ann.send(reqwest::Method::POST, BATCH, Some(too_large)).await.problem(413, "payload_too_large");
    let deep = format!(r#"{{"mode":"atomic","operations":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    ann.send(reqwest::Method::POST, BATCH, Some(deep)).await.problem(400, "malformed_json");
}

async fn batches_that_meet_lose_nothing(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let made: Vec<Json> = (0..30).map(|at| create(json!({"name": format!("N{at}")}))).collect();
    let made = batch(&ann, "contact", "atomic", made).await;
    join_all((0..8).map(|client: usize| {
        let (ann, made) = (ann.clone(), made.clone());
        async move {
            // Each goes through the records in another order.
            let operations = (0..30).map(|at| {
                let id = &made[(at * (client + 1) + client) % 30]["record"]["id"];
                json!({"op": "update", "id": id, "fields": {"city": format!("City {client}")}})
            });
            batch(&ann, "contact", "atomic", operations.collect()).await
        }
    }))
    .await;
    let contacts = ann.all("contact", &[]).await;
    let cities: std::collections::BTreeSet<&str> = contacts.iter().filter_map(|c| c["city"].as_str()).collect();
    assert!(!cities.is_empty() && contacts.len() == 30);
}
