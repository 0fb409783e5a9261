//! What a file is by its first bytes, so that a wrong one is called by its name.

use super::Invalid;

/// What files begin with that people take for plugins, and what these are.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x7fELF", "an ELF file; what is compiled already (`.cwasm`) is not taken, only the WebAssembly itself"),
    (b"\xfe\xed\xfa", "a Mach-O file, not WebAssembly"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O file, not WebAssembly"),
    (b"MZ", "a Windows program, not WebAssembly"),
    (b"PK", "a zip archive; send the component itself, or an OCI image layout as tar"),
    (b"\x1f\x8b", "a gzip file; send the component itself, or an OCI image layout as tar"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; send the component itself, or an OCI image layout as tar"),
    (b"BZh", "a bzip2 file; send the component itself, or an OCI image layout as tar"),
    (b"\xfd7zXZ", "an xz file; send the component itself, or an OCI image layout as tar"),
    (b"(module", "WebAssembly as text; send it as a binary"),
    (b"(component", "WebAssembly as text; send it as a binary"),
];
/// Where a tar says that it is one.
const TAR: (usize, &[u8]) = (257, b"ustar");
const MAGIC: &[u8] = b"\0asm";
/// Version and layer, of a module and of a component.
const MODULE: &[u8] = &[1, 0, 0, 0];
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];

/// Refuses what does not begin as a component does.
pub fn check(bytes: &[u8]) -> Result<(), Invalid> {
    let refuse = |what: &str| Err(Invalid::Component(format!("not a WebAssembly component: this is {what}")));
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return refuse(what);
    }
    if bytes.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return refuse("a tar; send it as `application/vnd.oci.image.layout.v1+tar`");
    }
    match (bytes.get(..4), bytes.get(4..8)) {
        _ if bytes.is_empty() => refuse("an empty file"),
        (Some(MAGIC), Some(COMPONENT)) => Ok(()),
        (Some(MAGIC), Some(MODULE)) => refuse("a core module, not a component"),
        (Some(MAGIC), Some(_)) => refuse("WebAssembly of a version that this host does not know"),
        (Some(MAGIC), None) => refuse("a file that ends after its first bytes"),
        _ => refuse("not WebAssembly at all"),
    }
}
