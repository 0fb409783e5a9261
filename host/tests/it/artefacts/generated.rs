//! What no text can say, or would take long to.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::Case;
use super::build::{
    HEAD, MODULE_HEAD, component, custom, manifest_with, of_function, of_module, plugin_of, repeated, section,
    with_manifest,
};
use crate::artefact::{leb128, unsigned};
use crate::support::plugin;

const LOYALTY: &str = "guildhall.retail-loyalty";

/// Files of other kinds, some of which people would send by mistake.
pub async fn strange_files() -> Vec<Case> {
    let good = plugin_of("(component)", &json!({}));
    let headed = |head: &[u8]| [head, &vec![0; 600][..]].concat();
    let mut zip_bomb = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
    zip_bomb.extend(std::iter::repeat_n(b"PK\x01\x02".as_slice(), 10_000).flatten());
    let mut tar = vec![0; 257];
    tar.extend(b"ustar\x0000");
    let cwasm = precompiled(&good).await;
    assert!(cwasm.starts_with(b"\x7fELF"), "{:?}", &cwasm[..8]);
    [
        ("empty", Vec::new(), "an empty file"),
        ("text", b"hello".to_vec(), "not WebAssembly at all"),
        ("html", b"<!doctype html><script>alert(1)</script>".to_vec(), "not WebAssembly at all"),
        ("json", b"{}".to_vec(), "not WebAssembly at all"),
        ("png", headed(b"\x89PNG\r\n\x1a\n"), "not WebAssembly at all"),
        ("zeros", vec![0; 100_000], "not WebAssembly at all"),
        ("cwasm", cwasm, "`.cwasm`"),
        ("elf", headed(b"\x7fELF"), "an ELF file"),
        ("mach-o", headed(b"\xcf\xfa\xed\xfe"), "a Mach-O file"),
        ("windows-program", headed(b"MZ"), "a Windows program"),
        ("zip-bomb", zip_bomb, "a zip archive"),
        ("gzip-bomb", headed(b"\x1f\x8b"), "a gzip file"),
        ("zstd", headed(b"\x28\xb5\x2f\xfd"), "a zstd file"),
        ("xz", headed(b"\xfd7zXZ"), "an xz file"),
        ("bzip2", headed(b"BZh9"), "a bzip2 file"),
        ("tar-as-wasm", tar, "a tar"),
        ("wat-component", b"(component)".to_vec(), "WebAssembly as text"),
        ("wat-module", b"(module)".to_vec(), "WebAssembly as text"),
        ("magic-alone", good[..4].to_vec(), "ends after its first bytes"),
        ("magic-and-a-half", good[..6].to_vec(), "ends after its first bytes"),
        ("core-module", with_manifest(MODULE_HEAD.to_vec(), &json!({})), "a core module"),
        ("core-version-2", with_manifest(b"\0asm\x02\0\0\0".to_vec(), &json!({})), "of a version"),
        ("older-component", with_manifest(b"\0asm\x0c\0\x01\0".to_vec(), &json!({})), "of a version"),
        ("newer-component", with_manifest(b"\0asm\x0e\0\x01\0".to_vec(), &json!({})), "of a version"),
        ("other-layer", with_manifest(b"\0asm\x0d\0\x02\0".to_vec(), &json!({})), "of a version"),
        ("magic-of-another-case", [b"\0ASM", &good[4..]].concat(), "not WebAssembly at all"),
        ("byte-order-mark", [b"\xef\xbb\xbf", &good[..]].concat(), "not WebAssembly at all"),
        ("something-behind", [&good[..], b"behind"].concat(), "not a WebAssembly component"),
        ("two-in-a-row", [&good[..], &good].concat(), "not a WebAssembly component"),
        ("unknown-section", component(&section(99, b"?")), "not a valid component"),
        ("section-past-the-end", [&HEAD[..], &[1], &leb128(1 << 30)].concat(), "not a WebAssembly component"),
        ("endless-number", [&HEAD[..], &[1], &[0x80; 20]].concat(), "not a WebAssembly component"),
    ]
    .map(|(name, bytes, detail)| Case::invalid(name, bytes, detail))
    .into()
}

