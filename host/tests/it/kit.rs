//! The vendor's kit: a plugin from nothing in a folder outside the repository, by the real binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::{Value as Json, json};

use crate::artefacts::build::plugin_of;

/// A folder of this test's own, outside the repository, at the same place in every run: what cargo has compiled for it
/// is found again.
pub fn folder(name: &str) -> PathBuf {
    let tree: String =
        env!("CARGO_TARGET_TMPDIR").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = std::env::temp_dir().join(format!("guildhall-kit{tree}")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn guildhall(words: &[&str], at: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.args(words).current_dir(at);
    command
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("kit"))
        .env("CARGO_NET_OFFLINE", "true");
    command
}

/// What a command prints as JSON, and whether it did what it was asked.
pub fn run(words: &[&str], at: &Path) -> (bool, Json) {
    let done = guildhall(words, at).arg("--json").output().unwrap();
    let told = serde_json::from_slice(&done.stdout);
    (done.status.success(), told.unwrap_or_else(|_| panic!("{words:?}: {}", errors(&done))))
}

pub fn errors(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// Why a command did nothing: as JSON, and in words.
pub fn refused(words: &[&str], at: &Path) -> (String, String) {
    let (ended, told) = run(words, at);
    assert!(!ended, "{words:?}: {told}");
    let text = guildhall(words, at).output().unwrap();
    assert!(!text.status.success());
    (told["error"]["code"].as_str().unwrap_or_default().to_owned(), errors(&text))
}

/// The first plugin of all tests. Its SDK will do for the others: it is the same, and takes the longest.
static FIRST: LazyLock<PathBuf> = LazyLock::new(|| made("first", "before-write"));

/// A new plugin in a folder of its own.
pub fn new(name: &str, kind: &str) -> PathBuf {
    let plugin = made(name, kind);
    let sdk = FIRST.join("vendor/guildhall/sdk/rust");
    change(&plugin.join("Cargo.toml"), "vendor/guildhall/sdk/rust", sdk.to_str().unwrap());
    plugin
}

fn made(name: &str, kind: &str) -> PathBuf {
    let home = folder(name);
    let (ended, told) = run(&["plugin", "new", name, "--publisher", "acme", "--kind", kind], &home);
    assert!(ended && told["id"] == format!("acme.{name}"), "{told}");
    home.join(name)
}

pub fn change(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{}: {from}", file.display());
    std::fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn a_new_plugin_of_each_kind_builds_and_passes_its_scenarios() {
    for kind in ["before-write", "validate", "on-events", "action", "scheduled", "http-route", "view"] {
        let plugin = if kind == "before-write" { FIRST.clone() } else { new(&format!("new-{kind}"), kind) };
        let (passed, report) = run(&["plugin", "test"], &plugin);
        assert!(passed && report["passed"] == true, "{kind}: {report}");
        assert_eq!(report["coverage"], json!({kind: 1}), "{kind}");
    }
}

#[test]
fn a_new_plugin_reads_typed_records() {
    let plugin = new("typed", "validate");
    let source = plugin.join("src/lib.rs");
    change(&source, "use guildhall_sdk::{", "use guildhall_sdk::{TypedRecord, ");
    change(
        &source,
        "fn can_be_reached(contact: &Record) -> bool {\n    [\"email\", \"phone\"].iter().any(|field| contact.text(field).is_some())\n}",
        "#[derive(Record)]\n#[record(object = \"contact\")]\nstruct Contact {\n    email: Option<String>,\n    phone: Option<String>,\n}\n\n\
         fn can_be_reached(contact: &Record) -> bool {\n    \
         Contact::from_record(contact).is_ok_and(|contact| contact.email.is_some() || contact.phone.is_some())\n}",
    );
    let (passed, report) = run(&["plugin", "test"], &plugin);
    assert!(passed && report["passed"] == true, "{report}");
    // What is no type of a field is told with those that are.
    change(&source, "phone: Option<String>", "phone: Option<f64>");
    let (code, text) = refused(&["plugin", "build"], &plugin);
    assert_eq!(code, "build");
    for said in ["a field of a record cannot be a `f64`", "phone: Option<f64>", "use Decimal instead of floats"] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

/// What `cargo xtask languages` installed: the packages of npm, and an environment for Python.
fn installed() -> PathBuf {
    let built = std::env::var_os("GUILDHALL_LANGUAGES_DIR").map(PathBuf::from);
    let built = built.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins-languages"));
    built.with_file_name("languages").canonicalize().expect("run `cargo xtask test`")
}

/// Makes a plugin in another language, and runs its scenarios; with these folders looked through for programs.
fn scenarios_pass_in(language: &str, kind: &str, path: &str, prepare: impl FnOnce(&Path)) {
    let name = format!("new-{language}-{kind}");
    let home = folder(&name);
    let (ended, told) =
        run(&["plugin", "new", &name, "--publisher", "acme", "--kind", kind, "--lang", language], &home);
    assert!(ended, "{told}");
    let plugin = home.join(&name);
    prepare(&plugin);
    let done = guildhall(&["plugin", "test", "--json"], &plugin).env("PATH", path).output().unwrap();
    let report: Json = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", errors(&done)));
    assert!(done.status.success() && report["passed"] == true, "{language} {kind}: {report}");
    assert_eq!(report["coverage"], json!({kind: 1}), "{language} {kind}");
}

#[test]
fn a_new_plugin_in_javascript_passes_its_scenarios() {
    let (packages, path) = (installed().join("node_modules"), std::env::var("PATH").unwrap());
    for kind in ["before-write", "validate", "on-events", "action", "scheduled", "http-route", "view"] {
        scenarios_pass_in("js", kind, &path, |plugin| {
            std::os::unix::fs::symlink(&packages, plugin.join("node_modules")).unwrap();
        });
    }
}

#[test]
fn a_new_plugin_in_python_passes_its_scenarios() {
    // The environment is active where its programs are found first.
    let path = format!("{}:{}", installed().join("venv/bin").display(), std::env::var("PATH").unwrap());
    // One that calls the host, so that most of the SDK is in it: each takes half a minute of a compiler.
    scenarios_pass_in("python", "scheduled", &path, |_| {});
}

#[test]
fn a_plugin_is_built_checked_and_looked_at() {
    let plugin = new("looked-at", "before-write");
    let (ended, built) = run(&["plugin", "build"], &plugin);
    let file = plugin.join("target/guildhall/acme.looked-at.wasm");
    assert!(ended && built["path"] == file.canonicalize().unwrap().to_str().unwrap(), "{built}");
    let bytes = std::fs::read(&file).unwrap();
    let (fits, checked) = run(&["plugin", "check"], &plugin);
    assert!(fits && checked["fits"] == true && checked["problems"] == json!([]), "{checked}");
    // From the same sources come the same bytes.
    assert_eq!(bytes, std::fs::read(&file).unwrap());
    let (_, seen) = run(&["plugin", "inspect", file.to_str().unwrap()], &plugin);
    assert_eq!(seen["built_with"], json!({"language": "rust", "sdk": env!("CARGO_PKG_VERSION"), "api": "1.1"}));
    let exports = seen["exports"].as_array().unwrap();
    assert!(
        exports.iter().any(|export| export.as_str().unwrap().starts_with("guildhall:hooks/before-write@")),
        "{seen}"
    );
    let reason = "Reads and trims the names of contacts.";
    let asks = |name: &str| json!({"name": name, "reason": reason});
    assert_eq!(seen["asks"], json!([asks("records:contact:read:name"), asks("records:contact:update:name")]));
    let largest = seen["largest_functions"].as_array().unwrap();
    assert!(largest.len() == 10 && largest.iter().all(|function| function["name"].is_string()), "{seen}");
    assert!(largest.is_sorted_by_key(|function| std::cmp::Reverse(function["bytes"].as_u64().unwrap())), "{seen}");
}

#[test]
fn what_stands_in_the_way_of_a_new_plugin_is_told() {
    let home = folder("in-the-way");
    std::fs::create_dir(home.join("taken")).unwrap();
    std::fs::write(home.join("taken/notes"), "mine").unwrap();
    let (code, text) = refused(&["plugin", "new", "taken"], &home);
    assert!(code == "refused" && text.contains("taken is there and not empty"), "{text}");
    for wrong in ["Names", "tidy--names", "acme.tidy.names", "1st"] {
        let (code, text) = refused(&["plugin", "new", wrong], &home);
        assert!(code == "refused" && text.contains("is no id of a plugin"), "{wrong}: {text}");
    }
    let left: Vec<_> = home.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["taken"]);
}

#[test]
fn what_keeps_a_plugin_from_being_built_is_told_and_what_was_built_stays() {
    let plugin = new("broken", "action");
    let (ended, built) = run(&["plugin", "build"], &plugin);
    assert!(ended, "{built}");
    let before = std::fs::read(built["path"].as_str().unwrap()).unwrap();
    let manifest = std::fs::read_to_string(plugin.join("plugin.toml")).unwrap();
    let source = std::fs::read_to_string(plugin.join("src/lib.rs")).unwrap();
    let cases = [
        ("plugin.toml", "api = \"1.1\"", "api = \"one\"", "manifest", "plugin.toml:7: `one` is not of the form"),
        ("plugin.toml", "schemas/greet.json", "schemas/none.json", "file", "schemas/none.json: No such file"),
        (
            "plugin.toml",
            "[[actions]]",
            "[hooks]\non-events = { types = [\"contact.created\"] }\n[[actions]]",
            "component",
            "plugin.toml:10 lists on-events, but the plugin does not register it",
        ),
        ("src/lib.rs", "Ok(json!", "Okay(json!", "build", "`cargo build` ended with"),
        ("Cargo.toml", "crate-type = [\"cdylib\", \"rlib\"]", "crate-type = [\"rlib\"]", "build", "`crate-type = "),
    ];
    let cargo = std::fs::read_to_string(plugin.join("Cargo.toml")).unwrap();
    for (file, from, to, code, said) in cases {
        change(&plugin.join(file), from, to);
        let (found, text) = refused(&["plugin", "build"], &plugin);
        assert!(found == code && text.contains(said), "{file}: {found}: {text}");
        for (file, text) in [("plugin.toml", &manifest), ("src/lib.rs", &source), ("Cargo.toml", &cargo)] {
            std::fs::write(plugin.join(file), text).unwrap();
        }
    }
    let left: Vec<_> =
        plugin.join("target/guildhall").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["acme.broken.wasm"]);
    assert_eq!(std::fs::read(built["path"].as_str().unwrap()).unwrap(), before);
}

#[test]
fn every_problem_of_a_component_is_named() {
    let home = folder("problems");
    let wrong = json!({
        "version": "one", "limits": {"memory_mb": 1000}, "hooks": {"scheduled": [{"name": "a", "cron": "0 6 * * *"}]},
    });
    std::fs::write(home.join("wrong.wasm"), plugin_of("(component)", &wrong)).unwrap();
    let (fits, checked) = run(&["plugin", "check", "wrong.wasm"], &home);
    let named: Vec<&str> =
        checked["problems"].as_array().unwrap().iter().map(|problem| problem["name"].as_str().unwrap()).collect();
    assert!(!fits && checked["fits"] == false);
    assert_eq!(named, ["manifest", "manifest", "hook"], "{checked}");
    for (patch, name) in [(json!({"api": "9.0"}), "api"), (json!({"config": {"schema": {"type": 1}}}), "settings")] {
        std::fs::write(home.join("wrong.wasm"), plugin_of("(component)", &patch)).unwrap();
        let (fits, checked) = run(&["plugin", "check", "wrong.wasm"], &home);
        assert!(!fits && checked["problems"][0]["name"] == name, "{checked}");
    }
    std::fs::write(home.join("wrong.wasm"), "no plugin").unwrap();
    let (_, checked) = run(&["plugin", "check", "wrong.wasm"], &home);
    assert_eq!((&checked["problems"][0]["name"], &checked["id"]), (&json!("file"), &Json::Null));
    let text = guildhall(&["plugin", "check", "wrong.wasm"], &home).output().unwrap();
    assert!(!text.status.success() && String::from_utf8_lossy(&text.stdout).starts_with("file: not a WebAssembly"));
}

#[test]
fn a_scenario_that_comes_out_otherwise_is_told_and_can_be_blessed() {
    let plugin = new("otherwise", "before-write");
    let expected = plugin.join("scenarios/trims.expect.json");
    let read = || serde_json::from_slice::<Json>(&std::fs::read(&expected).unwrap()).unwrap();
    // What comes with a new plugin says nothing of instructions: they are those of one compiler.
    assert_eq!(read()["instructions"], Json::Null);
    let count = |report: &Json| report["scenarios"][0]["got"]["instructions"].as_u64().unwrap();
    let (passed, first) = run(&["plugin", "test", "--bless"], &plugin);
    assert!(passed && count(&first) > 1_000, "{first}");
    let (_, second) = run(&["plugin", "test"], &plugin);
    assert_eq!((count(&second), read()["instructions"].as_u64()), (count(&first), Some(count(&first))));
    // What says the same is not written again: who watches would run for ever.
    let written = || std::fs::metadata(&expected).unwrap().modified().unwrap();
    let before = written();
    assert!(run(&["plugin", "test", "--bless"], &plugin).0 && written() == before);
    // A call that takes more than it may.
    let cheaper = count(&first) * 100 / 106;
    change(&expected, &count(&first).to_string(), &cheaper.to_string());
    let (passed, report) = run(&["plugin", "test"], &plugin);
    let told = report["scenarios"][0]["differences"].to_string();
    assert!(!passed && told.contains(&format!("expected {cheaper}, got {}", count(&first))), "{told}");
    change(&plugin.join("scenarios/trims.toml"), "point =", "tolerance_percent = 10\npoint =");
    assert!(run(&["plugin", "test"], &plugin).0);
    // Another outcome.
    change(&plugin.join("src/lib.rs"), "name.trim()", "name.trim_start()");
    let (passed, report) = run(&["plugin", "test"], &plugin);
    let told = report["scenarios"][0]["differences"].to_string();
    assert!(!passed && told.contains(r#"result.answered[0].amend.name: expected \"Ann\", got \"Ann \""#), "{told}");
    let text = guildhall(&["plugin", "test"], &plugin).output().unwrap();
    assert!(!text.status.success() && String::from_utf8_lossy(&text.stdout).contains("trims: NOT AS EXPECTED"));
    assert!(run(&["plugin", "test", "--bless"], &plugin).0 && run(&["plugin", "test"], &plugin).0);
    // What is answered by nobody cannot be blessed.
    change(
        &plugin.join("scenarios/trims.toml"),
        "tolerance",
        "answers = [{ call = { call = \"config\" }, answer = {} }]\ntolerance",
    );
    let (passed, report) = run(&["plugin", "test", "--bless"], &plugin);
    assert!(!passed && report["scenarios"][0]["differences"].to_string().contains("was never asked for"), "{report}");
}

#[test]
fn a_scenario_refuses_what_a_host_refuses() {
    let plugin = new("refused", "scheduled");
    // What it may not read it may not ask about either.
    change(&plugin.join("plugin.toml"), r#"["status", "due_at"]"#, r#"["status"]"#);
    let (_, report) = run(&["plugin", "test"], &plugin);
    let refused = &report["scenarios"][0]["got"]["result"]["refused"];
    assert_eq!(refused["code"], "permission_denied", "{report}");
    assert!(refused["message"].as_str().unwrap().contains("may not ask about `task.due_at`"), "{refused}");
    // Nor set, by what its hook answers, what it may not write.
    let plugin = new("refused-hook", "before-write");
    change(&plugin.join("plugin.toml"), r#"ops = ["read", "update"]"#, r#"ops = ["read"]"#);
    let (passed, report) = run(&["plugin", "test"], &plugin);
    let told = report["scenarios"][0]["differences"].to_string();
    assert!(!passed && told.contains("permission_denied: the plugin may not set `contact.name`"), "{told}");
}

#[test]
fn plugins_of_other_languages_are_completed_by_the_kit() {
    let home = folder("script");
    let manifest = "schema = 1\nid = \"acme.script\"\nnamespace = \"script\"\nname = \"Script\"\n\
                    description = \"Does nothing.\"\nversion = \"0.1.0\"\napi = \"1.0\"\n";
    std::fs::write(home.join("plugin.toml"), manifest).unwrap();
    let (code, text) = refused(&["plugin", "build"], &home);
    assert!(code == "missing" && text.contains("has none of Cargo.toml, package.json, pyproject.toml"), "{text}");
    std::fs::write(home.join("package.json"), "{}").unwrap();
    let (code, text) = refused(&["plugin", "build"], &home);
    assert!(code == "missing" && text.contains("run `npm install` in the folder"), "{text}");
    let sdk = home.join("node_modules/@guildhall/sdk");
    std::fs::create_dir_all(sdk.join("bin")).unwrap();
    std::fs::write(sdk.join("package.json"), r#"{"version": "0.3.1"}"#).unwrap();
    std::fs::write(sdk.join("bin/componentize.mjs"), "").unwrap();
    // In place of node: a program that leaves the component where it is told to.
    std::fs::write(home.join("component"), wat::parse_str("(component)").unwrap()).unwrap();
    let node = home.join("programs/node");
    std::fs::create_dir(home.join("programs")).unwrap();
    std::fs::write(&node, "#!/bin/sh\n[ \"$1\" = node_modules/@guildhall/sdk/bin/componentize.mjs ] && [ \"$2\" = --out ] && cp component \"$3\"\n").unwrap();
    std::fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let with_node = |words: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", home.join("programs").display());
        let done = guildhall(words, &home).env("PATH", path).arg("--json").output().unwrap();
        (done.status.success(), serde_json::from_slice::<Json>(&done.stdout).unwrap())
    };
    let (ended, built) = with_node(&["plugin", "build"]);
    assert!(ended && built["language"] == "javascript", "{built}");
    let (_, seen) = run(&["plugin", "inspect", built["path"].as_str().unwrap()], &home);
    assert_eq!((&seen["id"], &seen["built_with"]["sdk"]), (&json!("acme.script"), &json!("0.3.1")));
    assert_eq!(seen["built_with"]["language"], "javascript");
    // What the SDK made is held against the manifest.
    std::fs::write(
        home.join("component"),
        wat::parse_str(r#"(component (import "wasi:cli/run@0.2.0" (instance)))"#).unwrap(),
    )
    .unwrap();
    let (ended, told) = with_node(&["plugin", "build"]);
    assert!(!ended && told["error"]["message"].as_str().unwrap().contains("imports wasi:cli/run@0.2.0"), "{told}");
    std::fs::write(&node, "#!/bin/sh\nexit 3\n").unwrap();
    let (ended, told) = with_node(&["plugin", "build"]);
    assert!(!ended && told["error"]["code"] == "build", "{told}");
    std::fs::write(home.join("pyproject.toml"), "").unwrap();
    let (code, text) = refused(&["plugin", "build"], &home);
    assert!(code == "build" && text.contains("both package.json and pyproject.toml"), "{text}");
}

#[test]
fn shells_and_readers_are_told_of_the_commands() {
    let home = folder("help");
    for shell in ["bash", "zsh", "fish"] {
        let done = guildhall(&["completions", shell], &home).output().unwrap();
        assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("before-write"), "{shell}");
    }
    let done = guildhall(&["man", "pages"], &home).output().unwrap();
    assert!(done.status.success(), "{}", errors(&done));
    let page = std::fs::read_to_string(home.join("pages/guildhall-plugin-test.1")).unwrap();
    assert!(page.contains("bless"), "{page}");
}
