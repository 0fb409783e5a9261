//! Upserts: one key, one record, however many ask at once.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{On, TestApp};

both!(the_unique_field_decides fifty_upserts_make_one_record what_cannot_decide_is_refused);

const UPSERT: &str = "/api/v1/records/contact/upsert";

async fn the_unique_field_decides(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let body = json!({"match": "email", "fields": {"email": "Ann@X.com", "name": "Ann"}});
    let made = ann.post(UPSERT, &body).await.assert(201);
    assert!(made.header("location").ends_with(made.json()["id"].as_str().unwrap()));
    let body = json!({"match": "email", "fields": {"email": " ann@x.COM", "city": "Bern"}});
    let changed = ann.post(UPSERT, &body).await.assert(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.json();
    assert_eq!(
        (&changed["id"], &changed["name"], &changed["city"]),
        (&made.json()["id"], &json!("Ann"), &json!("Bern"))
    );
    // A deleted record has given its value up.
    ann.delete(made.header("location")).await.assert(204);
    let body = json!({"match": "email", "fields": {"email": "ann@x.com", "name": "Ann"}});
    assert_ne!(ann.post(UPSERT, &body).await.assert(201).json()["id"], made.json()["id"]);
}

async fn fifty_upserts_make_one_record(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let replies = join_all((0..50).map(|at| {
        let ann = ann.clone();
        async move {
            let fields = json!({"external_id": "7", "name": "Ann", "city": format!("City {at}")});
            ann.post(UPSERT, &json!({"match": "external_id", "fields": fields})).await
        }
    }))
    .await;
    let mut versions: Vec<i64> = replies.iter().map(|reply| reply.json()["version"].as_i64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=50).collect::<Vec<_>>());
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 49);
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
}

async fn what_cannot_decide_is_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (field, fields, wrong, code) in [
        ("name", json!({"name": "Ann"}), "match", "not_unique"),
        ("nothing", json!({"name": "Ann"}), "match", "not_unique"),
        ("email", json!({"name": "Ann"}), "email", "required"),
        ("email", json!({"name": "Ann", "email": null}), "email", "required"),
        ("email", json!({"name": "Ann", "email": ""}), "email", "required"),
        ("email", json!({"name": "Ann", "email": "no address"}), "email", "wrong_type"),
    ] {
        let problem =
            ann.post(UPSERT, &json!({"match": field, "fields": fields})).await.problem(422, "validation_failed");
        assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["code"]), (&json!(wrong), &json!(code)));
    }
    ann.post(UPSERT, &json!({"fields": {}})).await.problem(422, "validation_failed");
    assert!(ann.all("contact", &[]).await.is_empty());
}
