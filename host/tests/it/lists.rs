//! Fields that hold several values: asked, and followed from record to record.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    tags_are_asked_for_by_id_and_by_what_they_are
    options_are_asked_for
    a_merge_moves_links_to_many_and_to_any
);

async fn names(ann: &Actor, object: &str, filter: Json) -> Vec<String> {
    let filter = filter.to_string();
    let found = ann.all(object, &[("filter", filter.as_str()), ("sort", "created_at")]).await;
    found.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

fn path(record: &Json, object: &str) -> String {
    format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap())
}

async fn tags_are_asked_for_by_id_and_by_what_they_are(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let vip = ann.create("tag", json!({"name": "vip"})).await;
    let press = ann.create("tag", json!({"name": "press"})).await;
    let both = ann.create("contact", json!({"name": "both", "tags": [vip["id"], press["id"]]})).await;
    ann.create("contact", json!({"name": "vip", "tags": [vip["id"]]})).await;
    ann.create("contact", json!({"name": "none"})).await;
    sam.create("contact", json!({"name": "stranger"})).await;
    let is_vip = json!({"name": {"_eq": "vip"}});
    for (filter, expected) in [
        (json!({"tags": {"_has": vip["id"]}}), vec!["both", "vip"]),
        (json!({"tags": {"_nhas": vip["id"]}}), vec!["none"]),
        (json!({"tags": {"_has": "01a20031-9c4a-7239-8605-04c662a595e1"}}), vec![]),
        (json!({"tags": {"_some": is_vip}}), vec!["both", "vip"]),
        (json!({"tags": {"_none": is_vip}}), vec!["none"]),
        (json!({"tags": {"_every": is_vip}}), vec!["vip", "none"]),
        (json!({"tags": {"_null": true}}), vec!["none"]),
        (json!({"_not": {"tags": {"_some": {"name": {"_starts_with": "p"}}}}}), vec!["vip", "none"]),
    ] {
        assert_eq!(names(&ann, "contact", filter.clone()).await, expected, "{filter}");
    }
    ann.patch(&path(&both, "contact"), &json!({"tags": [press["id"]]})).await.assert(200);
    assert_eq!(names(&ann, "contact", json!({"tags": {"_has": vip["id"]}})).await, ["vip"]);
    ann.delete(&path(&both, "contact")).await.assert(204);
    assert!(names(&ann, "contact", json!({"tags": {"_has": press["id"]}})).await.is_empty());
    ann.post(&format!("{}/restore", path(&both, "contact")), &json!({})).await.assert(200);
    assert_eq!(names(&ann, "contact", json!({"tags": {"_has": press["id"]}})).await, ["both"]);
    for wrong in [json!({"_has": 7}), json!({"_eq": vip["id"]}), json!({"_some": {"nothing": {"_eq": 1}}})] {
        let filter = json!({"tags": wrong}).to_string();
        let query: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let reply = ann.get(&format!("/api/v1/records/contact?filter={query}")).await;
        reply.problem(422, "validation_failed");
    }
}

async fn options_are_asked_for(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let options = json!([{"value": "de", "label": "German"}, {"value": "zh", "label": "Chinese"}]);
    let field = json!({"name": "x_speaks", "label": "Speaks", "type": "multi_select", "options": options});
    ann.post("/api/v1/schema/contact/fields", &field).await.assert(201);
    ann.create("contact", json!({"name": "a", "x_speaks": ["zh", "de"]})).await;
    ann.create("contact", json!({"name": "b", "x_speaks": ["de"]})).await;
    ann.create("contact", json!({"name": "c"})).await;
    assert_eq!(names(&ann, "contact", json!({"x_speaks": {"_has": "zh"}})).await, ["a"]);
    assert_eq!(names(&ann, "contact", json!({"x_speaks": {"_nhas": "zh"}})).await, ["b", "c"]);
    let me = ann.get("/api/v1/records/contact").await.json();
    assert_eq!(me["data"].as_array().unwrap().len(), 3);
}

async fn a_merge_moves_links_to_many_and_to_any(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let one = ann.create("tag", json!({"name": "one"})).await;
    let two = ann.create("tag", json!({"name": "two"})).await;
    let other = ann.create("tag", json!({"name": "other"})).await;
    let both = ann.create("contact", json!({"name": "both", "tags": [one["id"], two["id"], other["id"]]})).await;
    let only = ann.create("contact", json!({"name": "only", "tags": [two["id"]]})).await;
    let body = json!({"into": one["id"], "from": [two["id"]]});
    let merged = ann.post("/api/v1/records/tag/merge", &body).await.assert(200).json();
    let tags = async |record: &Json| ann.get(&path(record, "contact")).await.json()["tags"].clone();
    assert_eq!(tags(&both).await, json!([one["id"], other["id"]]));
    assert_eq!(tags(&only).await, json!([one["id"]]));
    assert_eq!(names(&ann, "contact", json!({"tags": {"_has": one["id"]}})).await, ["both", "only"]);
    ann.post("/api/v1/records/tag/unmerge", &json!({"merge": merged["merge"]})).await.assert(200);
    assert_eq!(tags(&only).await, json!([two["id"]]));
    let mut back: Vec<Json> = tags(&both).await.as_array().unwrap().clone();
    back.sort_by_key(ToString::to_string);
    let mut all = vec![one["id"].clone(), two["id"].clone(), other["id"].clone()];
    all.sort_by_key(ToString::to_string);
    assert_eq!(back, all);

    let order = json!({"placed_at": "2026-01-01", "total": {"amount": "5.00", "currency": "EUR"}});
    let (first, second) = (ann.create("order", order.clone()).await, ann.create("order", order).await);
    let about = json!({"object": "order", "id": second["id"]});
    let task = ann.create("task", json!({"title": "Call", "about": about})).await;
    let found = json!({"about": {"_has": about}}).to_string();
    assert_eq!(ann.all("task", &[("filter", found.as_str())]).await.len(), 1);
    let body = json!({"into": first["id"], "from": [second["id"]]});
    ann.post("/api/v1/records/order/merge", &body).await.assert(200);
    assert_eq!(ann.get(&path(&task, "task")).await.json()["about"]["id"], first["id"]);
}