/// What the host's own compiler makes of a component.
async fn precompiled(component: &[u8]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.args(["compile-plugin", "30", "full"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(component).await.unwrap();
    let mut artefact = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut artefact).await.unwrap();
    assert!(child.wait().await.unwrap().success());
    assert_eq!(artefact.remove(0), 1);
    artefact
}

/// More of something than any plugin needs.
pub fn too_much() -> Vec<Case> {
    let empty_function = [2, 0, 0x0b];
    let functions = |count: usize| {
        let code = repeated(count, &empty_function);
        of_module(&[section(1, &[1, 0x60, 0, 0]), section(3, &repeated(count, &[0])), section(10, &code)].concat())
    };
    let locals = |groups: &[u32]| {
        let each = groups.iter().flat_map(|count| [leb128(*count as usize), vec![0x7f]].concat());
        of_function(&[leb128(groups.len()), each.collect(), vec![0x0b]].concat())
    };
    let empty_module = section(1, &MODULE_HEAD);
    let empty_component = section(4, &HEAD);
    let nested = (0..20).fold(HEAD.to_vec(), |inner, _| [&HEAD[..], &section(4, &inner)].concat());
    let exports = (0..10_000).map(|n| format!("(export \"f{n}\" (func 0))")).collect::<String>();
    let component_exports = (0..10_000).map(|n| format!("(export \"f{n}\" (instance $i))")).collect::<String>();
    let imports = (0..10_000).map(|n| format!("(import \"m\" \"f{n}\" (func))")).collect::<String>();
    let branches =
        |count: usize| [&[0][..], &[0x02, 0x40, 0x41, 0, 0x0e], &repeated(count, &[0]), &[0, 0x0b, 0x0b]].concat();
    let text = |text: &str| plugin_of(text, &json!({}));
    let instances = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(300));
    let page_of_pages = (0..65).map(|_| "(memory 16)").collect::<String>();
    [
        ("larger-than-24-mib", component(&custom("x", &vec![0; 24 << 20])), "larger than 25165824 bytes"),
        ("million-functions", functions(1_000_000), "more than 50000 functions"),
        ("one-function-too-many", functions(50_001), "more than 50000 functions"),
        ("million-locals", locals(&[1_000_000]), "more than 2000 locals"),
        ("locals-that-overflow", locals(&[u32::MAX; 5]), "more than 2000 locals"),
        ("locals-in-groups", locals(&[1; 2_001]), "more than 2000 locals"),
        ("long-function", of_function(&[&[0][..], &vec![1; 513 << 10], &[0x0b]].concat()), "a function is larger than"),
        ("branch-bomb", of_function(&branches(100_000)), "more than 65536 branches"),
        ("hundred-thousand-blocks", blocks(100_000), "a function is larger than"),
        (
            "branches-that-are-not-there",
            of_function(&[&[0, 0x02, 0x40, 0x41, 0, 0x0e][..], &leb128(4_000_000_000)].concat()),
            "not a WebAssembly component",
        ),
        ("hundred-modules", component(&empty_module.repeat(100)), "more than 64 core modules"),
        ("thousand-components", component(&empty_component.repeat(1_000)), "more than 64 components"),
        ("deep-components", with_manifest(nested, &json!({})), "more than 8 deep"),
        (
            "ten-thousand-exports",
            text(&format!("(component (core module (func) {exports}))")),
            "more than 5000 exports",
        ),
        (
            "ten-thousand-component-exports",
            text(&format!("(component (instance $i) {component_exports})")),
            "more than 5000 exports",
        ),
        ("ten-thousand-imports", text(&format!("(component (core module {imports}))")), "more than 5000 imports"),
        ("three-hundred-instances", text(&instances), "more than 200 core instances"),
        ("many-types", of_module(&section(1, &repeated(30_000, &[0x60, 0, 0]))), "more than 10000 types"),
        (
            "many-globals",
            of_module(&section(6, &repeated(30_000, &[0x7f, 0, 0x41, 0, 0x0b]))),
            "more than 10000 globals",
        ),
        ("many-segments", of_module(&section(11, &repeated(30_000, &[1, 0]))), "more than 10000 segments"),
        ("many-memories", text(&format!("(component (core module {page_of_pages}))")), "bytes of memory at the start"),
        ("functions-that-are-not-there", of_module(&section(3, &leb128(4_000_000_000))), "more than 50000 functions"),
        ("types-that-are-not-there", of_module(&section(1, &leb128(4_000_000_000))), "more than 10000 types"),
        (
            "large-manifest",
            with_manifest(HEAD.to_vec(), &json!({"description": "x".repeat(300 << 10)})),
            "the manifest is larger than",
        ),
    ]
    .map(|(name, bytes, detail)| Case::invalid(name, bytes, detail))
    .into()
}

