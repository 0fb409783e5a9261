//! Records: created, read, changed, deleted.

use serde_json::json;

use crate::support::{On, TestApp};

both!(a_record_lives_and_ends every_type_round_trips defaults_and_nulls a_change_that_changes_nothing_keeps_the_version);

async fn a_record_lives_and_ends(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let reply =
        ann.post("/api/v1/records/contact", &json!({"name": "Ann Lee", "email": "Ann@X.com"})).await.assert(201);
    let contact = reply.json();
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    assert_eq!(reply.header("location"), path);
    assert_eq!(reply.header("etag"), "\"1\"");
    assert_eq!(contact["email"], "ann@x.com");
    assert_eq!(contact["version"], 1);
    assert_eq!(contact["created_at"], contact["updated_at"]);
    assert_eq!(vic.get(&path).await.assert(200).json(), contact);

    let changed = ann.patch(&path, &json!({"city": "Bern"})).await.assert(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.json();
    assert_eq!(
        (&changed["city"], &changed["name"], &changed["version"]),
        (&json!("Bern"), &json!("Ann Lee"), &json!(2))
    );
    assert_eq!(ann.get(&path).await.assert(200).json(), changed);

    ann.delete(&path).await.assert(204);
    ann.get(&path).await.problem(404, "not_found");
    ann.patch(&path, &json!({"city": "Basel"})).await.problem(404, "not_found");
    ann.delete(&path).await.problem(404, "not_found");
    assert!(ann.all("contact", &[]).await.is_empty());
    // What a deleted record held is free again.
    ann.create("contact", json!({"name": "Another Ann", "email": "ann@x.com"})).await;
}

async fn every_type_round_trips(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "株式会社 ﷽ 🦀", "website": "https://example.com/ä?q=1"})).await;
    let contact = ann
        .create(
            "contact",
            json!({
                "name": "O'Neil \"; drop table o_contact; --", "phone": "+49 (30) 123-4567", "birthday": "2000-02-29",
                "company": company["id"], "note": "one\ntwo\ttab\\ %_ \u{200b}",
            }),
        )
        .await;
    assert_eq!(contact["name"], "O'Neil \"; drop table o_contact; --");
    assert_eq!(contact["phone"], "+49301234567");
    assert_eq!(contact["birthday"], "2000-02-29");
    assert_eq!(contact["note"], "one\ntwo\ttab\\ %_ \u{200b}");
    let order = ann
        .create(
            "order",
            json!({
                "contact": contact["id"], "company": company["id"], "placed_at": "2026-03-01T23:59:59.123456+05:30",
                "total": {"amount": "-92233720368547758.08", "currency": "USD"}, "quantity": i64::MAX,
            }),
        )
        .await;
    assert_eq!(order["placed_at"], "2026-03-01T18:29:59.123456Z");
    assert_eq!(order["total"], json!({"amount": "-92233720368547758.08", "currency": "USD"}));
    assert_eq!(order["quantity"], i64::MAX);
    for (object, record) in [("company", &company), ("contact", &contact), ("order", &order)] {
        let path = format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap());
        assert_eq!(&ann.get(&path).await.assert(200).json(), record);
    }
    let yen = json!({"placed_at": "2026-03-01", "total": {"amount": "500", "currency": "JPY"}});
    assert_eq!(ann.create("order", yen).await["total"], json!({"amount": "500", "currency": "JPY"}));
}

async fn defaults_and_nulls(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let fields = json!({"placed_at": "2026-01-01", "total": {"amount": "1.00", "currency": "EUR"}});
    let order = ann.create("order", fields).await;
    assert_eq!(order["status"], "placed");
    assert_eq!(order["contact"], json!(null));
    let contact = ann.create("contact", json!({"name": "Ann", "city": "Bern"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    assert_eq!(ann.patch(&path, &json!({"city": null})).await.assert(200).json()["city"], json!(null));
    let problem = ann.patch(&path, &json!({"name": null})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "required");
}

async fn a_change_that_changes_nothing_keeps_the_version(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "city": "Bern"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    assert_eq!(ann.patch(&path, &json!({"city": "Bern"})).await.assert(200).json(), contact);
    assert_eq!(ann.patch(&path, &json!({})).await.assert(200).json(), contact);
}
