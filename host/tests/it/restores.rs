//! Deleted records: listed, and brought back.

use serde_json::json;

use crate::support::{On, TestApp};

both!(
    a_deleted_record_comes_back
    a_taken_value_keeps_it_away
    links_to_nothing_are_told
    only_what_is_deleted_comes_back
    points_come_back_with_their_order
    deleted_records_are_listed
);

fn path(record: &serde_json::Value) -> String {
    format!("/api/v1/records/contact/{}", record["id"].as_str().unwrap())
}

async fn a_deleted_record_comes_back(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "email": "ann@x.com", "city": "Bern"})).await;
    ann.delete(&path(&contact)).await.assert(204);
    let once = ann.with("idempotency-key", "k1");
    let back = once.post(&format!("{}/restore", path(&contact)), &json!({})).await.assert(200);
    assert_eq!((back.header("etag"), &back.json()["missing_links"]), ("\"3\"", &json!([])));
    let record = ann.get(&path(&contact)).await.assert(200).json();
    assert_eq!(back.json()["record"], record);
    assert_eq!(
        (&record["email"], &record["city"], &record["version"]),
        (&json!("ann@x.com"), &json!("Bern"), &json!(3))
    );
    let again = once.post(&format!("{}/restore", path(&contact)), &json!({})).await.assert(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

async fn a_taken_value_keeps_it_away(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let old = ann.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
    ann.delete(&path(&old)).await.assert(204);
    let new = ann.create("contact", json!({"name": "Anna", "email": "ann@x.com"})).await;
    let problem = ann.post(&format!("{}/restore", path(&old)), &json!({})).await.problem(409, "duplicate");
    assert_eq!((&problem["existing_id"], &problem["errors"][0]["field"]), (&new["id"], &json!("email")));
    ann.get(&path(&old)).await.problem(404, "not_found");
}

async fn links_to_nothing_are_told(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "Company"})).await;
    let contact = ann.create("contact", json!({"name": "Ann", "company": company["id"]})).await;
    ann.delete(&path(&contact)).await.assert(204);
    ann.delete(&format!("/api/v1/records/company/{}", company["id"].as_str().unwrap())).await.assert(204);
    let back = ann.post(&format!("{}/restore", path(&contact)), &json!({})).await.assert(200).json();
    assert_eq!(back["missing_links"], json!([{"field": "company", "object": "company", "id": company["id"]}]));
}

async fn only_what_is_deleted_comes_back(on: On) {
    let TestApp { ann, vic, sam, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let restore = format!("{}/restore", path(&contact));
    ann.post(&restore, &json!({})).await.problem(409, "refused");
    ann.delete(&path(&contact)).await.assert(204);
    vic.post(&restore, &json!({})).await.problem(403, "permission_denied");
    sam.post(&restore, &json!({})).await.problem(404, "not_found");
    let missing = "/api/v1/records/contact/01a20031-9c4a-7239-8605-04c662a595e1/restore";
    ann.post(missing, &json!({})).await.problem(404, "not_found");
    ann.post("/api/v1/records/contact/x/restore", &json!({})).await.problem(404, "not_found");
    ann.post(&restore, &json!({})).await.assert(200);
}

async fn points_come_back_with_their_order(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let total = json!({"amount": "10.00", "currency": "USD"});
    let order = ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    let order = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
    ann.delete(&order).await.assert(204);
    assert_eq!(ann.all("loyalty.member", &[]).await[0]["points"], 0);
    ann.post(&format!("{order}/restore"), &json!({})).await.assert(200);
    assert_eq!(ann.all("loyalty.member", &[]).await[0]["points"], 10);
}

async fn deleted_records_are_listed(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    for at in 0..5 {
        let contact = ann.create("contact", json!({"name": format!("N{at}")})).await;
        if at % 2 == 0 {
            ann.delete(&path(&contact)).await.assert(204);
        }
    }
    let deleted = ann.all("contact", &[("deleted", "true"), ("sort", "-name"), ("limit", "2")]).await;
    let names: Vec<&str> = deleted.iter().map(|contact| contact["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["N4", "N2", "N0"]);
    assert_eq!(ann.all("contact", &[("deleted", "false")]).await.len(), 2);
    assert!(sam.all("contact", &[("deleted", "true")]).await.is_empty());
    ann.get("/api/v1/records/contact?deleted=maybe").await.problem(400, "invalid_parameter");
    // The cursor of one list is none of the other.
    let page = ann.get("/api/v1/records/contact?deleted=true&limit=1").await.assert(200).json();
    let other = format!("/api/v1/records/contact?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    ann.get(&other).await.problem(422, "validation_failed");
}
