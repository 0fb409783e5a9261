//! Packages that are no image layouts, or are some with a trick inside.

use guildhall::domain::publisher::{PublisherSecret, Signed};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::build::{MODULE_HEAD, manifest_with, plugin_of};
use super::{Case, PACKAGE};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const SIGNATURE: &str = "application/vnd.guildhall.plugin.signature.v1";

/// An entry of a tar, as bold as it comes.
struct Entry {
    name: Vec<u8>,
    kind: u8,
    bytes: Vec<u8>,
    /// What its header says of its size.
    size: u64,
    link: &'static str,
}

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> Entry {
    let bytes = bytes.into();
    Entry { name: name.into(), kind: b'0', size: bytes.len() as u64, bytes, link: "" }
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Vec::new();
    for Entry { name, kind, bytes, size, link } in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(*size);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::new(*kind));
        let raw = header.as_mut_bytes();
        raw[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        raw[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}

/// A layout that can be spoilt before it becomes a tar.
#[derive(Clone, Default)]
struct Spoilt {
    blobs: Vec<(String, Vec<u8>)>,
    manifests: Vec<Json>,
}

impl Spoilt {
    fn blob(&mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Json {
        let bytes = bytes.into();
        let hex = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
        let descriptor = json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()});
        self.blobs.push((hex, bytes));
        descriptor
    }

    fn manifest(&mut self, manifest: &Json) -> Json {
        let descriptor = self.blob(MANIFEST, manifest.to_string());
        self.manifests.push(descriptor.clone());
        descriptor
    }

    fn of_layers(layers: &[(&str, Vec<u8>)], patch: &Json) -> Self {
        let mut layout = Self::default();
        let config = layout.blob("application/vnd.oci.empty.v1+json", "{}");
        let layers: Vec<Json> = layers.iter().map(|(kind, bytes)| layout.blob(kind, bytes.clone())).collect();
        let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        for (key, value) in patch.as_object().unwrap() {
            manifest[key] = value.clone();
        }
        layout.manifest(&manifest);
        layout
    }

    fn entries(&self) -> Vec<Entry> {
        let index = json!({"schemaVersion": 2, "manifests": self.manifests});
        let mut entries =
            vec![file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#), file("index.json", index.to_string())];
        entries.extend(self.blobs.iter().map(|(hex, bytes)| file(&format!("blobs/sha256/{hex}"), bytes.clone())));
        entries
    }
}

fn usual() -> Spoilt {
    Spoilt::of_layers(&[("application/wasm", plugin_of("(component)", &json!({})))], &json!({}))
}

/// The media type of a readme, and how a picture begins.
const README: &str = "application/vnd.guildhall.plugin.readme.v1+markdown";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A package with these layers behind the component: media type, file name, file.
pub fn displaying(patch: &Json, shown: &[(&str, &str, Vec<u8>)]) -> Vec<u8> {
    let mut layout = Spoilt::default();
    let mut layers = vec![layout.blob("application/wasm", plugin_of("(component)", patch))];
    for (kind, title, bytes) in shown {
        let mut layer = layout.blob(kind, bytes.clone());
        layer["annotations"] = json!({"org.opencontainers.image.title": title});
        layers.push(layer);
    }
    layout.manifest(&json!({"schemaVersion": 2, "layers": layers}));
    tar(&layout.entries())
}

/// What people should see of a plugin, and no host would show them.
fn unshowable() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let shown = |layers: &[(&str, &str, Vec<u8>)]| displaying(&json!({}), layers);
    let picture = |name: &str, bytes: &[u8]| shown(&[("image/png", name, bytes.to_vec())]);
    let many: Vec<_> = (0_u8..9).map(|n| ("image/png", format!("{n}.png"), [PNG, &[n]].concat())).collect();
    let many: Vec<_> = many.iter().map(|(kind, name, bytes)| (*kind, name.as_str(), bytes.clone())).collect();
    let readme = |text: &[u8]| (README, "README.md", text.to_vec());
    vec![
        ("two-readmes", shown(&[readme(b"# One"), readme(b"# Two")]), "more than one readme"),
        ("readme-no-text", shown(&[readme(b"\xff\xfe")]), "its readme is not UTF-8"),
        ("long-readme", shown(&[readme(&vec![b'x'; (256 << 10) + 1])]), "its readme is larger than"),
        ("picture-no-picture", picture("a.png", b"<svg onload=alert(1)>"), "neither PNG nor JPEG"),
        ("picture-with-a-path", picture("../../a.png", PNG), "no plain file name"),
        ("hidden-picture", picture(".htaccess", PNG), "no plain file name"),
        ("picture-without-a-name", picture("", PNG), "no plain file name"),
        ("large-picture", picture("a.png", &[PNG, &vec![0; 1 << 20]].concat()), "is larger than"),
        ("many-pictures", shown(&many), "more than 8 screenshots"),
        (
            "one-picture-twice",
            shown(&[("image/png", "a.png", PNG.to_vec()), ("image/jpeg", "a.png", b"\xff\xd8\xff".to_vec())]),
            "the screenshot `a.png` twice",
        ),
    ]
}