/// Manifests that are none, or are not where they should be.
pub fn manifests() -> Vec<Case> {
    let with = |text: &[u8]| [&HEAD[..], &custom("guildhall:manifest", text)].concat();
    let good = manifest_with(&json!({})).to_string();
    let twice = good.replacen('{', "{\"id\":\"evil.case\",", 1);
    let hidden = [&HEAD[..], &section(4, &with(good.as_bytes()))].concat();
    let deep = format!("{}{}{}", "[".repeat(100_000), "1", "]".repeat(100_000));
    let field = |at: usize| json!({"name": format!("f{at}"), "label": "F", "type": "text"});
    let object = |at: usize, fields: usize| {
        let fields: Vec<_> = (0..fields).map(field).collect();
        json!({"name": format!("case.o{at}"), "label": "O", "plural": "Os", "fields": fields})
    };
    let bringing = |objects: usize, fields: usize| {
        let objects: Vec<_> = (0..objects).map(|at| object(at, fields)).collect();
        plugin_of("(component)", &json!({"objects": objects}))
    };
    [
        ("no-manifest", HEAD.to_vec(), "no `guildhall:manifest` section"),
        ("manifest-inside", hidden, "no `guildhall:manifest` section"),
        (
            "manifest-twice",
            [&with(good.as_bytes())[..], &custom("guildhall:manifest", b"{}")].concat(),
            "more than one",
        ),
        ("manifest-empty", with(b""), "cannot be read"),
        ("manifest-toml", with(b"schema = 1"), "cannot be read"),
        ("manifest-array", with(b"[]"), "cannot be read"),
        ("manifest-null", with(b"null"), "cannot be read"),
        ("manifest-not-utf8", with(b"{\"schema\":1,\"id\":\"\xff\"}"), "cannot be read"),
        ("manifest-ends-early", with(&good.as_bytes()[..good.len() - 5]), "cannot be read"),
        ("manifest-goes-on", with(format!("{good} {good}").as_bytes()), "cannot be read"),
        ("manifest-key-twice", with(twice.as_bytes()), "duplicate field `id`"),
        ("manifest-nested", with(deep.as_bytes()), "cannot be read"),
        ("fields-by-the-thousand", bringing(1, 2_500), "`objects[0].fields`: are 2500, and may be 200"),
        ("objects-by-the-thousand", bringing(1_000, 1), "`objects`: are 1000, and may be 100"),
        ("fields-of-all-objects", bringing(10, 101), "`objects`: have 1010 fields together, and may have 1000"),
    ]
    .map(|(name, bytes, detail)| Case::invalid(name, bytes, detail))
    .into()
}

/// A real component, cut at each of its sections, in front of it and within, in the modules inside as well.
pub fn truncated() -> Vec<Case> {
    let whole = plugin(LOYALTY);
    let mut cuts = Vec::new();
    boundaries(&whole, 0, &mut cuts);
    // From the end of the manifest on, it is whole.
    let manifest = whole.windows(18).rposition(|window| window == b"guildhall:manifest").unwrap();
    cuts.retain(|cut| *cut < manifest);
    cuts.sort_unstable();
    cuts.dedup();
    let cut = |at: &usize| {
        let detail = if *at < 8 { "not a WebAssembly component" } else { "component" };
        Case::invalid(&format!("cut at {at}"), whole[..*at].to_vec(), detail)
    };
    cuts.iter().map(cut).collect()
}

/// Where sections begin, and a place within each.
fn boundaries(bytes: &[u8], offset: usize, cuts: &mut Vec<usize>) {
    let mut at = 8;
    cuts.extend([offset + 1, offset + 5]);
    while at < bytes.len() {
        let (size, length) = unsigned(&bytes[at + 1..]);
        let begin = at + 1 + length;
        cuts.extend([offset + at, offset + at + 1, offset + begin, offset + begin + size / 2]);
        let inner = &bytes[begin..begin + size];
        if (bytes[at] == 1 || bytes[at] == 4) && inner.starts_with(b"\0asm") {
            boundaries(inner, offset + begin, cuts);
        }
        at = begin + size;
    }
}

/// One function of so many small blocks, which a compiler that does its best takes long for.
pub fn blocks(count: usize) -> Vec<u8> {
    // A block that adds one to a local.
    let block = [0x02, 0x40, 0x41, 1, 0x20, 0, 0x6a, 0x21, 0, 0x0b];
    of_function(&[&[1, 1, 0x7f][..], &block.repeat(count), &[0x0b]].concat())
}

/// Small files that keep a compiler busy.
pub fn compile_bombs() -> Vec<Case> {
    let detail = "takes more than 1 s; the largest function is function 0 of core module 0";
    vec![Case::invalid("branches", of_function(&branches(40_000, 1_500, &[])), detail)]
}

/// Small files that a compiler needs much memory for.
pub fn memory_bombs() -> Vec<Case> {
    // What is read behind the block has another value for each way out of it, and each way carries all of them.
    let reads: Vec<u8> = (0..2_000).flat_map(|at| [&[0x20][..], &leb128(at), &[0x1a]].concat()).collect();
    let bomb = of_function(&branches(45_000, 2_000, &reads));
    vec![Case::invalid("branches-with-values", bomb, "takes more memory than it may")]
}

/// A function with so many ways out of one block, and before each another local has got another value.
fn branches(count: usize, locals: usize, behind: &[u8]) -> Vec<u8> {
    let mut body = [&[1][..], &leb128(locals), &[0x7f, 0x02, 0x40]].concat();
    for at in 0..count {
        let local = leb128(at % locals);
        body.extend([&[0x20][..], &local, &[0x0d, 0, 0x41, 1, 0x21], &local].concat());
    }
    [&body[..], &[0x0b], behind, &[0x0b]].concat()
}
