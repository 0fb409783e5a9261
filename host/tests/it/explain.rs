//! Dry runs that say what each call of a module did.

use serde_json::{Value as Json, json};

use crate::permissions::user;
use crate::support::{Actor, On, Reply, TestApp};
use crate::workshop::{self, ACTION, WORKSHOP};

both!(
    an_amendment_is_told_field_by_field
    a_refusal_is_told_with_what_ran_before_it
    further_writes_are_told
    a_crash_is_told
    runs_of_a_batch_are_told_apart
    hidden_and_encrypted_fields_are_not_told
    without_a_dry_run_nothing_is_explained
    an_action_is_told_with_what_it_does_beside_records
    calls_of_calls_are_told
);

const HOSTILE: &str = "test.hostile";
const CONTACT: &str = "/api/v1/records/contact";

fn explaining(actor: &Actor) -> Actor {
    actor.with("prefer", "dry-run, explain=plugins")
}

async fn contact(actor: &Actor, note: &str) -> Reply {
    actor.post(CONTACT, &json!({"name": "Ann", "note": note})).await
}

async fn an_amendment_is_told_field_by_field(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let reply = contact(&explaining(&ann), "amend").await.assert(201);
    assert_eq!(reply.header("preference-applied"), "dry-run, explain=plugins");
    let body = reply.json();
    let calls = body["plugins"].as_array().unwrap();
    let [call] = calls.as_slice() else { panic!("{body}") };
    assert_eq!((&call["plugin"], &call["version"], &call["run"]), (&json!(HOSTILE), &json!("0.1.0"), &json!(1)));
    assert_eq!((&call["extension_point"], &call["outcome"]), (&json!("before-write"), &json!("amended")));
    let record = &call["records"][0];
    assert_eq!((&record["object"], &record["id"]), (&json!("contact"), &body["changes"][0]["id"]));
    assert_eq!(record["patches"], json!([{"field": "name", "before": "Ann", "after": "ANN"}]));
    assert!(call["cost"]["cpu_us"].as_u64().unwrap() > 0 && call["cost"]["memory"].as_u64().unwrap() > 0, "{call}");
    assert_eq!(call["writes"], json!([]));
    assert!(ann.all("contact", &[]).await.is_empty());
    let body = contact(&explaining(&ann), "fine").await.assert(201).json();
    assert_eq!(
        (&body["plugins"][0]["outcome"], &body["plugins"][0]["records"][0]["patches"]),
        (&json!("passed"), &json!([]))
    );
}

async fn a_refusal_is_told_with_what_ran_before_it(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    // Modules run in the order of their names: this one comes last.
    crate::hostile::variant(&test, &test.ann, "zealous", |_| {}).await;
    crate::hostile::variant(&test, &test.ann, "able", |_| {}).await;
    let ann = explaining(&test.ann);
    let problem = contact(&ann, "refuse").await.problem(422, "plugin_error");
    assert_eq!((&problem["plugin"], &problem["plugin_code"]), (&json!("test.able"), &json!("not_welcome")));
    let calls = problem["plugins"].as_array().unwrap();
    let [call] = calls.as_slice() else { panic!("{problem}") };
    assert_eq!((&call["plugin"], &call["outcome"]), (&json!("test.able"), &json!("refused")));
    let veto = json!({"code": "not_welcome", "message": "This contact is not welcome."});
    assert_eq!(call["records"][0]["veto"], veto);
    // A call that is refused as a whole names no record.
    let problem = contact(&ann, "refuse-all").await.problem(422, "plugin_error");
    assert_eq!(problem["plugins"][0]["outcome"], "refused");
    assert_eq!(problem["plugins"][0]["message"], "This contact is not welcome.");
    // What amends before somebody refuses is told, too.
    crate::hostile::variant(&test, &test.ann, "after", |manifest| {
        manifest["permissions"]["records"][0]["fields"] = json!(["name", "note"]);
    })
    .await;
    let problem = contact(&ann, "peek").await.problem(422, "plugin_error");
    let plugins: Vec<&Json> = problem["plugins"].as_array().unwrap().iter().map(|call| &call["plugin"]).collect();
    assert_eq!(plugins, [&json!("test.able"), &json!("test.after")]);
    assert!(test.ann.all("contact", &[]).await.is_empty());
}

async fn further_writes_are_told(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let total = json!({"amount": "10.00", "currency": "USD"});
    let order = json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total});
    let body = explaining(&ann).post("/api/v1/records/order", &order).await.assert(201).json();
    let call = &body["plugins"][0];
    let writes: Vec<(&Json, &Json)> =
        call["writes"].as_array().unwrap().iter().map(|write| (&write["operation"], &write["object"])).collect();
    let created = json!("created");
    assert_eq!(writes, [(&created, &json!("loyalty.member")), (&created, &json!("loyalty.entry"))], "{call}");
    assert!(call["writes"][1]["patches"].as_array().unwrap().iter().any(|patch| patch["after"] == json!(10)), "{call}");
    assert!(ann.all("loyalty.entry", &[]).await.is_empty());
}

