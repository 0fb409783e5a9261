//! What the manifest reader takes, and where it says that an error is.

use super::*;

/// Reads a manifest with one line put in place of another.
fn read_with(line: &str, replacement: &str) -> Result<Manifest> {
    const PLUGIN: &str = r#"schema = 1
id = "acme.sample"
namespace = "sample"
name = "Sample"
description = "A sample."
version = "1.4.2"
api = "1.0"

[hooks]
before-write = [{ object = "order", operations = ["create"] }]
"#;
    assert!(PLUGIN.contains(line), "{line}");
    let folder = std::env::temp_dir().join(format!("guildhall-manifest-{:?}", std::thread::current().id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("plugin.toml"), PLUGIN.replace(line, replacement)).unwrap();
    let manifest = read(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    manifest
}

fn error(line: &str, replacement: &str) -> String {
    let text = format!("{}", read_with(line, replacement).err().unwrap());
    text.split_once("plugin.toml").unwrap().1.to_owned()
}

#[test]
fn a_manifest_becomes_json_with_its_defaults() {
    let manifest = read_with("", "").unwrap();
    assert_eq!(manifest.id(), "acme.sample");
    assert_eq!(manifest.points(), ["before-write"]);
    assert_eq!((manifest.line_of("before-write"), manifest.line_of("validate")), (Some(10), None));
    assert_eq!(manifest.json()["hooks"]["before-write"][0]["on_failure"], "reject");
    assert_eq!(manifest.json()["objects"], json!([]));
    assert_eq!(manifest.json()["config"]["schema"]["type"], "object");
}

#[test]
fn errors_name_the_line() {
    assert!(error("schema = 1", "schema = 2").starts_with(":1: schema 2 is unknown"));
    assert!(error("acme.sample", "Acme").starts_with(":2: `Acme` is not of the form `publisher.name`"));
    assert!(error("1.4.2", "1.4").starts_with(":6: `1.4` is not of the form `1.4.2`"));
    assert!(error("api =", "apis =").starts_with(":7: unknown field `apis`"));
    assert!(error("[\"create\"]", "[\"upsert\"]").starts_with(":10: unknown variant `upsert`"));
    assert!(error("before-write", "before-wriet").starts_with(":10: unknown field `before-wriet`"));
    let hook = r#"before-write = [{ object = "order", operations = ["create"] }]"#;
    let said = |hooks: &str| error(hook, hooks);
    assert!(said(r#"scheduled = [{ name = "a", cron = "daily" }]"#).starts_with(":10: `daily` is not of the form"));
    assert!(said(r#"http-route = [{ path = "a", methods = ["GET"] }]"#).starts_with(":10: `a` is not of the form"));
    assert!(said(r#"http-route = [{ path = "/a", methods = ["FETCH"] }]"#).starts_with(":10: unknown variant `FETCH`"));
    assert!(said("[permissions]\nsecrets = [\"key\"]").starts_with(":11: `key` is not of the form"));
}

#[test]
fn every_extension_point_can_be_named() {
    let all = r#"validate = [{ object = "order", operations = [] }]
computed-field = [{ object = "sample.item", fields = ["total"] }]
on-events = { types = ["order.*"], batch = 10 }
scheduled = [{ name = "sync", cron = "*/5 * * * *" }]
http-route = [{ path = "/a/*", methods = ["GET", "POST"] }]
[[actions]]
name = "settle"
title = "Settle"
exported = true
[[views]]
name = "page"
title = "Page"
kind = "page"
[channel]
kind = "sms"
title = "SMS"
[[requires]]
plugin = "acme.base"
version = "1.0.0"
[permissions]
kv = { max_bytes = 100 }
http = [{ host = "example.com", methods = ["GET"] }]
events = { publish = ["sample.item.*"] }
jobs = true
secrets = ["KEY"]
actions = [{ plugin = "acme.base", actions = ["a"] }]"#;
    let manifest = read_with(r#"before-write = [{ object = "order", operations = ["create"] }]"#, all).unwrap();
    let points = ["validate", "computed-field", "on-events", "scheduled", "http-route", "action", "view", "channel"];
    assert_eq!(manifest.points(), points);
    assert!(manifest.queues_jobs());
    assert_eq!(manifest.json()["hooks"]["on-events"]["batch"], 10);
    assert_eq!(manifest.json()["permissions"]["http"][0]["methods"], json!(["GET"]));
    assert_eq!(manifest.json()["actions"][0]["exported"], true);
}
