//! The corpus of abuse: plugins that come well through every check, and misbehave when they are called.
//!
//! A scenario is a folder of `tests/fixtures/abuse`. Its `expect.json` says where the plugin is called (`point`), what
//! the plugin `test.abuser` does there (`do`), which `code` follows, and how much CPU time it may have cost by the
//! host's own account (`within_ms`). A core module beside it, `case.wat`, does what no plugin in Rust can: it is called
//! as an action, in the component `frame.wat`.
//! After each nothing is stored, the module works, and another tenant's write went through the hook of the same plugin
//! in the same moment.

use std::path::Path;
use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::artefacts::build::plugin_of;
use crate::support::{Actor, On, Reply, TestApp, plugin, settings};

both!(
    hooks_that_misbehave_are_ended
    answers_to_requests_that_misbehave_are_ended
    work_behind_that_misbehaves_is_ended
    modules_that_misbehave_when_they_are_enabled_are_not
    webassembly_that_misbehaves_is_ended
);

const ABUSER: &str = "test.abuser";
const MODULE: &str = "/api/v1/modules/test.abuser";
const THING: &str = "/api/v1/records/abuser.thing";
/// Most memory that any of them may have had.
const MEMORY: u64 = 64 << 20;

/// A scenario.
struct Case {
    name: String,
    expected: Json,
    wat: Option<String>,
}

impl Case {
    fn text(&self, name: &str) -> &str {
        self.expected[name].as_str().unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }
}

/// The scenarios in WebAssembly, or those of these extension points.
fn cases(are_wasm: bool, points: &[&str], least: usize) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/abuse");
    let folders = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let case = |path: std::path::PathBuf| Case {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        expected: serde_json::from_slice(&std::fs::read(path.join("expect.json")).unwrap()).unwrap(),
        wat: std::fs::read_to_string(path.join("case.wat")).ok(),
    };
    let mut cases: Vec<Case> = folders.map(case).collect();
    cases.retain(|case| case.wat.is_some() == are_wasm && points.contains(&case.text("point")));
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() >= least, "{} of {least}", cases.len());
    cases
}

/// A host on which both tenants have the plugin: the first misbehaves, the second has its hook amend what is written.
struct Scene {
    test: TestApp,
    clock: Clock,
    /// How many things the first tenant has.
    things: usize,
}

impl Scene {
    async fn start(on: On) -> Self {
        let clock = Clock::manual(Timestamp::parse("2026-11-26T10:30:00Z").unwrap());
        let test = TestApp::start_with(on, clock.clone(), settings()).await;
        test.app.install_plugin(&plugin(ABUSER)).await.unwrap();
        for (actor, command) in [(&test.ann, ""), (&test.sam, "before-write:amend")] {
            let body = json!({"consent": ["*"], "config": {"do": command}});
            actor.put(MODULE, &body).await.assert(200);
        }
        Self { test, clock, things: 0 }
    }

    /// Has the first tenant's module do this from now on. It also begins anew: nothing counts of how often it failed.
    async fn set(&self, command: &str) {
        self.test.ann.put(MODULE, &json!({"config": {"do": command}})).await.assert(200);
    }

    async fn play(&mut self, case: &Case) {
        // The newest failure is the one that happened last, not one of the same moment.
        self.clock.advance(Duration::from_secs(1));
        let (point, name) = (case.text("point"), &case.name);
        let command = format!("{point}:{}", case.text("do"));
        if point == "lifecycle" {
            self.test.ann.put(MODULE, &json!({"enabled": false})).await.assert(200);
        } else {
            self.set(&command).await;
        }
        let before = usage(&self.test.ann, MODULE).await;
        let failed_before = failure(&self.test.ann, MODULE).await;
        let (reply, calm) = tokio::join!(self.call(point, &command, &failed_before), amended(&self.test.sam));
        assert_eq!(calm, json!("ANN"), "{name}");
        if let Some(reply) = reply {
            let problem = reply.problem(422, case.text("code"));
            assert_eq!(problem["plugin"], ABUSER, "{name}");
        }
        check_account(&self.test.ann, MODULE, case, &before, &failed_before).await;
        self.find_nothing(case).await;
    }

    /// Has the module called there. What is called behind a request has no reply.
    async fn call(&self, point: &str, command: &str, failed_before: &Json) -> Option<Reply> {
        let ann = &self.test.ann;
        let nothing = json!({});
        match point {
            "before-write" | "validate" | "computed-field" => Some(ann.post(THING, &json!({"name": "ann"})).await),
            "action" => Some(ann.post(&format!("{MODULE}/actions/run"), &nothing).await),
            "view" => Some(ann.get(&format!("{MODULE}/views/page")).await),
            "http-route" => Some(ann.post("/api/v1/x/test.abuser/do", &nothing).await),
            "lifecycle" => Some(ann.put(MODULE, &json!({"enabled": true, "config": {"do": command}})).await),
            "job" => {
                ann.post(&format!("{MODULE}/actions/enqueue"), &nothing).await.assert(200);
                self.test.app.run_due_jobs().await.unwrap();
                None
            }
            "scheduled" => {
                self.clock.advance(Duration::from_hours(1));
                self.test.app.queue_due_tasks().await.unwrap();
                self.test.app.run_due_jobs().await.unwrap();
                None
            }
            "on-events" => {
                ann.post(THING, &json!({"name": "ann"})).await.assert(201);
                // What is open elsewhere in a server of databases holds events back for a moment.
                while failure(ann, MODULE).await == *failed_before {
                    self.test.app.feed_due().await.unwrap();
                }
                None
            }
            other => panic!("nothing calls {other}"),
        }
    }