/// A package of this version.
pub fn good(version: &str) -> Vec<u8> {
    let component = plugin_of("(component)", &json!({"version": version}));
    let mut layout = Spoilt::of_layers(&[("application/wasm", component)], &json!({}));
    // Directories, and other layers, are nothing special.
    let mut entries: Vec<Entry> = ["blobs/", "blobs/sha256/"].map(|name| Entry { kind: b'5', ..file(name, "") }).into();
    layout.blob("text/plain", "what nobody asks for");
    entries.extend(layout.entries());
    tar(&entries)
}

/// The same, signed by somebody.
pub fn signed(version: &str) -> Vec<u8> {
    signed_by(&PublisherSecret::from_random([9; 32]), &json!({"version": version}))
}

/// A package of the usual manifest with these differences, signed with that key.
pub fn signed_by(secret: &PublisherSecret, patch: &Json) -> Vec<u8> {
    let mut layout = Spoilt::of_layers(&[("application/wasm", plugin_of("(component)", patch))], &json!({}));
    let digest = Sha256::digest(&layout.blobs.last().unwrap().1).into();
    let text = secret.sign(Signed::Package(digest)).to_string();
    sign(&mut layout, &text);
    tar(&layout.entries())
}

fn sign(layout: &mut Spoilt, text: &str) {
    let subject = layout.manifests[0].clone();
    let layer = layout.blob(SIGNATURE, text);
    layout.manifest(&json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": SIGNATURE,
        "layers": [layer], "subject": subject}));
}

