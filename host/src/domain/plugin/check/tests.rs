//! What a manifest may not say, and where it is told.

use serde_json::{Value as Json, json};

use super::*;

fn manifest() -> Json {
    let field = json!({"name": "title", "label": "Title", "type": "text"});
    json!({
        "schema": 1, "id": "acme.sample", "namespace": "sample", "name": "Sample", "version": "1.0.0", "api": "1.1",
        "hooks": {
            "before-write": [{"object": "contact", "operations": ["create"]}],
            "computed-field": [{"object": "sample.item", "fields": ["title"]}],
            "on-events": {"types": ["contact.*"]},
            "scheduled": [{"name": "sync", "cron": "*/5 * * * *"}],
            "http-route": [{"path": "/a", "methods": ["GET"]}, {"path": "/b/*", "methods": ["GET", "POST"]}],
        },
        "actions": [{"name": "settle", "title": "Settle", "input": {"type": "object"}}],
        "views": [{"name": "panel", "title": "Panel", "kind": "panel", "object": "contact"}],
        "requires": [{"plugin": "acme.base", "version": "1.0.0"}],
        "permissions": {
            "records": [{"object": "sample.item", "ops": ["read"]}],
            "kv": {"max_bytes": 100}, "http": [{"host": "*.example.com", "methods": ["GET"]}],
            "events": {"publish": ["sample.deal.*", "acme.sample.done"]}, "secrets": ["KEY_1"],
            "actions": [{"plugin": "acme.base", "actions": ["x"]}],
        },
        "objects": [{"name": "sample.item", "label": "Item", "plural": "Items", "fields": [field]}],
    })
}

fn said(change: impl FnOnce(&mut Json)) -> String {
    let mut manifest = manifest();
    change(&mut manifest);
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    check(&manifest).err().unwrap_or_default()
}

#[test]
fn a_manifest_that_is_right_passes() {
    assert_eq!(said(|_| {}), "");
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    type Change = fn(&mut Json);
    let cases: &[(&str, Change)] = &[
        ("hooks.before-write[0].operations", |m| m["hooks"]["before-write"][0]["operations"] = json!(["read"])),
        ("hooks.before-write[0].timeout_ms", |m| m["hooks"]["before-write"][0]["timeout_ms"] = json!(0)),
        ("hooks.computed-field[0].object", |m| m["hooks"]["computed-field"][0]["object"] = json!("contact")),
        ("hooks.computed-field[0].fields", |m| m["hooks"]["computed-field"][0]["fields"] = json!(["other"])),
        ("hooks.computed-field[0]:", |m| m["permissions"]["records"] = json!([])),
        ("hooks.on-events.types[0]", |m| m["hooks"]["on-events"]["types"] = json!(["Contact created"])),
        ("hooks.on-events.types:", |m| m["hooks"]["on-events"]["types"] = json!([])),
        ("hooks.on-events.batch", |m| m["hooks"]["on-events"]["batch"] = json!(0)),
        ("hooks.scheduled[0].cron", |m| m["hooks"]["scheduled"][0]["cron"] = json!("61 * * * *")),
        ("hooks.scheduled[1].name", |m| {
            m["hooks"]["scheduled"] = json!([{"name": "a", "cron": "* * * * *"}, {"name": "a", "cron": "* * * * *"}]);
        }),
        ("hooks.http-route[0].path", |m| m["hooks"]["http-route"][0]["path"] = json!("a")),
        ("hooks.http-route[0].path", |m| m["hooks"]["http-route"][0]["path"] = json!("/a/../b")),
        ("hooks.http-route[0].path", |m| m["hooks"]["http-route"][0]["path"] = json!("/*/a")),
        ("hooks.http-route[0].methods", |m| m["hooks"]["http-route"][0]["methods"] = json!(["FETCH"])),
        ("hooks.http-route[0].methods", |m| m["hooks"]["http-route"][0]["methods"] = json!([])),
        ("hooks.http-route[1].path", |m| m["hooks"]["http-route"][0]["path"] = json!("/b/c")),
        ("hooks.http-route[1].path", |m| m["hooks"]["http-route"][0]["path"] = json!("/*")),
        ("actions[1].name", |m| m["actions"] = json!([m["actions"][0], m["actions"][0]])),
        ("actions[0].name", |m| m["actions"][0]["name"] = json!("Do It")),
        ("actions[0].input", |m| m["actions"][0]["input"] = json!({"type": 7})),
        ("actions[0].input", |m| m["actions"][0]["input"] = json!({"$ref": "https://example.com/schema"})),
        ("views[0].object", |m| m["views"][0]["object"] = json!(null)),
        ("views[0].object", |m| m["views"][0]["kind"] = json!("page")),
        ("permissions.http[0].host", |m| m["permissions"]["http"][0]["host"] = json!("169.254.169.254")),
        ("permissions.http[0].host", |m| m["permissions"]["http"][0]["host"] = json!("0x7f.1")),
        ("permissions.http[0].host", |m| m["permissions"]["http"][0]["host"] = json!("https://example.com")),
        ("permissions.http[0].host", |m| m["permissions"]["http"][0]["host"] = json!("*.com")),
        ("permissions.http[0].host", |m| m["permissions"]["http"][0]["host"] = json!("*")),
        ("permissions.http[0].host", |m| m["permissions"]["http"][0]["host"] = json!("Example.com")),
        ("permissions.http[0].methods", |m| m["permissions"]["http"][0]["methods"] = json!(["TRACE"])),
        ("permissions.kv.max_bytes", |m| m["permissions"]["kv"]["max_bytes"] = json!(0)),
        ("permissions.events.publish[0]", |m| m["permissions"]["events"]["publish"] = json!(["contact.*"])),
        ("permissions.events.publish[0]", |m| m["permissions"]["events"]["publish"] = json!(["*"])),
        ("permissions.events.publish[0]", |m| m["permissions"]["events"]["publish"] = json!(["samples.a.b"])),
        ("permissions.secrets[0]", |m| m["permissions"]["secrets"] = json!(["key"])),
        ("permissions.secrets[1]", |m| m["permissions"]["secrets"] = json!(["KEY", "KEY"])),
        ("permissions.actions[0].plugin", |m| m["permissions"]["actions"][0]["plugin"] = json!("acme.other")),
        ("requires[0]", |m| m["requires"][0]["plugin"] = json!("acme.sample")),
        ("requires[0].version", |m| m["requires"][0]["version"] = json!("new")),
        ("limits.cpu_ms", |m| m["limits"] = json!({"cpu_ms": 0})),
        ("limits.memory_mb", |m| m["limits"] = json!({"memory_mb": 0})),
    ];
    for (path, change) in cases {
        let said = said(change);
        assert!(said.contains(&format!(" {path}")), "{path}: {said}");
    }
}
