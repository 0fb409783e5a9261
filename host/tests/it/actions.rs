//! Actions of modules, and modules that call each other.

use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};
use crate::workshop::{ACTION, WORKSHOP, enable, run, run_of, start, step, variant};

both!(
    an_action_is_done_and_its_writes_commit
    the_input_is_checked_against_the_schema
    a_retry_gets_the_first_answer
    a_dry_run_tells_what_it_would_write
    actions_that_are_not_there_are_all_the_same
    a_viewer_calls_no_action
    modules_call_each_other_with_their_own_grants
    what_a_called_action_wrote_goes_with_its_fault
    calls_that_go_too_deep_end
);

fn note(title: &str) -> Json {
    json!({"do": "create", "object": "workshop.note", "fields": {"title": title, "text": "four"}})
}

async fn an_action_is_done_and_its_writes_commit(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let results = run(&ann, json!([note("made"), {"do": "context"}])).await;
    assert_eq!(results[0]["ok"]["fields"]["title"], "made");
    let context = &results[1]["ok"];
    assert_eq!(
        (&context["point"], &context["actor"], &context["dry_run"]),
        (&json!("action"), &json!("key"), &json!(false))
    );
    let notes = ann.all("workshop.note", &[("filter[title][_eq]", "made")]).await;
    // Hooks have seen it: the field is computed.
    assert_eq!((notes.len(), &notes[0]["length"]), (1, &json!(4)));
    // A hook that refuses what the action wrote refuses the action.
    let problem = ann.post(ACTION, &json!({"steps": [note("bad")]})).await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "validation_failed");
    // So does one that may write nothing, and tries.
    let problem = ann.post(ACTION, &json!({"steps": [note("write")]})).await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "not_allowed_here");
}

async fn the_input_is_checked_against_the_schema(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let path = "/api/v1/modules/test.workshop/actions/strict";
    assert_eq!(ann.post(path, &json!({"count": 3})).await.assert(200).json(), json!({"result": 3}));
    for (body, field) in [
        (json!({}), ""),
        (json!({"count": 0}), "count"),
        (json!({"count": "1"}), "count"),
        (json!({"count": 1, "more": 1}), ""),
    ] {
        let problem = ann.post(path, &body).await.problem(422, "validation_failed");
        assert_eq!(
            (&problem["errors"][0]["field"], &problem["errors"][0]["code"]),
            (&json!(field), &json!("wrong_input")),
            "{body}"
        );
    }
    ann.send(reqwest::Method::POST, path, Some("[1]".to_owned())).await.problem(400, "malformed_json");
    ann.with("content-type", "text/plain").post(path, &json!({})).await.problem(415, "unsupported_media_type");
}

async fn a_retry_gets_the_first_answer(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let once = ann.with("idempotency-key", "k1");
    let add = json!({"steps": [{"do": "kv_add", "key": "sum"}]});
    let first = once.post(ACTION, &add).await.assert(200);
    let again = once.post(ACTION, &add).await.assert(200);
    assert_eq!((&first.text, again.header("idempotency-replayed")), (&again.text, "true"));
    assert_eq!(step(&ann, json!({"do": "kv_get", "key": "sum"})).await, json!({"ok": "1"}));
    once.post(ACTION, &json!({"steps": []})).await.problem(422, "idempotency_key_reused");
    once.post("/api/v1/modules/test.workshop/actions/shared", &add).await.problem(422, "idempotency_key_reused");
}

async fn a_dry_run_tells_what_it_would_write(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let dry = ann.with("prefer", "dry-run");
    let answer = dry.post(ACTION, &json!({"steps": [note("made"), {"do": "context"}]})).await.assert(200).json();
    assert_eq!(answer["changes"][0]["object"], "workshop.note");
    assert_eq!(
        (&answer["changes"][0]["operation"], &answer["changes"][0]["plugin"]),
        (&json!("created"), &json!(WORKSHOP))
    );
    assert_eq!(answer["result"]["result"][1]["ok"]["dry_run"], true);
    assert!(ann.all("workshop.note", &[("filter[title][_eq]", "made")]).await.is_empty());
}

async fn actions_that_are_not_there_are_all_the_same(on: On) {
    let test = start(on).await;
    let other = variant(&test, "bench", |_| {}).await;
    for path in [
        "/api/v1/modules/test.workshop/actions/none".to_owned(),
        "/api/v1/modules/test.none/actions/run".to_owned(),
        format!("/api/v1/modules/{other}/actions/run"),
    ] {
        test.ann.post(&path, &json!({})).await.problem(404, "not_found");
    }
    test.sam.post(ACTION, &json!({"steps": []})).await.problem(404, "not_found");
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    test.ann.post(ACTION, &json!({"steps": []})).await.problem(404, "not_found");
    test.anon.post(ACTION, &json!({"steps": []})).await.problem(401, "unauthenticated");
}

async fn a_viewer_calls_no_action(on: On) {
    let TestApp { ann, vic, .. } = start(on).await;
    vic.post(ACTION, &json!({"steps": [note("made")]})).await.problem(403, "permission_denied");
    assert!(ann.all("workshop.note", &[("filter[title][_eq]", "made")]).await.is_empty());
}

