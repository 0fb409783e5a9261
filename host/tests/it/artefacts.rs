//! The corpus of hostile artefacts: each is refused with its code, nothing of it is kept, and the host goes on.
//!
//! A scenario is a file of `tests/fixtures/artefacts`: a component as text whose first line says what is expected, with
//! the manifest's differences beside it; or differences of a manifest alone. What no text can say is made by a function
//! of `generated` or `packages`.

pub mod build;
mod generated;
pub mod packages;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, settings};
use build::plugin_of;

both!(
    what_is_no_component_is_refused
    what_is_too_much_is_refused
    unfinished_webassembly_is_refused
    components_that_do_not_fit_are_refused
    manifests_that_lie_are_refused
    packages_with_tricks_are_refused
    a_component_that_ends_early_is_refused
    what_takes_too_long_to_compile_is_refused
    what_takes_too_much_memory_to_compile_is_refused
    good_ones_are_installed
);

/// The media types of uploads.
pub const COMPONENT: &str = "application/wasm";
pub const PACKAGE: &str = "application/vnd.oci.image.layout.v1+tar";
/// Paths of this machine, of which no answer says anything.
const HOST_PATHS: [&str; 5] = [env!("CARGO_MANIFEST_DIR"), "/root", "/tmp", "target/debug", ".rs:"];

/// Something that is sent, and what has to come of it.
pub struct Case {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    pub status: u16,
    pub code: String,
    /// What the answer says of it, among other words.
    pub detail: String,
}

impl Case {
    /// A component that cannot be used.
    pub fn invalid(name: &str, bytes: Vec<u8>, detail: &str) -> Self {
        let (name, detail) = (name.to_owned(), detail.to_owned());
        Self { name, media_type: COMPONENT, bytes, status: 422, code: "invalid_component".to_owned(), detail }
    }
}

/// Sends all of them, and looks after each whether anything came of it.
async fn refused(test: &TestApp, cases: Vec<Case>, least: usize) {
    assert!(cases.len() >= least, "{}", cases.len());
    let operator = test.operator().await;
    let before = operator.get("/api/v1/plugins").await.assert(200).json();
    for Case { name, media_type, bytes, status, code, detail } in cases {
        let reply = operator.post_bytes("/api/v1/plugins", media_type, bytes).await;
        assert_eq!(reply.status.as_u16(), status, "{name}: {}", reply.text);
        for path in HOST_PATHS {
            assert!(!reply.text.contains(path), "{name}: {}", reply.text);
        }
        let problem = reply.problem(status, &code);
        assert!(problem["detail"].as_str().unwrap().contains(&detail), "{name}: {problem}");
        assert_eq!(operator.get("/api/v1/plugins").await.assert(200).json(), before, "{name}");
        test.sam.create("contact", json!({"name": name})).await;
    }
}

async fn what_is_no_component_is_refused(on: On) {
    let test = TestApp::start(on).await;
    refused(&test, generated::strange_files().await, 20).await;
    let operator = test.operator().await;
    for media_type in ["application/octet-stream", "application/json", "application/zip", "text/html"] {
        let reply = operator.post_bytes("/api/v1/plugins", media_type, plugin_of("(component)", &json!({}))).await;
        reply.problem(415, "unsupported_media_type");
    }
}

async fn what_is_too_much_is_refused(on: On) {
    let test = TestApp::start(on).await;
    refused(&test, generated::too_much(), 20).await;
    let large = test.operator().await.post_bytes("/api/v1/plugins", COMPONENT, vec![0; (28 << 20) + 1]).await;
    large.problem(413, "payload_too_large");
}

async fn unfinished_webassembly_is_refused(on: On) {
    refused(&TestApp::start(on).await, texts("proposals"), 30).await;
}

async fn components_that_do_not_fit_are_refused(on: On) {
    refused(&TestApp::start(on).await, texts("components"), 35).await;
}

