//! Fields that roles hide, or keep from being written.

use serde_json::json;

use crate::permissions::{User, path, role, user};
use crate::support::{Actor, On, TestApp};

both!(
    hidden_fields_are_nowhere
    locked_fields_are_not_written
);

/// The role of somebody who must not know phone numbers.
async fn without_phones(ann: &Actor) -> User {
    let rules = json!([
        {"objects": ["contact"], "actions": ["read", "update", "create", "export"], "except": ["phone"]},
        {"objects": ["activity"], "actions": ["read"]},
    ]);
    role(ann, "discreet", rules).await;
    user(ann, "dora", json!(["discreet"])).await
}

async fn hidden_fields_are_nowhere(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = without_phones(&ann).await;
    let secret = "+41791234567";
    let made = ann.create("contact", json!({"name": "Ann", "phone": secret, "city": "Bern"})).await;
    ann.patch(&path(&made), &json!({"phone": "+41791234568"})).await.assert(200);
    let body = json!({"kind": "note", "happened_at": "2026-01-01T00:00:00Z", "contact": made["id"]});
    ann.create("activity", body).await;
    let contact = path(&made);
    let all = "/api/v1/records/contact";
    for ask in [
        all.to_owned(),
        contact.clone(),
        format!("{contact}/timeline"),
        format!("{contact}/profile"),
        format!("{all}/export"),
        "/api/v1/events".to_owned(),
        "/api/v1/search?q=ann".to_owned(),
        "/api/v1/records/activity?expand=contact".to_owned(),
    ] {
        let reply = dora.at.get(&ask).await.assert(200);
        assert!(!reply.text.contains("4179123456") && !reply.text.contains("\"phone\""), "{ask}: {}", reply.text);
    }
    let schema = dora.at.get("/api/v1/schema/contact").await.assert(200);
    assert!(!schema.text.contains("\"phone\""), "{}", schema.text);
    let document = dora.at.get("/api/v1/openapi.json").await.assert(200).json();
    let properties = &document["components"]["schemas"]["contact"]["properties"];
    assert!(properties.get("name").is_some() && properties.get("phone").is_none(), "{properties}");
    // It cannot be asked about: it is as unknown as a field that is not there.
    for unknown in ["phone", "fone"] {
        for ask in [
            format!("sort={unknown}"),
            format!("fields={unknown}"),
            format!("filter={{\"{unknown}\":{{\"_eq\":\"1\"}}}}"),
            format!("filter={{\"_or\":[{{\"{unknown}\":{{\"_null\":true}}}}]}}"),
        ] {
            let problem = dora.at.get(&format!("{all}?{ask}")).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["code"], "unknown_field", "{ask}: {problem}");
        }
        let nested = format!("/api/v1/records/activity?filter={{\"contact\":{{\"{unknown}\":{{\"_eq\":\"1\"}}}}}}");
        assert_eq!(dora.at.get(&nested).await.problem(422, "validation_failed")["errors"][0]["code"], "unknown_field");
        let groups = json!({"group_by": [unknown]});
        dora.at.post(&format!("{all}/aggregate"), &groups).await.problem(422, "validation_failed");
        let update = dora.at.patch(&contact, &json!({unknown: secret})).await.problem(422, "validation_failed");
        assert_eq!(update["errors"][0]["code"], "unknown_field");
    }
    for words in ["4567", "4568", "791234568"] {
        let found = dora.at.get(&format!("/api/v1/search?q={words}")).await.assert(200).json();
        assert_eq!(found["data"], json!([]), "{words}");
        assert_eq!(ann.get("/api/v1/search?q=4568").await.json()["data"].as_array().unwrap().len(), 1);
    }
    // What she writes leaves it as it is, and what she makes is found by its words.
    dora.at.patch(&contact, &json!({"city": "Thun"})).await.assert(200);
    assert_eq!(ann.get(&contact).await.json()["phone"], "+41791234568");
    assert_eq!(ann.get("/api/v1/search?q=4568").await.json()["data"].as_array().unwrap().len(), 1);
}

async fn locked_fields_are_not_written(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let rules = json!([
        {"objects": ["contact"], "actions": ["read"]},
        {"objects": ["contact"], "actions": ["create", "update"], "except": ["lifecycle"]},
    ]);
    role(&ann, "assistant", rules).await;
    let alma = user(&ann, "alma", json!(["assistant"])).await;
    let made = ann.create("contact", json!({"name": "Ann", "lifecycle": "customer"})).await;
    assert_eq!(alma.at.get(&path(&made)).await.json()["lifecycle"], "customer");
    let problem = alma.at.patch(&path(&made), &json!({"lifecycle": "lost"})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "read_only");
    alma.at
        .post("/api/v1/records/contact", &json!({"name": "B", "lifecycle": "lost"}))
        .await
        .problem(422, "validation_failed");
    alma.at.patch(&path(&made), &json!({"name": "Anna"})).await.assert(200);
    assert_eq!(ann.get(&path(&made)).await.json()["lifecycle"], "customer");
}
