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
    let text = format!("{:#}", read_with(line, replacement).err().unwrap());
    text.split_once("plugin.toml").unwrap().1.to_owned()
}

#[test]
fn a_manifest_becomes_json_with_its_defaults() {
    let manifest = read_with("", "").unwrap();
    assert_eq!(manifest.id(), "acme.sample");
    assert_eq!(manifest.hooks(), ["before-write"]);
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
}
