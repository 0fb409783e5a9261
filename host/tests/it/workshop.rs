//! The workshop: a plugin that does everything a plugin can, on command.

use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::artefacts::build;
use crate::support::{Actor, On, TestApp, plugin, plugin_with};

pub const WORKSHOP: &str = "test.workshop";
/// What it requires, and asks for something of.
pub const SHELF: &str = "test.shelf";
pub const ACTION: &str = "/api/v1/modules/test.workshop/actions/run";

/// A host where the first tenant has the workshop, which may reach the servers of the test.
pub async fn start(on: On) -> TestApp {
    start_at(on, Clock::system()).await
}

/// The same, at this time.
pub async fn start_at(on: On, clock: Clock) -> TestApp {
    let settings = Settings { allow_private_webhooks: true, ..Settings::default() };
    let test = TestApp::start_with(on, clock, settings).await;
    install(&test).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    test
}

/// Puts the workshop on a host, and what it requires: an empty module, which is switched on for both tenants.
pub async fn install(test: &TestApp) {
    let shelf = json!({"id": SHELF, "namespace": "shelf", "name": "Shelf"});
    test.app.install_plugin(&build::plugin_of("(component)", &shelf)).await.unwrap();
    for actor in [&test.ann, &test.sam] {
        enable(actor, SHELF, &json!({})).await;
    }
    test.app.install_plugin(&plugin(WORKSHOP)).await.unwrap();
}

pub async fn enable(actor: &Actor, id: &str, body: &Json) {
    let mut body = body.clone();
    body["consent"] = json!(["*"]);
    actor.put(&format!("/api/v1/modules/{id}"), &body).await.assert(200);
}

/// The workshop under another name and manifest, installed.
pub async fn variant(test: &TestApp, name: &str, change: impl FnOnce(&mut Json)) -> String {
    let id = format!("test.{name}");
    let wasm = plugin_with(WORKSHOP, |manifest| {
        let text = manifest.to_string().replace("\"workshop", &format!("\"{name}"));
        *manifest = serde_json::from_str(&text).unwrap();
        manifest["id"] = json!(id);
        manifest["hooks"]["computed-field"] = json!([]);
        manifest["hooks"]["before-write"] = json!([]);
        manifest["hooks"]["validate"] = json!([]);
        change(manifest);
        // Whatever else it requires, it goes on asking for something of the shelf.
        let is_of_shelf = |one: &Json| one["plugin"] == SHELF;
        let asks = manifest["permissions"]["actions"].as_array().is_some_and(|all| all.iter().any(is_of_shelf));
        let requires = manifest["requires"].as_array_mut().unwrap();
        if asks && !requires.iter().any(is_of_shelf) {
            requires.push(json!({"plugin": SHELF}));
        }
    });
    test.app.install_plugin(&wasm).await.unwrap();
    id
}

/// What steps come to, each `{"ok": ...}` or `{"fault": ...}`.
pub async fn run(actor: &Actor, steps: Json) -> Vec<Json> {
    run_of(actor, WORKSHOP, steps).await
}

pub async fn run_of(actor: &Actor, id: &str, steps: Json) -> Vec<Json> {
    let path = format!("/api/v1/modules/{id}/actions/run");
    let answer = actor.post(&path, &json!({"steps": steps})).await.assert(200).json();
    answer["result"].as_array().unwrap().clone()
}

/// What one step comes to.
pub async fn step(actor: &Actor, step: Json) -> Json {
    run(actor, json!([step])).await.remove(0)
}

/// Events of these types in the log, when there are so many: what is open elsewhere in a server of databases holds them back for a moment.
pub async fn events(actor: &Actor, types: &str, least: usize) -> Vec<Json> {
    loop {
        let page = actor.get(&format!("/api/v1/events?type={types}")).await.assert(200).json();
        let events = page["data"].as_array().unwrap();
        if events.len() >= least {
            return events.clone();
        }
    }
}

/// Titles of the notes that the workshop left, the oldest first.
pub async fn notes(actor: &Actor) -> Vec<String> {
    let notes = actor.all("workshop.note", &[("sort", "created_at")]).await;
    notes.iter().map(|note| note["title"].as_str().unwrap().to_owned()).collect()
}