async fn a_crash_is_told(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let problem = contact(&explaining(&ann), "write-then-trap").await.problem(422, "plugin_trap");
    let call = &problem["plugins"][0];
    assert_eq!((&call["outcome"], &call["cost"]["host_calls"]), (&json!("plugin_trap"), &json!(2)), "{call}");
    let problem = contact(&explaining(&ann), "bad-json").await.problem(422, "plugin_error");
    assert_eq!(problem["plugins"][0]["outcome"], "plugin_error");
    // Failures name the call by the same id.
    let failures = ann.get("/api/v1/modules/test.hostile/failures").await.assert(200).json();
    assert!(failures["data"].as_array().unwrap().iter().any(|failure| failure["id"] == call["invocation"]));
}

async fn runs_of_a_batch_are_told_apart(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let create = |note: &str| json!({"op": "create", "fields": {"name": "Ann", "note": note}});
    let body = json!({"mode": "each", "operations": [create("refuse"), create("amend")]});
    let reply = explaining(&ann).post(&format!("{CONTACT}/batch"), &body).await.assert(200).json();
    let outcomes = &reply["result"]["outcomes"];
    assert_eq!((&outcomes[0]["status"], &outcomes[1]["status"]), (&json!(422), &json!(201)), "{reply}");
    let calls = reply["plugins"].as_array().unwrap();
    let told: Vec<(&Json, &Json, usize)> =
        calls.iter().map(|call| (&call["run"], &call["outcome"], call["records"].as_array().unwrap().len())).collect();
    // Without the one that was refused, the other runs again.
    assert_eq!(told, [(&json!(1), &json!("refused"), 2), (&json!(2), &json!("amended"), 1)], "{reply}");
    let atomic = json!({"mode": "atomic", "operations": [create("refuse"), create("amend")]});
    let problem = explaining(&ann).post(&format!("{CONTACT}/batch"), &atomic).await.problem(422, "plugin_error");
    assert_eq!((&problem["operation"], &problem["plugins"][0]["outcome"]), (&json!(0), &json!("refused")));
}

async fn hidden_and_encrypted_fields_are_not_told(on: On) {
    let (_directory, keys) = crate::encrypted::new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let ann = &test.ann;
    test.app.install_plugin(&crate::support::plugin(HOSTILE)).await.unwrap();
    ann.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    let level = json!({"name": "x_level", "label": "Level", "type": "text", "audited": true});
    crate::schema::add(ann, "contact", level).await;
    let shout = json!({"name": "x_shout", "label": "S", "type": "formula", "returns": "text", "expression": "name"});
    crate::schema::add(ann, "contact", shout).await;
    crate::schema::add(ann, "contact", crate::encrypted::pin()).await;
    let rules = json!([
        {"objects": ["contact"], "actions": ["read", "update", "create"], "except": ["x_level", "x_shout"]},
        {"objects": ["#events", "#jobs", "#schema"], "actions": ["read"]},
    ]);
    ann.post("/api/v1/roles", &json!({"name": "discreet", "label": "D", "rules": rules})).await.assert(201);
    let dora = user(ann, "dora", json!(["discreet"])).await.at;
    let body = json!({"name": "Ann", "note": "amend-level", "x_pin": "4711"});
    let told = explaining(ann).post(CONTACT, &body).await.assert(201).json();
    let patch = json!([{"field": "x_level", "before": null, "after": "reworded"}]);
    assert_eq!(told["plugins"][0]["records"][0]["patches"], patch);
    assert!(!told["plugins"].to_string().contains("4711"));
    // Audited, and shown: that is in the trail.
    let noted = "/api/v1/audit?action=read&field=x_level";
    let trail = ann.get(noted).await.assert(200).json();
    assert!(!trail["data"].as_array().unwrap().is_empty(), "{trail}");
    // What follows from an amendment is told to whoever sees it.
    let told = explaining(ann).post(CONTACT, &json!({"name": "Ann", "note": "amend"})).await.assert(201).json();
    let patches = told["plugins"][0]["records"][0]["patches"].as_array().unwrap();
    assert!(patches.contains(&json!({"field": "x_shout", "before": "Ann", "after": "ANN"})), "{told}");
    let told = explaining(&dora).post(CONTACT, &json!({"name": "Ann", "note": "amend"})).await.assert(201);
    assert!(!told.text.contains("x_shout"), "{}", told.text);
    let patch = json!([{"field": "name", "before": "Ann", "after": "ANN"}]);
    assert_eq!(told.json()["plugins"][0]["records"][0]["patches"], patch);
}

