//! Plugins as files: built ones, and ones under another manifest.

use std::path::PathBuf;

use serde_json::Value as Json;

/// A plugin built by `cargo xtask plugins`.
pub fn plugin(id: &str) -> Vec<u8> {
    let directory = std::env::var("GUILDHALL_PLUGINS_DIR")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/plugins"), PathBuf::from);
    let path = directory.join(format!("{id}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask test`", path.display()))
}

/// A plugin with a changed manifest.
pub fn plugin_with(id: &str, change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let wasm = plugin(id);
    let mut result = wasm[..8].to_vec();
    let mut change = Some(change);
    let mut at = 8;
    while at < wasm.len() {
        let (size, size_length) = unsigned(&wasm[at + 1..]);
        let end = at + 1 + size_length + size;
        let payload = &wasm[at + 1 + size_length..end];
        let name_length = usize::from(payload[0]);
        if wasm[at] == 0 && payload[1..].starts_with(b"guildhall:manifest") {
            let mut manifest: Json = serde_json::from_slice(&payload[1 + name_length..]).unwrap();
            change.take().unwrap()(&mut manifest);
            let mut section = vec![u8::try_from(name_length).unwrap()];
            section.extend_from_slice(b"guildhall:manifest");
            section.extend_from_slice(manifest.to_string().as_bytes());
            result.push(0);
            result.extend(leb128(section.len()));
            result.extend(section);
        } else {
            result.extend_from_slice(&wasm[at..end]);
        }
        at = end;
    }
    assert!(change.is_none(), "{id} has no manifest");
    result
}

/// A number in LEB128, and how many bytes it takes.
pub fn unsigned(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return (value, at + 1);
        }
    }
    panic!("a number without an end");
}

/// A number as LEB128.
pub fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        bytes.push(if value == 0 { byte } else { byte | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}