/// Everything that somebody could try with a package.
#[expect(clippy::too_many_lines, reason = "a table of tricks")]
pub fn tricks() -> Vec<Case> {
    let component = || plugin_of("(component)", &json!({}));
    let wasm = "application/wasm";
    let with = |entry: Entry| {
        let mut entries = usual().entries();
        entries.push(entry);
        tar(&entries)
    };
    let of_kind = |kind: u8, name: &str, link: &'static str| with(Entry { kind, link, ..file(name, "") });
    let spoilt = |change: &dyn Fn(&mut Spoilt)| {
        let mut layout = usual();
        change(&mut layout);
        tar(&layout.entries())
    };
    let without = |name: &str| {
        let mut entries = usual().entries();
        entries.retain(|entry| entry.name != name.as_bytes());
        tar(&entries)
    };
    let replaced = |name: &str, bytes: &str| {
        let mut entries = usual().entries();
        for entry in entries.iter_mut().filter(|entry| entry.name == name.as_bytes()) {
            *entry = file(name, bytes);
        }
        tar(&entries)
    };
    let layers = |layers: &[(&str, Vec<u8>)]| tar(&Spoilt::of_layers(layers, &json!({})).entries());
    let good = tar(&usual().entries());
    let hex = usual().blobs[1].0.clone();
    let pax = |record: &str| {
        let line = format!("{} {record}\n", record.len() + 4);
        let mut entries = vec![Entry { kind: b'x', ..file("pax", line) }];
        entries.extend(usual().entries());
        tar(&entries)
    };
    let lying = |patch: Json| {
        let mut layout = Spoilt::default();
        let config =
            layout.blob("application/vnd.guildhall.plugin.manifest.v1+json", manifest_with(&patch).to_string());
        let layer = layout.blob(wasm, component());
        layout.manifest(&json!({"schemaVersion": 2, "config": config, "layers": [layer]}));
        tar(&layout.entries())
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("no-tar", b"hello".to_vec(), "the package cannot be read"),
        ("empty", Vec::new(), "`oci-layout` is missing"),
        ("component-as-package", component(), "the package cannot be"),
        ("gzip", [b"\x1f\x8b".as_slice(), &[7; 2_000]].concat(), "the package cannot be read"),
        ("ends-in-an-entry", good[..1_800].to_vec(), "the package cannot be"),
        ("ends-behind-its-head", good[..512].to_vec(), "the package cannot be"),
        ("slip", with(file("../../evil.sh", "x")), "an image layout has no entry `../../evil.sh`"),
        ("slip-inside", with(file("blobs/sha256/../../../evil", "x")), "an image layout has no entry"),
        ("absolute", with(file("/etc/cron.d/evil", "x")), "an image layout has no entry `/etc/cron.d/evil`"),
        ("backslash", with(file("blobs\\sha256\\..\\evil", "x")), "an image layout has no entry"),
        ("drive", with(file("C:evil", "x")), "an image layout has no entry"),
        ("no-text", with(Entry { name: vec![0xff, 0xfe], ..file("", "x") }), "a path that no image layout has"),
        ("control-characters", with(file("index.json\u{1b}[2J", "x")), "an image layout has no entry"),
        ("symbolic-link", of_kind(b'2', "blobs/sha256", "/etc"), "is no plain file"),
        (
            "symbolic-link-as-a-blob",
            of_kind(b'2', &format!("blobs/sha256/{}", "a".repeat(64)), "/etc/passwd"),
            "is no plain file",
        ),
        ("hard-link", of_kind(b'1', &format!("blobs/sha256/{}", "a".repeat(64)), "index.json"), "is no plain file"),
        ("character-device", of_kind(b'3', "dev", ""), "is no plain file"),
        ("block-device", of_kind(b'4', "dev", ""), "is no plain file"),
        ("pipe", of_kind(b'6', "pipe", ""), "is no plain file"),
        ("sparse", of_kind(b'S', "index.json", ""), "the package cannot be"),
        ("directory-elsewhere", of_kind(b'5', "etc/", ""), "an image layout has no entry `etc`"),
        ("twice", with(file("index.json", "{}")), "the entry `index.json` twice"),
        ("twice-by-another-name", with(file("./index.json", "{}")), "the entry `index.json` twice"),
        ("twice-by-case", with(file("INDEX.JSON", "{}")), "an image layout has no entry"),
        (
            "giant",
            with(Entry { size: 8 << 30, ..file(&format!("blobs/sha256/{}", "a".repeat(64)), "x") }),
            "the package cannot be",
        ),
        ("renamed-by-pax", pax("path=../evil"), "an image layout has no entry"),
        ("grown-by-pax", pax("size=99999999999"), "the package cannot be"),
        (
            "many-entries",
            {
                let mut entries = usual().entries();
                entries.extend((0..100).map(|n| file(&format!("blobs/sha256/{n:064x}"), "x")));
                tar(&entries)
            },
            "more than 64 entries",
        ),
        ("other-file", with(file("install.sh", "rm -rf /")), "an image layout has no entry `install.sh`"),
        ("no-layout", without("oci-layout"), "`oci-layout` is missing"),
        ("other-layout", replaced("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#), "`imageLayoutVersion` 1.0.0"),
        ("no-index", without("index.json"), "`index.json` is missing"),
        ("index-no-json", replaced("index.json", "<xml/>"), "`index.json` cannot be read"),
        ("index-empty", replaced("index.json", r#"{"manifests":[]}"#), "no manifest"),
        ("missing-blob", without(&format!("blobs/sha256/{hex}")), "is missing"),
        (
            "wrong-digest",
            replaced(&format!("blobs/sha256/{hex}"), &"x".repeat(component().len())),
            "is not what its digest says",
        ),
        ("wrong-size", spoilt(&|layout| layout.manifests[0]["size"] = json!(7)), "is not as long as it is said to be"),
        (
            "other-hash",
            spoilt(&|layout| layout.manifests[0]["digest"] = json!(format!("sha512:{}", "a".repeat(128)))),
            "a digest in it is not",
        ),
        (
            "digest-with-a-path",
            spoilt(&|layout| layout.manifests[0]["digest"] = json!("sha256:../../../../etc/passwd")),
            "a digest in it is not",
        ),
        (
            "digest-in-capitals",
            spoilt(&|layout| {
                let digest = layout.manifests[0]["digest"].as_str().unwrap().to_uppercase().replace("SHA", "sha");
                layout.manifests[0]["digest"] = json!(digest);
            }),
            "a digest in it is not",
        ),
        (
            "two-manifests",
            spoilt(&|layout| {
                layout.manifest(&json!({"schemaVersion": 2, "layers": [], "annotations": {"other": "1"}}));
            }),
            "more than one manifest",
        ),
        ("no-component", layers(&[("text/plain", component())]), "no layer of `application/wasm`"),
        (
            "two-components",
            layers(&[(wasm, component()), (wasm, plugin_of("(component)", &json!({"version": "2.0.0"})))]),
            "more than one layer",
        ),
        ("core-module-inside", layers(&[(wasm, MODULE_HEAD.to_vec())]), "a core module"),
        ("says-another-id", lying(json!({"id": "evil.case"})), "says something else"),
        (
            "says-no-permissions",
            lying(json!({"permissions": {"records": [{"object": "contact", "ops": ["read"]}]}})),
            "says something else",
        ),
        ("says-nothing-readable", lying(json!({"surprise": 1})), "says something else"),
        ("long-signature", spoilt(&|layout| sign(layout, &"x".repeat(2_000))), "a signature of it is none"),
    ];
    let wrong_signatures = [
        (
            "signature-of-another",
            PublisherSecret::from_random([9; 32]).sign(Signed::Package([1; 32])).to_string(),
            "over something else",
        ),
        ("signature-no-text", "ed25519:nonsense".to_owned(), "a signature of it is none"),
    ];
    let wrong_signatures = wrong_signatures.map(|(name, text, detail)| Case {
        code: "signature_invalid".to_owned(),
        media_type: PACKAGE,
        ..Case::invalid(name, spoilt(&|layout| sign(layout, &text)), detail)
    });
    let cases = cases
        .into_iter()
        .chain(unshowable())
        .map(|(name, bytes, detail)| Case { media_type: PACKAGE, ..Case::invalid(name, bytes, detail) });
    cases.chain(wrong_signatures).collect()
}