async fn without_a_dry_run_nothing_is_explained(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, HOSTILE).await;
    let reply = contact(&ann.with("prefer", "explain=plugins"), "amend").await.assert(201);
    assert!(!reply.headers.contains_key("preference-applied") && reply.json().get("plugins").is_none());
    let reply = contact(&ann.with("prefer", "dry-run"), "amend").await.assert(201);
    assert!(reply.json().get("plugins").is_none());
    let problem = contact(&ann.with("prefer", "dry-run"), "refuse").await.problem(422, "plugin_error");
    assert!(problem.get("plugins").is_none());
}

async fn an_action_is_told_with_what_it_does_beside_records(on: On) {
    let TestApp { ann, .. } = workshop::start(on).await;
    workshop::run(&ann, json!([{"do": "kv_set", "key": "old", "value": "1"}])).await;
    let steps = json!([
        {"do": "create", "object": "workshop.note", "fields": {"title": "made"}},
        {"do": "kv_get", "key": "unread"}, {"do": "kv_set", "key": "position", "value": "kept-value"},
        {"do": "kv_delete", "key": "old"}, {"do": "kv_set", "key": "same", "value": "1"}, {"do": "kv_delete", "key": "same"},
        {"do": "enqueue", "name": "later", "input": {"a": "kept-value"}},
        {"do": "publish", "type": "workshop.item.done", "data": {"a": "kept-value"}},
    ]);
    let reply = explaining(&ann).post(ACTION, &json!({"steps": steps})).await.assert(200);
    assert_eq!(reply.header("preference-applied"), "dry-run, explain=plugins");
    let body = reply.json();
    assert_eq!(
        (&body["changes"][0]["object"], &body["result"]["result"][0]["fault"]),
        (&json!("workshop.note"), &Json::Null)
    );
    let calls = body["plugins"].as_array().unwrap();
    let points: Vec<&Json> = calls.iter().map(|call| &call["extension_point"]).collect();
    assert_eq!(points, ["action", "computed-field", "validate"], "{body}");
    let action = &calls[0];
    assert_eq!((&action["outcome"], &action["records"]), (&json!("passed"), &json!([])));
    assert_eq!(
        (&action["writes"][0]["operation"], &action["writes"][0]["object"]),
        (&json!("created"), &json!("workshop.note"))
    );
    // Names, and no values. What is as it was is no effect.
    let effects = json!({"keys": ["old", "position"], "jobs": ["later"], "events": ["workshop.item.done"]});
    assert_eq!(action["effects"], effects);
    assert!(!body["plugins"].to_string().contains("kept-value"), "{body}");
    // Hooks that follow did none of it.
    assert_eq!(calls[2]["effects"], json!({"keys": [], "jobs": [], "events": []}));
    assert_eq!(workshop::step(&ann, json!({"do": "kv_get", "key": "old"})).await, json!({"ok": "1"}));
    // A refusal says what ran before it.
    let fail = json!([{"do": "kv_set", "key": "a", "value": "1"}, {"do": "fail", "code": "no", "must": true}]);
    let problem = explaining(&ann).post(ACTION, &json!({"steps": fail})).await.problem(422, "plugin_error");
    assert_eq!((&problem["plugin_code"], &problem["plugins"][0]["outcome"]), (&json!("no"), &json!("refused")));
    // Without the wish, it is not told.
    let plain = ann.with("prefer", "dry-run").post(ACTION, &json!({"steps": steps})).await.assert(200);
    assert!(plain.json().get("plugins").is_none());
}

async fn calls_of_calls_are_told(on: On) {
    let test = workshop::start(on).await;
    let bench = crate::actions::bench(&test).await;
    workshop::enable(&test.ann, &bench, &json!({})).await;
    let keys = |key: &str| json!({"do": "kv_set", "key": key, "value": "1"});
    let inner = json!([keys("inner"), {"do": "create", "object": "workshop.note", "fields": {"title": "made"}}]);
    let steps = json!([keys("outer"), crate::actions::calling(WORKSHOP, &inner)]);
    let path = format!("/api/v1/modules/{bench}/actions/run");
    let body = explaining(&test.ann).post(&path, &json!({"steps": steps})).await.assert(200).json();
    let calls = body["plugins"].as_array().unwrap();
    let told: Vec<(&Json, &Json, usize)> = calls[..2]
        .iter()
        .map(|call| (&call["plugin"], &call["effects"]["keys"], call["writes"].as_array().unwrap().len()))
        .collect();
    // The call that was waited for comes first; what it wrote is part of what the other one came to.
    assert_eq!(told, [(&json!(WORKSHOP), &json!(["inner"]), 1), (&json!(bench), &json!(["outer"]), 1)], "{body}");
}
