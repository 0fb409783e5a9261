//! Installing plugins over HTTP, and where they are compiled.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::future::join_all;
use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use serde_json::json;
use tokio::process::Command;

use crate::artefacts::build::plugin_of;
use crate::artefacts::{COMPONENT, installed};
use crate::permissions::user;
use crate::support::{Actor, On, Reply, TestApp, plugin, settings};

both!(
    the_operator_installs_and_members_see
    older_versions_wait_for_a_word
    what_was_revoked_does_not_come_back
    one_version_has_one_content
    compiled_plugins_come_from_the_cache
    a_cache_that_cannot_be_written_to_is_done_without
    a_broken_compiler_is_the_hosts_fault
    a_compiler_that_dies_says_something_of_the_component
    what_takes_too_long_is_compiled_with_less_effort
);

const LOYALTY: &str = "guildhall.retail-loyalty";
const PATH: &str = "/api/v1/plugins";

async fn install(operator: &Actor, patch: serde_json::Value) -> Reply {
    operator.post_bytes(PATH, COMPONENT, plugin_of("(component)", &patch)).await
}

async fn the_operator_installs_and_members_see(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    let bytes = plugin(LOYALTY);
    test.anon.post_bytes(PATH, COMPONENT, "any").await.problem(401, "unauthenticated");
    for actor in [&test.ann, &test.vic, &test.sam] {
        actor.post_bytes(PATH, COMPONENT, "any").await.problem(403, "permission_denied");
    }
    assert_eq!(installed(&operator).await, json!([]));
    let made = operator.post_bytes(PATH, COMPONENT, bytes.clone()).await.assert(201);
    assert_eq!(made.header("location"), format!("{PATH}/{LOYALTY}"));
    let made = made.json();
    assert!(made["changes"].to_string().contains("+ table o_loyalty__member"), "{made}");
    assert_eq!((&made["state"], &made["size"]), (&json!("available"), &json!(bytes.len())));
    assert_eq!((&made["signature"]["state"], &made["package_digest"]), (&json!("unsigned"), &json!(null)));
    let capabilities = &made["capabilities"];
    assert!(capabilities["imports"].to_string().contains("guildhall:data/records@1."), "{capabilities}");
    let mut objects: Vec<&str> =
        ["loyalty.entry", "loyalty.member"].into_iter().chain(crate::loyalty::MODULES_OWN).collect();
    objects.sort_unstable();
    assert_eq!(capabilities["objects"], json!(objects));
    assert_eq!(capabilities["permissions"]["records"][0]["object"], "order");
    // What a form for its settings needs, and what it does when it is asked to, is there for whoever enables it.
    let seen = &test.ann.get(&format!("{PATH}/{LOYALTY}")).await.assert(200).json()["versions"][0]["capabilities"];
    assert_eq!(seen["settings"]["type"], "object", "{seen}");
    assert!(seen["settings"]["properties"].as_object().is_some_and(|properties| !properties.is_empty()), "{seen}");
    assert_eq!((&seen["namespace"], &seen["api"]), (&json!("loyalty"), &json!("1.1")));
    assert!(seen["actions"].as_array().unwrap().iter().any(|action| action["input"]["type"] == "object"), "{seen}");
    assert!(seen["views"].as_array().unwrap().iter().all(|view| view["title"].is_string()), "{seen}");
    assert_eq!((&seen["requires"], &seen["channel"]), (&json!([]), &json!(null)));
    // The same again is nothing new.
    let mut again = operator.post_bytes(PATH, COMPONENT, bytes).await.assert(200).json();
    assert_eq!(again["changes"], json!([]));
    again["changes"] = made["changes"].clone();
    assert_eq!(again, made);
    // Everybody who may see modules sees it, and nothing else of the operator's.
    for actor in [&operator, &test.ann, &test.vic, &test.sam] {
        let listed = actor.get(PATH).await.assert(200).json();
        assert_eq!(listed["data"][0]["versions"][0]["digest"], made["digest"]);
        assert_eq!(actor.get(&format!("{PATH}/{LOYALTY}")).await.assert(200).json(), listed["data"][0]);
        actor.get(&format!("{PATH}/no.such")).await.problem(404, "not_found");
    }
    let rules = json!([{"objects": ["contact"], "actions": ["read"]}]);
    test.ann.post("/api/v1/roles", &json!({"name": "few", "label": "F", "rules": rules})).await.assert(201);
    let nia = user(&test.ann, "nia", json!(["few"])).await.at;
    nia.get(PATH).await.problem(403, "permission_denied");
    nia.get(&format!("{PATH}/{LOYALTY}")).await.problem(403, "permission_denied");
    test.anon.get(PATH).await.problem(401, "unauthenticated");
    test.anon.with_key("gho_wrong").get(PATH).await.problem(401, "unauthenticated");
    test.sam.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
}

