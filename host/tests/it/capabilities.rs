//! What modules may do: what was granted, what was not asked for, and what who asks may not.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, plugin_with};
use crate::workshop::{SHELF, WORKSHOP, enable, run, run_of, start, step, variant};

both!(
    what_is_granted_is_done
    what_is_not_asked_for_is_denied
    what_the_caller_may_not_is_denied
    secrets_are_set_kept_and_never_shown
    everybody_knows_of_the_call
);

/// One step of each capability, with what has to be there: a contact, and a key. The last ones take them away.
fn each(contact: &Json) -> Vec<(&'static str, Json)> {
    let id = &contact["id"];
    vec![
        ("records", json!({"do": "create", "object": "contact", "fields": {"name": "made"}})),
        ("records", json!({"do": "update", "object": "contact", "id": id, "fields": {"name": "other"}})),
        ("records", json!({"do": "get", "object": "contact", "id": id})),
        ("records", json!({"do": "count", "object": "contact"})),
        ("records", json!({"do": "figures", "object": "contact", "question": {"measures": [{"fn": "count"}]}})),
        ("kv", json!({"do": "kv_set", "key": "a", "value": "1"})),
        ("kv", json!({"do": "kv_get", "key": "a"})),
        ("kv", json!({"do": "kv_keys", "prefix": "", "after": "", "limit": 10})),
        ("events", json!({"do": "publish", "type": "workshop.item.done", "data": {}})),
        ("jobs", json!({"do": "enqueue", "name": "a", "input": {}})),
        ("secrets", json!({"do": "is_set", "name": "API_KEY"})),
        ("secrets", json!({"do": "sign", "name": "API_KEY", "data": "a"})),
        ("secrets", json!({"do": "verify", "name": "API_KEY", "data": "a"})),
        ("kv", json!({"do": "kv_delete", "key": "a"})),
        ("records", json!({"do": "delete", "object": "contact", "id": id})),
    ]
}

/// What of these changes something.
const DEEDS: [&str; 9] = ["create", "update", "delete", "kv_set", "kv_delete", "publish", "enqueue", "sign", "verify"];

async fn what_is_granted_is_done(on: On) {
    let TestApp { ann, .. } = start(on).await;
    enable(&ann, WORKSHOP, &json!({"secrets": {"API_KEY": "k"}})).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    for (what, one) in each(&contact) {
        let result = step(&ann, one.clone()).await;
        assert!(result.get("ok").is_some(), "{what} {one}: {result}");
    }
    // HMAC-SHA256 of `a` with the key `k`, as everybody computes it.
    let signed = step(&ann, json!({"do": "sign", "name": "API_KEY", "data": "what do ya want for nothing?"})).await;
    enable(&ann, WORKSHOP, &json!({"secrets": {"API_KEY": "Jefe"}})).await;
    let known = step(&ann, json!({"do": "sign", "name": "API_KEY", "data": "what do ya want for nothing?"})).await;
    assert_eq!(known["ok"], "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_ne!(signed, known);
    let verified = step(&ann, json!({"do": "verify", "name": "API_KEY", "data": "a"})).await;
    assert_eq!(verified["ok"], json!([true, false]));
}

async fn what_is_not_asked_for_is_denied(on: On) {
    let test = start(on).await;
    // Who calls an interface and does not ask for what it does is no plugin, each for itself.
    for (part, interface) in [
        ("records", "data/records"),
        ("kv", "kv/store"),
        ("http", "http/client"),
        ("events", "events/publish"),
        ("jobs", "jobs/queue"),
        ("secrets", "secrets/handle"),
        ("actions", "actions/call"),
    ] {
        let bare = plugin_with(WORKSHOP, |manifest| {
            manifest["id"] = json!("test.bare");
            manifest["permissions"].as_object_mut().unwrap().remove(part);
            // What hooks are shown is asked for with records.
            manifest["hooks"] = json!({});
        });
        let refused = test.app.install_plugin(&bare).await.unwrap_err().to_string();
        let names = refused.contains(interface) && refused.contains(&format!("`permissions.{part}`"));
        assert!(names, "{part}: {refused}");
    }
    // What it asks for and was not granted is denied when it tries: all but its own objects.
    let quiet = variant(&test, "quiet", |manifest| {
        manifest["hooks"] = json!({});
        manifest["views"] = json!([]);
    })
    .await;
    test.ann.put(&format!("/api/v1/modules/{quiet}"), &json!({"consent": []})).await.assert(200);
    let further = [
        json!({"do": "http", "url": "http://localhost:1/"}),
        json!({"do": "call", "plugin": WORKSHOP, "name": "shared", "input": {}}),
    ];
    let contact = test.ann.create("contact", json!({"name": "Ann"})).await;
    let all = each(&contact).into_iter().map(|(_, one)| one).chain(further);
    for one in all {
        let result = run_of(&test.ann, &quiet, json!([one])).await.remove(0);
        assert_eq!(result["fault"], "permission_denied", "{one}");
    }
}

/// Somebody with a role of these rules.
async fn clerk(test: &TestApp, rules: Json) -> Actor {
    let role = json!({"name": "clerk", "label": "Clerk", "rules": rules});
    test.ann.post("/api/v1/roles", &role).await.assert(201);
    let body = json!({"name": "Carl", "service": true, "role": "clerk"});
    let key = test.ann.post("/api/v1/api-keys", &body).await.assert(201).json()["key"].as_str().unwrap().to_owned();
    test.ann.with_key(&key)
}

async fn what_the_caller_may_not_is_denied(on: On) {
    let test = start(on).await;
    // Who may have modules do things, and no more than look at contacts.
    let carl = clerk(
        &test,
        json!([
            {"objects": ["#actions"], "actions": ["read", "create"]},
            {"objects": ["contact"], "actions": ["read"]},
        ]),
    )
    .await;
    let contact = test.ann.create("contact", json!({"name": "Ann"})).await;
    let make = json!({"do": "create", "object": "contact", "fields": {"name": "made"}});
    let change = json!({"do": "update", "object": "contact", "id": contact["id"], "fields": {"name": "B"}});
    let results = run(
        &carl,
        json!([
            {"do": "get", "object": "contact", "id": contact["id"]}, make, change, {"do": "count", "object": "company"},
            {"do": "create", "object": "workshop.note", "fields": {"title": "its own"}},
        ]),
    )
    .await;
    assert_eq!(results[0]["ok"]["fields"]["name"], "Ann");
    for (at, result) in results.iter().enumerate().take(4).skip(1) {
        assert_eq!(result["fault"], "permission_denied", "{at}: {result}");
    }
    // What the module brings, it writes for whoever may have it do things.
    assert_eq!(results[4]["ok"]["fields"]["title"], "its own");
    // A viewer has modules do nothing at all.
    let mut all = each(&contact);
    all.push(("actions", json!({"do": "call", "plugin": SHELF, "name": "shared", "input": {}})));
    let steps: Vec<Json> = all.iter().map(|(_, one)| one.clone()).collect();
    let looks = test.vic.with("x-steps", &json!({"steps": steps}).to_string());
    let seen = looks.get("/api/v1/x/test.workshop/echo/a").await.assert(200).json();
    let results = seen["results"].as_array().unwrap();
    for ((what, one), result) in all.iter().zip(results) {
        let is_deed = *what == "actions" || DEEDS.contains(&one["do"].as_str().unwrap());
        assert_eq!(result["fault"] == "permission_denied", is_deed, "{one}: {result}");
    }
    test.ann.get(&format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap())).await.assert(200);
}

