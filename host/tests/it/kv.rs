//! Keys and values of modules.

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};
use crate::workshop::{ACTION, WORKSHOP, enable, run, start, step, variant};

both!(
    a_call_sees_its_own_writes_and_others_once_they_are_committed
    keys_come_in_the_order_of_their_bytes
    what_is_too_long_or_too_much_is_refused
    writers_of_one_key_do_not_lose_each_other
    a_call_that_fails_leaves_nothing
    a_dry_run_leaves_nothing
    keys_are_those_of_one_module_in_one_tenant
    a_tenants_file_has_them
);

fn set(key: &str, value: &str) -> Json {
    json!({"do": "kv_set", "key": key, "value": value})
}

fn get(key: &str) -> Json {
    json!({"do": "kv_get", "key": key})
}

async fn a_call_sees_its_own_writes_and_others_once_they_are_committed(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let delete = json!({"do": "kv_delete", "key": "a"});
    let results = run(&ann, json!([get("a"), set("a", "1"), get("a"), set("a", "2"), get("a")])).await;
    assert_eq!(results[0], json!({"ok": null}));
    assert_eq!((&results[2], &results[4]), (&json!({"ok": "1"}), &json!({"ok": "2"})));
    let results = run(&ann, json!([get("a"), delete, get("a"), delete, set("b", "")])).await;
    assert_eq!((&results[0], &results[2]), (&json!({"ok": "2"}), &json!({"ok": null})));
    let results = run(&ann, json!([get("a"), get("b"), set("a", "3"), delete])).await;
    assert_eq!((&results[0], &results[1]), (&json!({"ok": null}), &json!({"ok": ""})));
    assert_eq!(step(&ann, get("a")).await, json!({"ok": null}));
}

async fn keys_come_in_the_order_of_their_bytes(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let names = ["b", "a/2", "a/10", "ä", "A", "a/1", "a"];
    run(&ann, names.iter().map(|name| set(name, "x")).collect()).await;
    let keys = |prefix: &str, after: &str, limit: u32| json!({"do": "kv_keys", "prefix": prefix, "after": after, "limit": limit});
    let all = ["A", "a", "a/1", "a/10", "a/2", "b", "ä"];
    assert_eq!(step(&ann, keys("", "", 1_000)).await, json!({"ok": all}));
    assert_eq!(step(&ann, keys("a/", "", 2)).await, json!({"ok": ["a/1", "a/10"]}));
    assert_eq!(step(&ann, keys("a/", "a/10", 2)).await, json!({"ok": ["a/2"]}));
    assert_eq!(step(&ann, keys("a/", "b", 2)).await, json!({"ok": []}));
    assert_eq!(step(&ann, keys("", "", 0)).await, json!({"ok": []}));
    // What the call itself has done counts.
    let delete = json!({"do": "kv_delete", "key": "a/1"});
    let results = run(&ann, json!([delete, set("a/0", "x"), set("a/3", "x"), keys("a/", "", 3)])).await;
    assert_eq!(results[3], json!({"ok": ["a/0", "a/10", "a/2"]}));
}

async fn what_is_too_long_or_too_much_is_refused(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let sized = |key: &str, size: usize| json!({"do": "kv_set", "key": key, "size": size});
    let longest = "k".repeat(256);
    for (one, fault) in [
        (sized(&"k".repeat(257), 1), "key_too_long"),
        (sized("", 1), "key_too_long"),
        (get(&"k".repeat(257)), "key_too_long"),
        (sized("v", 65_537), "value_too_long"),
    ] {
        assert_eq!(step(&ann, one).await["fault"], fault);
    }
    assert_eq!(step(&ann, sized(&longest, 65_536)).await["ok"], json!(null));
    // 100,000 bytes are what the manifest asks for, keys among them.
    let left = 100_000 - 256 - 65_536;
    assert_eq!(step(&ann, sized("v", left)).await["fault"], "quota_exceeded");
    assert_eq!(step(&ann, sized("v", left - 1)).await["ok"], json!(null));
    assert_eq!(step(&ann, sized("w", 0)).await["fault"], "quota_exceeded");
    let delete = json!({"do": "kv_delete", "key": longest});
    let results = run(&ann, json!([sized("w", 0), delete, sized("w", 65_000)])).await;
    assert_eq!((&results[0]["fault"], &results[2]["ok"]), (&json!("quota_exceeded"), &json!(null)));
}

