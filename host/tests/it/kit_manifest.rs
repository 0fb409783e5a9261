//! What the vendor's kit tells of a manifest: each thing that is wrong with its file and line.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::artefacts::build::plugin_of;
use crate::kit::{errors, folder, guildhall, refused, run};

/// A plugin whose sources nobody has written yet: what is told of it is told before anything is built.
fn unwritten(name: &str, rest: &str, object: &str) -> PathBuf {
    let plugin = folder(name);
    let manifest = format!(
        "schema = 1\nid = \"acme.lines\"\nnamespace = \"lines\"\nname = \"Lines\"\ndescription = \"Has lines.\"\n\
         version = \"1.0.0\"\napi = \"1.1\"\n\n{rest}\n"
    );
    std::fs::write(plugin.join("plugin.toml"), manifest).unwrap();
    std::fs::create_dir(plugin.join("objects")).unwrap();
    std::fs::write(plugin.join("objects/a.json"), THING).unwrap();
    std::fs::write(plugin.join("objects/b.json"), object).unwrap();
    std::fs::write(
        plugin.join("settings.json"),
        "{\n  \"type\": \"object\",\n  \"properties\": {\n    \"rate\": {\"type\": 7}\n  }\n}\n",
    )
    .unwrap();
    plugin
}

/// An object, a line for each member.
const THING: &str = r#"{
  "name": "lines.thing",
  "label": "Thing",
  "plural": "Things",
  "fields": [
    {"name": "title", "label": "Title", "type": "text"},
    {"name": "size", "label": "Size", "type": "integer"}
  ]
}
"#;

#[test]
fn what_is_wrong_with_a_manifest_is_told_with_its_line() {
    let objects = "[data]\nobjects = \"objects/*.json\"";
    let other = THING.replace("lines.thing", "lines.other");
    let cases = [
        (
            "unknown key",
            objects,
            other.replace("  \"plural\"", "  \"colour\": \"red\",\n  \"plural\""),
            "objects/b.json:4: objects[1].colour: unknown field `colour`",
        ),
        (
            "unknown key of a field",
            objects,
            other.replace("\"type\": \"integer\"", "\"type\": \"integer\", \"labl\": \"x\""),
            "objects/b.json:7: objects[1].fields[1].labl: unknown field `labl`",
        ),
        ("unknown type", objects, other.replace("\"integer\"", "\"blob\""), "objects/b.json:7: objects[1].fields[1]: "),
        ("twice", objects, THING.to_owned(), "objects/b.json:2: objects[1].name: is `lines.thing` a second time"),
        (
            "routes that clash",
            "[hooks]\nhttp-route = [\n    { path = \"/a/*\", methods = [\"GET\"] },\n    { path = \"/a/b\", methods = [\"GET\"] },\n]",
            other.clone(),
            "plugin.toml:12: hooks.http-route[1].path: `GET /a/b` is also taken by `/a/*`",
        ),
        (
            "cron",
            "[hooks]\nscheduled = [\n    { name = \"a\", cron = \"0 6 * * *\" },\n    { name = \"b\", cron = \"61 * * * *\" },\n]",
            other.clone(),
            "plugin.toml:12: hooks.scheduled[1].cron: `61 * * * *` is no cron line: the minute is `61`",
        ),
        (
            "limits",
            "[permissions]\nkv = { max_bytes = 1000000000000000 }\n\n[limits]\nmemory_mb = 32\ncpu_ms = 1000000",
            other.clone(),
            "plugin.toml:14: limits.cpu_ms: is 1 to 10000\nplugin.toml:10: permissions.kv.max_bytes: is 1 to 104857600",
        ),
        (
            "settings",
            "[config]\nschema = \"settings.json\"",
            other.clone(),
            "settings.json:4: config.schema.properties.rate.type: ",
        ),
        (
            "of the whole",
            "[hooks]\non-events = { types = [] }",
            other.clone(),
            "plugin.toml:10: hooks.on-events.types: ",
        ),
    ];
    for (name, rest, object, said) in cases {
        let plugin = unwritten("lines", rest, &object);
        let text = guildhall(&["plugin", "check"], &plugin).output().unwrap();
        let told = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(!text.status.success() && told.starts_with(said), "{name}: {told}{}", errors(&text));
        let (fits, checked) = run(&["plugin", "check"], &plugin);
        let first = &checked["problems"][0];
        let place = format!("{}: {}: ", first["place"].as_str().unwrap(), first["path"].as_str().unwrap());
        assert!(!fits && said.starts_with(&*place), "{name}: {checked}");
        assert_eq!((&checked["id"], &checked["digest"]), (&json!("acme.lines"), &Json::Null), "{name}");
        for command in ["build", "test", "publish"] {
            let more: &[&str] = if command == "publish" { &["--to", "http://127.0.0.1:1"] } else { &[] };
            let (code, text) = refused(&[&["plugin", command][..], more].concat(), &plugin);
            let line = said.lines().next().unwrap();
            assert!(code == "manifest" && text.contains(line), "{name}: {command}: {code}: {text}");
        }
    }
    // Of a component alone, whose files nobody has, there is the path.
    let home = folder("lines-of-a-file");
    let patch = json!({"hooks": {"scheduled": [{"name": "a", "cron": "61 * * * *"}]}});
    std::fs::write(home.join("wrong.wasm"), plugin_of("(component)", &patch)).unwrap();
    let text = guildhall(&["plugin", "check", "wrong.wasm"], &home).output().unwrap();
    let told = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(told.starts_with("manifest: hooks.scheduled[0].cron: `61 * * * *` is no cron line: the minute"), "{told}");
}

#[test]
fn a_file_of_a_stranger_does_nothing_to_the_terminal() {
    let home = folder("terminal");
    let patch = json!({"name": "\u{1b}[31mRed", "\u{202e}\u{9b}2J": 1});
    std::fs::write(home.join("wrong.wasm"), plugin_of("(component)", &patch)).unwrap();
    for words in [&["plugin", "inspect", "wrong.wasm"][..], &["plugin", "check", "wrong.wasm"]] {
        for json in [false, true] {
            let done = guildhall(words, &home).args(json.then_some("--json")).output().unwrap();
            let told = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
            let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!done.status.success() && !told.contains(is_obeyed), "{words:?}: {told:?}");
        }
    }
}