async fn older_versions_wait_for_a_word(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    install(&operator, json!({"version": "1.10.0"})).await.assert(201);
    // By number, not by letter; and what is not final is older than what is.
    for older in ["1.9.0", "0.99.0", "1.10.0-rc.1"] {
        let problem = install(&operator, json!({"version": older})).await.problem(409, "refused");
        assert!(problem["detail"].as_str().unwrap().contains("allow_downgrade"), "{problem}");
    }
    let older = plugin_of("(component)", &json!({"version": "1.9.0"}));
    for (query, status, code) in [
        ("allow_downgrade=maybe", 400, "invalid_parameter"),
        ("allow_downgrade=false", 409, "refused"),
        ("allow_downgrade=true&allow_downgrade=true", 400, "invalid_parameter"),
        ("allow_down_grade=true", 400, "unknown_parameter"),
    ] {
        let reply = operator.post_bytes(&format!("{PATH}?{query}"), COMPONENT, older.clone()).await;
        reply.problem(status, code);
    }
    assert_eq!(installed(&operator).await[0]["versions"].as_array().unwrap().len(), 1);
    operator.post_bytes(&format!("{PATH}?allow_downgrade=true"), COMPONENT, older.clone()).await.assert(201);
    // Now that it is there, sending it again is no step back.
    operator.post_bytes(PATH, COMPONENT, older).await.assert(200);
    install(&operator, json!({"version": "1.11.0"})).await.assert(201);
}

async fn what_was_revoked_does_not_come_back(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    install(&operator, json!({})).await.assert(201);
    let revoke = format!("{PATH}/test.case/versions/1.0.0/revoke");
    operator.post(&revoke, &json!({"reason": "it is evil"})).await.assert(204);
    let problem = install(&operator, json!({})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("was revoked"), "{problem}");
    assert_eq!(installed(&operator).await[0]["versions"][0]["state"], "revoked");
    install(&operator, json!({"version": "1.0.1"})).await.assert(201);
}

async fn one_version_has_one_content(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    let replies = join_all((0..4).map(|n| install(&operator, json!({"name": format!("Case {n}")})))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.status == 409).count();
    assert_eq!((made, refused), (1, 3), "{replies:?}");
    let same = join_all((0..4).map(|_| install(&operator, json!({"version": "2.0.0"})))).await;
    assert!(same.iter().all(|reply| reply.status.is_success()), "{same:?}");
    assert_eq!(installed(&operator).await[0]["versions"].as_array().unwrap().len(), 2);
    let other = json!({"id": "evil.case", "version": "9.0.0"});
    let problem = install(&operator, other).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("belongs to test.case"), "{problem}");
}

/// A program that notes that it was called, and then does what it does.
struct Noting {
    directory: tempfile::TempDir,
}

