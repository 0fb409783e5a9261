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
    check(&manifest).iter().map(|wrong| format!(" {}: {}", wrong.path, wrong.message)).collect::<Vec<_>>().join(";")
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
        ("hooks.before-write[0].timeout_ms: is 1 to 5000", |m| {
            m["hooks"]["before-write"][0]["timeout_ms"] = json!(300_000);
        }),
        ("hooks.before-write[0].object: `contcat`", |m| m["hooks"]["before-write"][0]["object"] = json!("contcat")),
        ("hooks.on-events.batch: is 1 to 500", |m| m["hooks"]["on-events"]["batch"] = json!(1_000_000)),
        ("hooks.scheduled[0].cron: `0 0 30 2 *` never comes", |m| {
            m["hooks"]["scheduled"][0]["cron"] = json!("0 0 30 2 *");
        }),
        ("hooks.scheduled[0].cron: `0 25 * * *` is no cron line: the hour is `25`", |m| {
            m["hooks"]["scheduled"][0]["cron"] = json!("0 25 * * *");
        }),
        ("permissions.kv.max_bytes: is 1 to 104857600", |m| {
            m["permissions"]["kv"]["max_bytes"] = json!(1_000_000_000_000_000_u64);
        }),
        ("permissions.records[0].ops: `export`", |m| m["permissions"]["records"][0]["ops"] = json!(["read", "export"])),
        ("permissions.records[0].ops: `configure`", |m| {
            m["permissions"]["records"][0]["ops"] = json!(["read", "configure"]);
        }),
        ("permissions.records[1].fields: `contact` has no field `nmae`", |m| {
            let grant = json!({"object": "contact", "ops": ["read"], "fields": ["name", "nmae"]});
            m["permissions"]["records"] = json!([m["permissions"]["records"][0], grant]);
        }),
        ("permissions.records[0].fields: `sample.item` has no field `titel`", |m| {
            m["permissions"]["records"][0]["fields"] = json!(["titel"]);
        }),
        ("permissions.reasons[0].permission: `record`", |m| {
            m["permissions"]["reasons"] = json!([{"permission": "record", "text": "Because."}]);
        }),
        ("permissions.reasons[0].permission: `records:contact:read:name`", |m| {
            m["permissions"]["reasons"] = json!([{"permission": "records:contact:read:name", "text": "Because."}]);
        }),
        ("views[0].object: `contcat`", |m| m["views"][0]["object"] = json!("contcat")),
        ("namespace: `order`", |m| m["namespace"] = json!("order")),
        ("name: has the character U+001B", |m| m["name"] = json!("\u{1b}[31mRed")),
        ("name: has the character U+000A", |m| m["name"] = json!("Two\nlines")),
        ("description: has the character U+202E", |m| m["description"] = json!("\u{202e}txet")),
        ("views[0].title: has the character U+009B", |m| m["views"][0]["title"] = json!("\u{9b}2J")),
        ("objects[0].fields[0].label: has the character U+0007", |m| {
            m["objects"][0]["fields"][0]["label"] = json!("Bell\u{7}");
        }),
    ];
    for (path, change) in cases {
        let said = said(change);
        assert!(said.contains(&format!(" {path}")), "{path}: {said}");
    }
}

#[test]
fn what_may_be_said_is_not_refused() {
    let cases: &[fn(&mut Json)] = &[
        |m| m["description"] = json!("Two\nlines, and\ta tab. Zwölf, 会員, שלום."),
        |m| m["actions"][0]["input"] = json!({"pattern": "[\u{0}-\u{1f}]"}),
        |m| {
            let fields = ["*", "name", "x_own", "created_at"];
            m["permissions"]["records"][1] = json!({"object": "contact", "ops": ["read"], "fields": fields});
        },
        |m| {
            let of = |permission: &str| json!({"permission": permission, "text": "Because.\nAnd so."});
            m["permissions"]["reasons"] =
                json!([of("records"), of("kv"), of("records:sample.item:read:*"), of("secrets:KEY_1")]);
        },
    ];
    for (at, change) in cases.iter().enumerate() {
        let with_room = |manifest: &mut Json| {
            manifest["permissions"]["records"].as_array_mut().unwrap().push(json!({"object": "task", "ops": ["read"]}));
            change(manifest);
        };
        assert_eq!(said(with_room), "", "{at}");
    }
}

#[test]
fn there_is_a_most_of_everything() {
    let many = |item: &Json, count: usize| Json::Array(vec![item.clone(); count]);
    let field = |at: usize| json!({"name": format!("f{at}"), "label": "F", "type": "text"});
    let object = |at: usize, fields: usize| {
        let fields: Vec<Json> = (0..fields).map(field).collect();
        json!({"name": format!("sample.o{at}"), "label": "O", "plural": "Os", "fields": fields})
    };
    let objects = |count: usize, fields: usize| (0..count).map(|at| object(at, fields)).collect::<Json>();
    let with = |path: &str, value: Json| {
        said(|m| {
            *m.pointer_mut(path).unwrap() = value;
            // What is told of the objects that go is no question here.
            m["hooks"]["computed-field"] = json!([]);
            m["permissions"]["records"] =
                if path == "/permissions/records" { m["permissions"]["records"].take() } else { json!([]) };
        })
    };
    assert_eq!(with("/objects", objects(100, 10)), "");
    assert_eq!(with("/objects", objects(5, 200)), "");
    assert!(with("/objects", objects(101, 1)).starts_with(" objects: are 101, and may be 100"));
    assert!(with("/objects", objects(1, 2_500)).starts_with(" objects[0].fields: are 2500, and may be 200"));
    assert!(with("/objects", objects(10, 101)).starts_with(" objects: have 1010 fields together"));
    for (path, most) in [
        ("hooks/http-route", 100),
        ("actions", 100),
        ("views", 100),
        ("requires", 100),
        ("permissions/records", 200),
        ("permissions/http", 100),
        ("permissions/secrets", 100),
    ] {
        let pointer = format!("/{path}");
        let item = manifest().pointer(&format!("{pointer}/0")).unwrap().clone();
        let expected = format!(" {}: are {}, and may be {most}", path.replace('/', "."), most + 1);
        assert_eq!(with(&pointer, many(&item, most + 1)), expected);
        assert!(!with(&pointer, many(&item, most)).contains("may be"), "{path}");
    }
    let reason = json!({"permission": "kv", "text": "Because."});
    let told = said(|m| m["permissions"]["reasons"] = many(&reason, 101));
    assert_eq!(told, " permissions.reasons: are 101, and may be 100");
}
