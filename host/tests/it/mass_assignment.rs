//! What the host says of things is not said by who makes or changes them.

use serde_json::{Value as Json, json};

use crate::dump::digest;
use crate::permissions::{path, role, user};
use crate::support::{On, TestApp};

both!(ghsa_gc7p_strapi);

const CONTACT: &str = "/api/v1/records/contact";
const NONE: &str = "01a00000-0000-7000-8000-000000000000";

/// What the host says of users, keys, roles, teams and records is not said by who makes them.
#[expect(clippy::too_many_lines, reason = "a table of places and what could be put there")]
async fn ghsa_gc7p_strapi(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let made = user(ann, "hal", json!(["viewer"])).await;
    let team = crate::permissions::team(ann, "T", None, &[]).await;
    role(ann, "helper", json!([])).await;
    let contact = ann.create("contact", json!({"name": "C"})).await;
    let file = ann.create("file", json!({"name": "F"})).await;
    let hook = ann.post("/api/v1/webhooks", &json!({"url": "https://hooks.example.com/"})).await.assert(201).json();
    let other = ann.get("/api/v1/me").await.json()["tenant"].clone();
    let values = |name: &str| match name {
        "version" | "failing_since" | "size" => json!(99),
        "created_at" | "updated_at" | "deleted_at" | "last_used_at" | "paused_until" => json!("2020-01-01T00:00:00Z"),
        "built_in" | "is_active" | "verified" | "is_admin" | "read_only" => json!(true),
        "id" | "record" | "key_id" | "cursor" => json!(NONE),
        _ => other.clone(),
    };
    let of_all = ["id", "tenant", "tenant_id", "version", "created_at", "updated_at", "deleted_at", "created_by"];
    let before = digest(&test.database).await;
    let mut tried = 0;
    let id = |json: &Json| json["id"].as_str().unwrap().to_owned();
    let places: Vec<(&str, String, Json, &[&str])> = vec![
        ("POST", CONTACT.to_owned(), json!({"name": "N"}), &["search_token", "hash", "actor"]),
        ("PATCH", path(&contact), json!({"name": "N"}), &["actor"]),
        ("POST", "/api/v1/records/file".to_owned(), json!({"name": "N"}), &["size", "sha256", "content", "media_type"]),
        ("PATCH", format!("/api/v1/records/file/{}", id(&file)), json!({"name": "N"}), &["size", "sha256", "content"]),
        (
            "POST",
            "/api/v1/users".to_owned(),
            json!({"name": "N", "email": "n@example.com"}),
            &["is_active", "password", "password_hash", "verified", "is_admin", "key", "teams"],
        ),
        (
            "PATCH",
            format!("/api/v1/users/{}", made.id),
            json!({"name": "N"}),
            &["is_active", "password", "password_hash", "is_admin", "teams"],
        ),
        ("POST", "/api/v1/teams".to_owned(), json!({"name": "N"}), &["manager", "role"]),
        ("PATCH", format!("/api/v1/teams/{team}"), json!({"name": "N"}), &["role"]),
        ("POST", "/api/v1/roles".to_owned(), json!({"name": "new", "label": "N"}), &["built_in", "scope", "users"]),
        ("PUT", "/api/v1/roles/helper".to_owned(), json!({"name": "helper", "label": "N"}), &["built_in", "users"]),
        (
            "POST",
            "/api/v1/api-keys".to_owned(),
            json!({"name": "N", "service": true, "role": "viewer"}),
            &["key", "hash", "key_id", "last_used_at", "roles"],
        ),
        (
            "POST",
            format!("{}/shares", path(&contact)),
            json!({"with": "team", "subject": team}),
            &["record", "object", "can_update"],
        ),
        (
            "POST",
            "/api/v1/webhooks".to_owned(),
            json!({"url": "https://hooks.example.com/"}),
            &["cursor", "public_key", "disabled_reason", "failing_since", "paused_until"],
        ),
        (
            "PATCH",
            format!("/api/v1/webhooks/{}", id(&hook)),
            json!({"description": "N"}),
            &["cursor", "secret", "disabled_reason"],
        ),
        ("POST", "/api/v1/exports".to_owned(), json!({"object": "contact"}), &["key", "user", "file"]),
    ];
    for (method, path, body, more) in &places {
        for name in of_all.iter().chain(*more) {
            let mut body = body.clone();
            body[*name] = values(name);
            let reply = ann.send(method.parse().unwrap(), path, Some(body.to_string())).await;
            let code = reply.problem(422, "validation_failed");
            assert!(!code.to_string().contains("unknown_record"), "{path} {name}: {code}");
            tried += 1;
        }
    }
    for name in of_all {
        let mut fields = json!({"name": "N", "email": "n@example.com"});
        fields[name] = values(name);
        for op in [
            json!({"op": "create", "fields": fields}),
            json!({"op": "update", "id": contact["id"], "fields": fields}),
            json!({"op": "upsert", "match": "email", "fields": fields}),
        ] {
            for mode in ["atomic", "each"] {
                let body = json!({"mode": mode, "operations": [op]});
                let reply = ann.post(&format!("{CONTACT}/batch"), &body).await;
                assert!(reply.text.contains("validation_failed"), "{op}: {}", reply.text);
            }
        }
        ann.post(&format!("{CONTACT}/upsert"), &json!({"match": "email", "fields": fields}))
            .await
            .problem(422, "validation_failed");
        let changes = json!({"filter": {}, "all": true, "fields": {name: values(name)}});
        ann.post(&format!("{CONTACT}/change"), &changes).await.problem(422, "validation_failed");
        tried += 8;
    }
    assert_eq!(digest(&test.database).await, before, "{tried} were refused");
    // Columns of a file go to no such field either.
    let sent =
        ann.upload("object=contact", "text/csv", "name,id,version,tenant_id,created_at\nN,1,9,x,2020-01-01\n").await;
    let sent = sent.assert(202).json();
    let fields: Vec<&Json> = sent["columns"].as_array().unwrap().iter().map(|column| &column["field"]).collect();
    assert_eq!(fields, [&json!("name"), &Json::Null, &Json::Null, &Json::Null, &Json::Null], "{sent}");
    for name in of_all {
        let body = json!({"mapping": {"version": name}});
        ann.patch(&format!("/api/v1/imports/{}", id(&sent)), &body).await.problem(422, "validation_failed");
    }
}