impl Noting {
    fn new(then: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("compiler");
        let log = directory.path().join("log");
        let script = format!("#!/bin/sh\nulimit -c 0\necho called >> {}\n{then}\n", log.display());
        // Written by another process: a file that this one has open for writing, a fork of it maybe for longer, is busy.
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 700 \"$0\""]).arg(&program).arg(script);
        assert!(shell.status().unwrap().success());
        Self { directory }
    }

    fn compiling() -> Self {
        Self::new(&format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_guildhall")))
    }

    fn settings(&self) -> Settings {
        let mut settings = settings();
        settings.plugins.compiler = Some(self.directory.path().join("compiler"));
        settings.plugins.cache = Some(self.cache());
        settings.plugins.cache_key = None;
        settings
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn files(&self) -> Vec<PathBuf> {
        self.cache().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// How often it was called.
    fn calls(&self) -> usize {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default().lines().count()
    }
}

/// Whether the module of a host that was started anew does its work.
async fn works(test: &TestApp, settings: Settings) {
    let app = guildhall::app::App::open_with(&test.database, Clock::system(), settings).await.unwrap();
    let ann = test.ann.at(&TestApp::listen(&app).await);
    let before = ann.all("loyalty.entry", &[]).await.len();
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let total = json!({"amount": "10.00", "currency": "EUR"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    assert_eq!(ann.all("loyalty.entry", &[]).await.len(), before + 1);
}

async fn compiled_plugins_come_from_the_cache(on: On) {
    let noting = Noting::compiling();
    let test = TestApp::start_with(on, Clock::system(), noting.settings()).await;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    test.ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    assert_eq!((noting.calls(), noting.files().len()), (1, 1));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let kept = noting.files().remove(0);
    assert_eq!((mode(&noting.cache()), mode(&kept)), (0o700, 0o600));
    works(&test, noting.settings()).await;
    assert_eq!(noting.calls(), 1);
    // Damaged, cut off, of another host, gone: it is compiled again, and kept.
    let whole = std::fs::read(&kept).unwrap();
    let mut damaged = whole.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    for (at, bytes) in [&damaged[..], &whole[..whole.len() / 2], &[], b"\x7fELF"].into_iter().enumerate() {
        std::fs::write(&kept, bytes).unwrap();
        works(&test, noting.settings()).await;
        assert_eq!(noting.calls(), 2 + at);
        works(&test, noting.settings()).await;
        assert_eq!(noting.calls(), 2 + at);
    }
    std::fs::remove_file(&kept).unwrap();
    works(&test, noting.settings()).await;
    let other = TestApp::start_with(on, Clock::system(), noting.settings()).await;
    other.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    assert_eq!(noting.calls(), 7);
}

async fn a_cache_that_cannot_be_written_to_is_done_without(on: On) {
    let noting = Noting::compiling();
    let test = TestApp::start_with(on, Clock::system(), noting.settings()).await;
    std::fs::remove_dir(noting.cache()).unwrap();
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    // One that others can write to is no place for what is run.
    std::fs::create_dir(noting.cache()).unwrap();
    std::fs::set_permissions(noting.cache(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let refused = guildhall::app::App::open_with(&test.database, Clock::system(), noting.settings()).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("others can write to it"), "{refused}");
}

async fn a_broken_compiler_is_the_hosts_fault(on: On) {
    for then in ["exit 1", "echo nonsense", "printf '\\001'", "exec /no/such/program"] {
        let noting = Noting::new(then);
        let test = TestApp::start_with(on, Clock::system(), noting.settings()).await;
        let operator = test.operator().await;
        let reply = install(&operator, json!({})).await;
        assert!(!reply.text.contains("compiler"), "{}", reply.text);
        reply.problem(500, "host_fault");
        assert_eq!(installed(&operator).await, json!([]), "{then}");
        assert!(noting.files().is_empty());
        test.sam.create("contact", json!({"name": "Sam"})).await;
    }
    let mut settings = settings();
    settings.plugins.compiler = Some("/no/such/program".into());
    settings.plugins.cache = None;
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    let reply = install(&test.operator().await, json!({"version": "77.0.0"})).await;
    assert!(!reply.text.contains("/no/such"), "{}", reply.text);
    reply.problem(500, "host_fault");
}

async fn a_compiler_that_dies_says_something_of_the_component(on: On) {
    for (signal, said, calls) in [
        ("ABRT", "more memory than it may", 1),
        ("SEGV", "does not survive", 1),
        ("XCPU", "takes more than 30 s", 2),
        ("KILL", "takes more than 30 s", 2),
    ] {
        let noting = Noting::new(&format!("kill -{signal} $$"));
        let test = TestApp::start_with(on, Clock::system(), noting.settings()).await;
        let operator = test.operator().await;
        let problem = install(&operator, json!({})).await.problem(422, "invalid_component");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{signal}: {problem}");
        assert_eq!(noting.calls(), calls, "{signal}");
        assert_eq!(installed(&operator).await, json!([]));
    }
}

async fn what_takes_too_long_is_compiled_with_less_effort(on: On) {
    let noting =
        Noting::new(&format!("[ \"$3\" = full ] && kill -XCPU $$; exec {} \"$@\"", env!("CARGO_BIN_EXE_guildhall")));
    let test = TestApp::start_with(on, Clock::system(), noting.settings()).await;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    test.ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    assert_eq!(noting.calls(), 2);
    // It runs in the same engine, and is kept like any other.
    works(&test, noting.settings()).await;
    assert_eq!(noting.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compiler_has_little() {
    // It gets nothing of the host's surroundings.
    let noting = Noting::new("env > \"$(dirname \"$0\")/env\"");
    let test = TestApp::start_with(On::Sqlite, Clock::system(), noting.settings()).await;
    install(&test.operator().await, json!({})).await.problem(500, "host_fault");
    let seen = std::fs::read_to_string(noting.directory.path().join("env")).unwrap();
    for line in seen.lines().filter(|line| line.contains('=')) {
        assert!(["PWD=/", "OLDPWD=", "SHLVL=", "_="].iter().any(|known| line.starts_with(known)), "{line}");
    }
    // And what it takes from itself, before it has read a byte.
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.args(["compile-plugin", "30", "full"]).stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let child = command.spawn().unwrap();
    let path = format!("/proc/{}/limits", child.id().unwrap());
    let limits = loop {
        let limits = std::fs::read_to_string(&path).unwrap();
        let line = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        // The last one that is set.
        if line("Max file size").split_whitespace().nth(3) == Some("0") {
            break limits;
        }
        tokio::task::yield_now().await;
    };
    for (name, soft, hard) in [
        ("Max cpu time", "30", "31"),
        ("Max address space", "2147483648", "2147483648"),
        ("Max core file size", "0", "0"),
        ("Max open files", "16", "16"),
        ("Max file size", "0", "0"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let mut words = line.split_whitespace();
        assert_eq!((words.next(), words.next()), (Some(soft), Some(hard)), "{name}: {limits}");
    }
}