pub fn calling(plugin: &str, steps: &Json) -> Json {
    json!({"do": "call", "plugin": plugin, "name": "shared", "input": {"steps": steps}})
}

/// A second module that stands on the workshop.
pub async fn bench(test: &TestApp) -> String {
    let id = variant(test, "bench", |manifest| {
        manifest["requires"] = json!([{"plugin": WORKSHOP, "version": "1.0.0"}]);
        let asked = &mut manifest["permissions"];
        asked["actions"] = json!([{"plugin": WORKSHOP, "actions": ["shared", "strict", "run"]}]);
        asked["records"] = json!([
            {"object": "workshop.note", "ops": ["read"]}, {"object": "bench.note", "ops": ["create"]},
        ]);
    })
    .await;
    let actions = ["shared", "strict", "run"].map(|name| format!("actions:{WORKSHOP}:{name}"));
    let consent: Vec<String> = actions.into_iter().chain(["records:workshop.note:read:*".to_owned()]).collect();
    test.ann.put(&format!("/api/v1/modules/{id}"), &json!({"consent": consent})).await.assert(200);
    id
}

async fn modules_call_each_other_with_their_own_grants(on: On) {
    let test = start(on).await;
    let bench = bench(&test).await;
    let own = json!({"do": "kv_set", "key": "a", "value": "1"});
    let inner = json!([own, note("from the bench"), {"do": "context"}]);
    let results = run_of(&test.ann, &bench, json!([own, note("not its own"), calling(WORKSHOP, &inner)])).await;
    // What it may not itself, the module that it calls may.
    assert_eq!(
        (&results[0]["fault"], &results[1]["fault"]),
        (&json!("permission_denied"), &json!("permission_denied"))
    );
    let inner = results[2]["ok"].as_array().unwrap();
    assert_eq!(inner[0]["ok"], json!(null));
    assert_eq!(inner[2]["ok"]["plugin"], WORKSHOP);
    assert_eq!(step(&test.ann, json!({"do": "kv_get", "key": "a"})).await, json!({"ok": "1"}));
    // It reads the objects of the module that it stands on.
    let count = run_of(&test.ann, &bench, json!([{"do": "count", "object": "workshop.note"}])).await;
    assert_eq!(count[0]["ok"], 2);
    // Only what is exported, named and switched on; and its input is checked.
    for (call, fault) in [
        (json!({"do": "call", "plugin": WORKSHOP, "name": "run", "input": {}}), "not_enabled"),
        (json!({"do": "call", "plugin": WORKSHOP, "name": "none", "input": {}}), "permission_denied"),
        (json!({"do": "call", "plugin": "test.none", "name": "shared", "input": {}}), "permission_denied"),
        (json!({"do": "call", "plugin": WORKSHOP, "name": "strict", "input": {"count": 0}}), "validation_failed"),
    ] {
        assert_eq!(run_of(&test.ann, &bench, json!([call])).await[0]["fault"], fault, "{call}");
    }
}

async fn what_a_called_action_wrote_goes_with_its_fault(on: On) {
    let test = start(on).await;
    let bench = bench(&test).await;
    let fail = json!({"do": "fail", "code": "not_today", "must": true});
    for (last, fault) in [(fail, "not_today"), (json!({"do": "trap"}), "plugin_trap")] {
        let inner = json!([{"do": "kv_set", "key": "a", "value": "1"}, note("gone"), last]);
        let kept = json!([{"do": "kv_set", "key": "b", "value": "1"}]);
        let results = run_of(&test.ann, &bench, json!([calling(WORKSHOP, &kept), calling(WORKSHOP, &inner)])).await;
        assert_eq!(results[1]["fault"], fault);
        let left = run(&test.ann, json!([{"do": "kv_get", "key": "a"}, {"do": "kv_get", "key": "b"}])).await;
        assert_eq!(left, [json!({"ok": null}), json!({"ok": "1"})]);
        assert!(test.ann.all("workshop.note", &[("filter[title][_eq]", "gone")]).await.is_empty());
    }
}

async fn calls_that_go_too_deep_end(on: On) {
    let test = start(on).await;
    let mut chain = vec![WORKSHOP.to_owned()];
    for name in ["a", "b", "c", "d", "e"] {
        let below = chain.last().unwrap().clone();
        let id = variant(&test, &format!("deep{name}"), |manifest| {
            manifest["requires"] = json!([{"plugin": below}]);
            manifest["permissions"]["actions"] = json!([{"plugin": below, "actions": ["shared"]}]);
        })
        .await;
        enable(&test.ann, &id, &json!({})).await;
        chain.push(id);
    }
    let through = |length: usize| {
        let innermost = json!([{"do": "kv_set", "key": "reached", "value": "1"}]);
        chain[..length].iter().fold(innermost, |steps, plugin| json!([calling(plugin, &steps)]))
    };
    let deepest = |mut result: Json| loop {
        match result[0].get("ok") {
            Some(ok) if ok.is_array() => result = ok.clone(),
            _ => return result[0].clone(),
        }
    };
    let fine = run_of(&test.ann, &chain[4], through(4)).await;
    assert_eq!(deepest(json!(fine)), json!({"ok": null}));
    let results = run_of(&test.ann, &chain[5], through(5)).await;
    assert_eq!(deepest(json!(results))["fault"], "cascade_too_deep");
}
