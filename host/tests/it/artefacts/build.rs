//! Components by hand: sections as bytes, the manifest behind them.

use serde_json::{Value as Json, json};

use crate::artefact::leb128;

/// What a component and a core module begin with.
pub const HEAD: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
pub const MODULE_HEAD: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

/// A section: its id, its length, its bytes.
pub fn section(id: u8, bytes: &[u8]) -> Vec<u8> {
    [&[id][..], &leb128(bytes.len()), bytes].concat()
}

/// A vector of the same item.
pub fn repeated(count: usize, item: &[u8]) -> Vec<u8> {
    [leb128(count), item.repeat(count)].concat()
}

/// A custom section of this name.
pub fn custom(name: &str, bytes: &[u8]) -> Vec<u8> {
    section(0, &[&leb128(name.len())[..], name.as_bytes(), bytes].concat())
}

/// A component of these sections, with the usual manifest.
pub fn component(sections: &[u8]) -> Vec<u8> {
    with_manifest([&HEAD[..], sections].concat(), &json!({}))
}

/// A component with one core module of these sections.
pub fn of_module(sections: &[u8]) -> Vec<u8> {
    component(&section(1, &[&MODULE_HEAD[..], sections].concat()))
}

/// A core module with one function without parameters, of this body.
pub fn of_function(body: &[u8]) -> Vec<u8> {
    let sections = [
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(10, &[&[1][..], &leb128(body.len()), body].concat()),
    ];
    of_module(&sections.concat())
}

/// A component as text, with the usual manifest as this patch changes it.
pub fn plugin_of(text: &str, patch: &Json) -> Vec<u8> {
    with_manifest(wat::parse_str(text).unwrap(), patch)
}

/// Puts a manifest behind a component.
pub fn with_manifest(mut component: Vec<u8>, patch: &Json) -> Vec<u8> {
    component.extend(custom("guildhall:manifest", manifest_with(patch).to_string().as_bytes()));
    component
}

/// The usual manifest; `null` takes a key away.
pub fn manifest_with(patch: &Json) -> Json {
    let mut manifest = json!({
        "schema": 1, "id": "test.case", "namespace": "case", "name": "Case", "version": "1.0.0", "api": "1.0",
    });
    for (key, value) in patch.as_object().unwrap() {
        if value.is_null() {
            manifest.as_object_mut().unwrap().remove(key);
        } else {
            manifest[key] = value.clone();
        }
    }
    manifest
}
