//! What a plugin shows of its own objects, as far as who asks may see it.

use serde_json::{Value as Json, json};

use crate::permissions::{role, user};
use crate::support::{Actor, On};
use crate::workshop::{ACTION, start};

both!(a_plugin_asks_as_the_caller_on_its_own_objects);

const NOTE: &str = "workshop.note";

/// What the steps answered.
async fn run(actor: &Actor, steps: Json) -> Json {
    actor.post(ACTION, &json!({ "steps": steps })).await.assert(200).json()["result"].clone()
}

async fn a_plugin_asks_as_the_caller_on_its_own_objects(on: On) {
    let test = start(on).await;
    let ann = &test.ann;
    // What it wrote when it was enabled is not what this is about.
    for note in ann.all(NOTE, &[]).await {
        ann.delete(&format!("/api/v1/records/{NOTE}/{}", note["id"].as_str().unwrap())).await.assert(204);
    }
    for (title, text) in [("Shown", "one"), ("Hidden", "two"), ("Shown", "three")] {
        ann.create(NOTE, json!({"title": title, "text": text})).await;
    }
    let rules = json!([
        {"objects": [NOTE], "actions": ["read"], "scope": "all", "filter": {"title": {"_eq": "Shown"}}, "except": ["length"]},
        {"objects": ["#actions"], "actions": ["read", "create"]},
    ]);
    role(ann, "reader", rules).await;
    let rita = user(ann, "rita", json!(["reader"])).await;
    role(ann, "outsider", json!([{"objects": ["#actions"], "actions": ["read", "create"]}])).await;
    let otto = user(ann, "otto", json!(["outsider"])).await;
    let count = |as_caller: bool| json!({"do": "count", "object": NOTE, "as_caller": as_caller});
    let figures = |field: &str| {
        let question = json!({"as_caller": true, "measures": [{"fn": "sum", "field": field, "as": "n"}]});
        json!({"do": "figures", "object": NOTE, "question": question})
    };
    // Without it, the manifest alone counts, whoever asks.
    for actor in [ann, &rita.at, &otto.at] {
        assert_eq!(run(actor, json!([count(false)])).await, json!([{"ok": 3}]));
    }
    // With it, records, fields and sums are those of the caller.
    let find = json!({"do": "find", "object": NOTE, "as_caller": true});
    assert_eq!(run(ann, json!([count(true)])).await, json!([{"ok": 3}]));
    let found = run(&rita.at, json!([find, count(true), figures("length")])).await;
    let shown: Vec<(&Json, &Json)> = found[0]["ok"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| (&note["fields"]["text"], &note["fields"]["length"]))
        .collect();
    assert_eq!(shown, [(&json!("one"), &Json::Null), (&json!("three"), &Json::Null)], "{found}");
    assert_eq!(found[1], json!({"ok": 2}));
    assert!(found[2]["fault"].is_string(), "what is hidden cannot be summed: {found}");
    assert_eq!(run(ann, json!([figures("length")])).await, json!([{"ok": {"data": [{"n": 11}]}}]));
    // What the call itself has made it sees, in the shape that the caller would.
    let make = |title: &str| json!({"do": "create", "object": NOTE, "fields": {"title": title, "text": "new"}});
    let staged = run(&rita.at, json!([make("Hidden"), make("Shown"), find, count(false)])).await;
    assert_eq!(staged[2]["ok"].as_array().unwrap().len(), 4, "{staged}");
    assert!(staged[2]["ok"].as_array().unwrap().iter().all(|note| note["fields"].get("length").is_none()), "{staged}");
    assert_eq!(staged[3], json!({"ok": 5}));
    // Who may see none of them is told nothing, as by the API.
    assert_eq!(run(&otto.at, json!([count(true)])).await[0]["fault"], "permission_denied");
    let wrong = json!({"do": "figures", "object": NOTE, "question": {"as_caller": 1}});
    assert_eq!(run(ann, json!([wrong])).await[0]["fault"], "invalid_query");
}