async fn secrets_are_set_kept_and_never_shown(on: On) {
    let (_directory, keys) = crate::encrypted::new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::workshop::install(&test).await;
    let ann = &test.ann;
    let path = "/api/v1/modules/test.workshop";
    let module =
        ann.put(path, &json!({"secrets": {"API_KEY": "never-to-be-seen"}, "consent": ["*"]})).await.assert(200);
    assert_eq!(module.json()["secrets"], json!(["API_KEY"]));
    assert!(!module.text.contains("never-to-be-seen"));
    for (body, field) in [
        (json!({"secrets": {"OTHER": "a"}}), "secrets.OTHER"),
        (json!({"secrets": {"API_KEY": 1}}), "secrets.API_KEY"),
        (json!({"secrets": {"API_KEY": ""}}), "secrets.API_KEY"),
        (json!({"secrets": {"API_KEY": "a\r\nx: y"}}), "secrets.API_KEY"),
        (json!({"secrets": []}), "secrets"),
    ] {
        let problem = ann.put(path, &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(step(ann, json!({"do": "is_set", "name": "API_KEY"})).await, json!({"ok": true}));
    for path in ["/api/v1/modules", "/api/v1/audit", "/api/v1/events"] {
        assert!(!ann.get(path).await.assert(200).text.contains("never-to-be-seen"), "{path}");
    }
    // It is in the database, and cannot be read there.
    assert!(!crate::dump::holds(&test.database, "never-to-be-seen").await);
    assert!(crate::dump::holds(&test.database, "API_KEY").await);
    let module = ann.put(path, &json!({"secrets": {"API_KEY": null}})).await.assert(200).json();
    assert_eq!(module["secrets"], json!([]));
    assert_eq!(step(ann, json!({"do": "is_set", "name": "API_KEY"})).await, json!({"ok": false}));
    assert_eq!(step(ann, json!({"do": "sign", "name": "API_KEY", "data": "a"})).await["fault"], "secret_not_set");
    test.vic.put(path, &json!({"secrets": {"API_KEY": "x"}})).await.problem(403, "permission_denied");
}

async fn everybody_knows_of_the_call(on: On) {
    let test = start(on).await;
    let results = run(
        &test.ann,
        json!([{"do": "random", "length": 8}, {"do": "random", "length": 8}, {"do": "random", "length": 9_999}]),
    )
    .await;
    assert_ne!(results[0], results[1]);
    assert_eq!((results[0]["ok"].as_str().unwrap().len(), results[2]["ok"].as_str().unwrap().len()), (16, 8_192));
    let context = step(&test.ann, json!({"do": "context"})).await;
    assert_eq!((&context["ok"]["plugin"], &context["ok"]["timezone"]), (&json!(WORKSHOP), &json!("UTC")));
}