async fn manifests_that_lie_are_refused(on: On) {
    let mut cases = generated::manifests();
    for path in files("manifests", "json") {
        let case: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let (code, detail) = case["expect"].as_str().unwrap().split_once(": ").unwrap();
        let bytes = plugin_of("(component)", &case["patch"]);
        cases.push(Case { code: code.to_owned(), ..Case::invalid(&name(&path), bytes, detail) });
    }
    refused(&TestApp::start(on).await, cases, 55).await;
}

async fn packages_with_tricks_are_refused(on: On) {
    refused(&TestApp::start(on).await, packages::tricks(), 30).await;
}

async fn a_component_that_ends_early_is_refused(on: On) {
    refused(&TestApp::start(on).await, generated::truncated(), 40).await;
}

async fn what_takes_too_long_to_compile_is_refused(on: On) {
    let mut settings = settings();
    settings.plugins.compile_time = Some(Duration::from_secs(1));
    let test = TestApp::start_with(on, guildhall::domain::clock::Clock::system(), settings).await;
    refused(&test, generated::compile_bombs(), 1).await;
    let operator = test.operator().await;
    // Many blocks take long only for a compiler that does its best: with less effort, they are done.
    operator.post_bytes("/api/v1/plugins", COMPONENT, generated::blocks(50_000)).await.assert(201);
    // The host has a core for others meanwhile, and compiles what is harmless under the same limit.
    let harmless = plugin_of("(component)", &json!({"version": "1.0.1"}));
    operator.post_bytes("/api/v1/plugins", COMPONENT, harmless).await.assert(201);
}

async fn what_takes_too_much_memory_to_compile_is_refused(on: On) {
    let test = TestApp::start(on).await;
    refused(&test, generated::memory_bombs(), 1).await;
    let operator = test.operator().await;
    let harmless = operator.post_bytes("/api/v1/plugins", COMPONENT, plugin_of("(component)", &json!({}))).await;
    harmless.assert(201);
}

async fn good_ones_are_installed(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    // Without it, the refusals above could all have another reason.
    let component = plugin_of("(component)", &json!({}));
    let made = operator.post_bytes("/api/v1/plugins", COMPONENT, component.clone()).await.assert(201);
    assert_eq!(made.header("location"), "/api/v1/plugins/test.case");
    for (version, package) in [("1.0.1", packages::good("1.0.1")), ("1.0.2", packages::signed("1.0.2"))] {
        let made = operator.post_bytes("/api/v1/plugins", PACKAGE, package).await.assert(201).json();
        assert_eq!(made["version"], version);
    }
    // With the grant, an import that was refused without it is fine; so is an older version of an interface.
    let text = "(component (import \"guildhall:data/records@1.0.0\" (instance)))";
    let patch = json!({"version": "1.1.0", "permissions": {"records": [{"object": "contact", "ops": ["read"]}]}});
    operator.post_bytes("/api/v1/plugins", COMPONENT, plugin_of(text, &patch)).await.assert(201);
    let listed = operator.get("/api/v1/plugins/test.case").await.assert(200).json();
    let versions: Vec<&Json> = listed["versions"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert_eq!(versions, ["1.0.0", "1.0.1", "1.0.2", "1.1.0"]);
    assert_eq!(listed["versions"][3]["capabilities"]["imports"], json!(["guildhall:data/records@1.0.0"]));
}

/// The scenarios of a folder that are components as text.
fn texts(folder: &str) -> Vec<Case> {
    let case = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix(";; ").unwrap();
        let (code, detail) = expected.split_once(':').unwrap();
        let patch = std::fs::read(path.with_extension("json"));
        let patch = patch.map_or_else(|_| json!({}), |bytes| serde_json::from_slice(&bytes).unwrap());
        let bytes = plugin_of(&text, &patch);
        Case { code: code.to_owned(), ..Case::invalid(&name(&path), bytes, detail.trim()) }
    };
    files(folder, "wat").into_iter().map(case).collect()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/artefacts").join(folder);
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Everything that is installed, as the operator sees it.
pub async fn installed(operator: &Actor) -> Json {
    operator.get("/api/v1/plugins").await.assert(200).json()["data"].clone()
}
