//! Records that may be the same thing.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    candidates_are_found_best_first
    names_in_any_script_are_compared
    a_likely_duplicate_is_held_back
    equal_names_alone_refuse_nothing
    questions_that_make_no_sense_are_refused
);

const DUPLICATES: &str = "/api/v1/records/contact/duplicates";
const CONTACT: &str = "/api/v1/records/contact";

async fn candidates(ann: &Actor, body: Json) -> Vec<(String, i64)> {
    let reply = ann.post(DUPLICATES, &body).await.assert(200).json();
    let of = |c: &Json| (c["record"]["name"].as_str().unwrap().to_owned(), c["score"].as_i64().unwrap());
    reply["candidates"].as_array().unwrap().iter().map(of).collect()
}

async fn candidates_are_found_best_first(on: On) {
    let TestApp { ann, vic, sam, .. } = TestApp::start(on).await;
    let off = ann.with("duplicate-check", "off");
    for fields in [
        json!({"name": "Ann Smith", "phone": "+49301234567", "city": "Bern"}),
        json!({"name": "Bob Jones", "phone": "+49301234567"}),
        json!({"name": "Anne Smith"}),
        json!({"name": "Zoe Miller"}),
    ] {
        off.post(CONTACT, &fields).await.assert(201);
    }
    let asked = json!({"fields": {"name": "ann smith", "phone": "+49 30 1234567", "city": "Bern"}});
    let found = candidates(&ann, asked.clone()).await;
    assert_eq!(found[0], ("Ann Smith".to_owned(), 100));
    assert_eq!(found[1], ("Bob Jones".to_owned(), 60));
    assert_eq!(found[2].0, "Anne Smith");
    assert_eq!(found.len(), 3);
    assert_eq!(candidates(&vic, asked.clone()).await, found);
    assert!(candidates(&sam, asked).await.is_empty());
    let first = &ann.all("contact", &[("sort", "name")]).await[0];
    assert_eq!(candidates(&ann, json!({"id": first["id"]})).await.len(), 2);
    let reply = ann.post(DUPLICATES, &json!({"fields": {"phone": "+49301234567"}})).await.assert(200).json();
    assert_eq!(reply["candidates"][0]["reasons"], json!([{"fields": ["phone"], "match": "exact", "score": 60}]));
}

async fn names_in_any_script_are_compared(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for name in ["王小明", "李大海", "Müller, Jürgen", "Smith Ann"] {
        ann.create("contact", json!({"name": name})).await;
    }
    for (asked, expected) in [("王晓明", "王小明"), ("Jürgen Müller", "Müller, Jürgen"), ("Ann Smith", "Smith Ann")]
    {
        let found = candidates(&ann, json!({"fields": {"name": asked}})).await;
        assert_eq!(found.first().map(|(name, _)| name.as_str()), Some(expected), "{asked}: {found:?}");
    }
}

async fn a_likely_duplicate_is_held_back(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let first = ann.create("contact", json!({"name": "Ann Smith", "phone": "+49301234567"})).await;
    let again = json!({"name": "Anne Smith", "phone": "+49301234567"});
    let problem = ann.post(CONTACT, &again).await.problem(409, "possible_duplicate");
    assert_eq!(problem["candidates"][0]["id"], first["id"]);
    assert!(problem["candidates"][0]["score"].as_i64().unwrap() >= 85);
    let batch = |check: bool| json!({"mode": "each", "check_duplicates": check, "operations": [{"op": "create", "fields": again}]});
    let path = format!("{CONTACT}/batch");
    let outcomes = ann.post(&path, &batch(true)).await.assert(200).json();
    assert_eq!(outcomes["outcomes"][0]["problem"]["code"], "possible_duplicate");
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
    ann.post(&path, &batch(false)).await.assert(200);
    ann.with("duplicate-check", "off").post(CONTACT, &again).await.assert(201);
    ann.with("duplicate-check", "perhaps").post(CONTACT, &again).await.problem(400, "invalid_header");
    assert_eq!(ann.all("contact", &[]).await.len(), 3);
}

async fn equal_names_alone_refuse_nothing(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for _ in 0..3 {
        ann.create("contact", json!({"name": "Ann Smith", "city": "Bern"})).await;
        ann.create("company", json!({"name": "Smith Ltd"})).await;
    }
    ann.create("company", json!({"name": "Smith Ltd", "website": "https://smith.example"})).await;
    let body = json!({"name": "Smith Ltd.", "website": "https://smith.example"});
    ann.post("/api/v1/records/company", &body).await.problem(409, "possible_duplicate");
}

async fn questions_that_make_no_sense_are_refused(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    for body in [
        json!({}),
        json!({"fields": 7}),
        json!({"id": "x"}),
        json!({"fields": {"nothing": 1}}),
        json!({"fields": {}, "x": 1}),
    ] {
        ann.post(DUPLICATES, &body).await.problem(422, "validation_failed");
    }
    sam.post(DUPLICATES, &json!({"id": contact["id"]})).await.problem(404, "not_found");
    // An object without rules has no duplicates.
    let reply =
        ann.post("/api/v1/records/order/duplicates", &json!({"fields": {"note": "x"}})).await.assert(200).json();
    assert_eq!(reply["candidates"], json!([]));
}