async fn writers_of_one_key_do_not_lose_each_other(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let add = json!({"steps": [{"do": "kv_add", "key": "sum"}]});
    let answers = join_all((0..8).map(|_| ann.post(ACTION, &add))).await;
    let mut sums: Vec<u64> =
        answers.into_iter().map(|answer| answer.assert(200).json()["result"][0]["ok"].as_u64().unwrap()).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=8).collect::<Vec<_>>());
    assert_eq!(step(&ann, get("sum")).await, json!({"ok": "8"}));
    // Two that cannot both have the rest of the room.
    let big = |key: &str| json!({"steps": [{"do": "kv_set", "key": key, "size": 60_000, "must": true}]});
    let bodies = [big("x"), big("y")];
    let answers = join_all(bodies.iter().map(|body| ann.post(ACTION, body))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422]);
}

async fn a_call_that_fails_leaves_nothing(on: On) {
    let TestApp { ann, .. } = start(on).await;
    for last in [json!({"do": "fail", "code": "no", "must": true}), json!({"do": "trap"})] {
        ann.post(ACTION, &json!({"steps": [set("a", "1"), last]})).await.assert(422);
        assert_eq!(step(&ann, get("a")).await, json!({"ok": null}));
    }
    // In a hook, it commits with the record, and goes with it.
    let command = |last: Json| json!({"name": "Ann", "note": json!({"steps": [set("hook", "1"), last]}).to_string()});
    let fail = json!({"do": "fail", "code": "no", "must": true});
    ann.post("/api/v1/records/contact", &command(fail)).await.assert(422);
    assert_eq!(step(&ann, get("hook")).await, json!({"ok": null}));
    ann.post("/api/v1/records/contact", &command(get("hook"))).await.assert(201);
    assert_eq!(step(&ann, get("hook")).await, json!({"ok": "1"}));
}

async fn a_dry_run_leaves_nothing(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let dry = ann.with("prefer", "dry-run");
    let answer = dry.post(ACTION, &json!({"steps": [set("a", "1"), get("a")]})).await.assert(200);
    assert_eq!(answer.json()["result"]["result"][1], json!({"ok": "1"}));
    assert_eq!(answer.header("preference-applied"), "dry-run");
    assert_eq!(step(&ann, get("a")).await, json!({"ok": null}));
}

async fn keys_are_those_of_one_module_in_one_tenant(on: On) {
    let test = start(on).await;
    let other = variant(&test, "annex", |_| {}).await;
    enable(&test.ann, &other, &json!({})).await;
    enable(&test.sam, WORKSHOP, &json!({})).await;
    run(&test.ann, json!([set("a", "1")])).await;
    assert_eq!(crate::workshop::run_of(&test.ann, &other, json!([get("a")])).await, [json!({"ok": null})]);
    assert_eq!(step(&test.sam, get("a")).await, json!({"ok": null}));
    // Switched off and on again, it has what it had.
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    enable(&test.ann, WORKSHOP, &json!({"enabled": true})).await;
    assert_eq!(step(&test.ann, get("a")).await, json!({"ok": "1"}));
}

async fn a_tenants_file_has_them(on: On) {
    let test = start(on).await;
    run(&test.ann, json!([set("a", "kept under a key")])).await;
    let export = test.ann.post("/api/v1/tenant/export", &json!({})).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    let path = format!("/api/v1/tenant/export/{}/file", export["id"].as_str().unwrap());
    let file = test.ann.open(&path).await.bytes().await.unwrap();
    let text = String::from_utf8_lossy(&file);
    // As base64, since a value is bytes.
    assert!(text.contains("module_keys/000001.jsonl") && text.contains("a2VwdCB1bmRlciBhIGtleQ=="), "{}", text.len());
}