    /// Nothing of the call is there, and the module works.
    async fn find_nothing(&mut self, case: &Case) {
        let (ann, name) = (&self.test.ann, &case.name);
        match case.text("point") {
            "lifecycle" => {
                let modules = ann.get("/api/v1/modules").await.assert(200).json();
                assert_eq!(modules["data"][0]["enabled"], false, "{name}");
                ann.put(MODULE, &json!({"enabled": true, "config": {"do": ""}})).await.assert(200);
            }
            "on-events" => {
                // The event is shown once more, to a module that behaves.
                self.things += 1;
                self.set("").await;
                self.clock.advance(Duration::from_mins(10));
                self.test.app.feed_due().await.unwrap();
            }
            _ => self.set("").await,
        }
        assert!(ann.all("company", &[]).await.is_empty(), "{name}");
        assert_eq!(ann.all("abuser.thing", &[]).await.len(), self.things, "{name}");
        let keys = ann.post(&format!("{MODULE}/actions/keys"), &json!({})).await.assert(200).json();
        assert_eq!(keys["result"], json!([]), "{name}");
    }
}

/// What becomes of the name in a write of the second tenant.
async fn amended(sam: &Actor) -> Json {
    sam.create("abuser.thing", json!({"name": "ann"})).await["name"].clone()
}

/// What the module has cost so far.
async fn usage(actor: &Actor, module: &str) -> Json {
    actor.get(&format!("{module}/usage")).await.assert(200).json()["total"].clone()
}

/// The newest failure; null when there is none.
async fn failure(actor: &Actor, module: &str) -> Json {
    actor.get(&format!("{module}/failures?limit=1")).await.assert(200).json()["data"][0].clone()
}

/// The host's own account of the call: how it ended, where, and what it cost.
async fn check_account(actor: &Actor, module: &str, case: &Case, before: &Json, failed_before: &Json) {
    let (name, after) = (&case.name, usage(actor, module).await);
    let grown = |figure: &str| after[figure].as_u64().unwrap() - before[figure].as_u64().unwrap_or(0);
    let (calls, spent) = (grown("calls"), Duration::from_micros(grown("cpu_us")));
    let within = Duration::from_millis(case.expected["within_ms"].as_u64().unwrap());
    assert!(calls > 0 && spent <= within * u32::try_from(calls).unwrap(), "{name}: {calls} calls took {spent:?}");
    assert!(after["peak_memory"].as_u64().unwrap() <= MEMORY, "{name}: {after}");
    let failure = failure(actor, module).await;
    assert_ne!(failure["id"], failed_before["id"], "{name}");
    let expected = (&case.expected["code"], &case.expected["point"]);
    assert_eq!((&failure["code"], &failure["extension_point"]), expected, "{name}: {failure}");
}

async fn play_all(on: On, points: &[&str], least: usize) {
    let mut scene = Scene::start(on).await;
    for case in cases(false, points, least) {
        scene.play(&case).await;
    }
}

async fn hooks_that_misbehave_are_ended(on: On) {
    play_all(on, &["before-write", "validate", "computed-field"], 30).await;
}

async fn answers_to_requests_that_misbehave_are_ended(on: On) {
    play_all(on, &["action", "http-route", "view"], 35).await;
}

async fn work_behind_that_misbehaves_is_ended(on: On) {
    play_all(on, &["job", "scheduled", "on-events"], 25).await;
}

async fn modules_that_misbehave_when_they_are_enabled_are_not(on: On) {
    play_all(on, &["lifecycle"], 9).await;
}

async fn webassembly_that_misbehaves_is_ended(on: On) {
    let scene = Scene::start(on).await;
    let (ann, sam) = (&scene.test.ann, &scene.test.sam);
    for case in cases(true, &["action"], 25) {
        let name = &case.name;
        let id = format!("test.{name}");
        let patch = json!({
            "id": id, "namespace": name.replace('-', "_"), "api": "1.1",
            "actions": [{"name": "run", "title": "Run"}], "limits": {"memory_mb": 64, "cpu_ms": 200},
        });
        let component = plugin_of(&framed(case.wat.as_deref().unwrap()), &patch);
        scene.test.app.install_plugin(&component).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let module = format!("/api/v1/modules/{id}");
        ann.put(&module, &json!({})).await.assert(200);
        let (reply, calm) =
            tokio::join!(async { ann.post(&format!("{module}/actions/run"), &json!({})).await }, amended(sam));
        assert_eq!(calm, json!("ANN"), "{name}");
        assert_eq!(reply.json()["code"], case.expected["code"], "{name}: {}", reply.text);
        let problem = reply.problem(422, case.text("code"));
        assert_eq!(problem["plugin"], id, "{name}");
        check_account(ann, &module, &case, &Json::Null, &Json::Null).await;
        // A call of another module of the same tenant is none the worse for it.
        ann.post(&format!("{MODULE}/actions/run"), &json!({})).await.assert(200);
    }
}

/// The component of a core module.
pub fn framed(case: &str) -> String {
    let frame = include_str!("../fixtures/abuse/frame.wat");
    let fields = case.split_once("(module").unwrap().1.trim_end().strip_suffix(')').unwrap();
    let from = |export: &str| if case.contains(&format!("(export \"{export}\")")) { "$case" } else { "$usual" };
    frame.replace("CASE", fields).replace("REALLOC", from("realloc")).replace("AFTER", from("after"))
}
