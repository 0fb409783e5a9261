//! Plugins built against a released contract run for ever: these files are never built again.

use serde_json::json;

use crate::artefacts::build;
use crate::support::{On, TestApp};
use crate::workshop::{SHELF, WORKSHOP, enable, notes, run};

both!(
    plugins_of_1_0_run
    plugins_of_1_1_run
);

fn frozen(release: &str, id: &str) -> Vec<u8> {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/frozen").join(release);
    std::fs::read(home.join(format!("{id}.wasm"))).unwrap()
}

async fn plugins_of_1_0_run(on: On) {
    let test = TestApp::start(on).await;
    for id in ["guildhall.retail-loyalty", "test.hostile"] {
        test.app.install_plugin(&frozen("1.0", id)).await.unwrap();
        test.ann.put(&format!("/api/v1/modules/{id}"), &json!({"consent": ["*"]})).await.assert(200);
    }
    let contact = test.ann.create("contact", json!({"name": "ann", "note": "amend"})).await;
    assert_eq!(contact["name"], "ANN");
    let body = json!({"name": "Bob", "note": "trap"});
    test.ann.post("/api/v1/records/contact", &body).await.problem(422, "plugin_trap");
    crate::loyalty::order(&test.ann, &contact, "12.00").await;
    assert_eq!(test.ann.all("loyalty.entry", &[]).await.len(), 1);
}

/// The workshop of 1.1 exports and calls all that 1.1 has, but for a channel.
async fn plugins_of_1_1_run(on: On) {
    let test = TestApp::start(on).await;
    let shelf = json!({"id": SHELF, "namespace": "shelf", "name": "Shelf"});
    test.app.install_plugin(&build::plugin_of("(component)", &shelf)).await.unwrap();
    test.app.install_plugin(&frozen("1.1", WORKSHOP)).await.unwrap();
    for id in [SHELF, WORKSHOP] {
        enable(&test.ann, id, &json!({})).await;
    }
    let steps = json!([
        {"do": "kv_set", "key": "k", "value": "v"}, {"do": "kv_get", "key": "k"}, {"do": "kv_keys", "limit": 5},
        {"do": "publish", "type": "workshop.item.made", "data": {}},
        {"do": "enqueue", "name": "work", "input": {}}, {"do": "is_set", "name": "API_KEY"},
        {"do": "create", "object": "contact", "fields": {"name": "Ann"}}, {"do": "count", "object": "contact"},
        {"do": "random", "length": 4}, {"do": "context"},
        {"do": "call", "plugin": SHELF, "name": "shared", "input": {}},
        {"do": "http", "url": "https://elsewhere.test/"},
    ]);
    let results = run(&test.ann, steps).await;
    let faults: Vec<Option<&str>> = results.iter().map(|result| result["fault"].as_str()).collect();
    let mut expected = vec![None; 10];
    expected.extend([Some("not_enabled"), Some("permission_denied")]);
    assert_eq!(faults, expected, "{results:?}");
    assert_eq!((&results[1]["ok"], &results[2]["ok"]), (&json!("v"), &json!(["k"])));
    test.ann.get("/api/v1/modules/test.workshop/views/page").await.assert(200);
    test.ann.post("/api/v1/x/test.workshop/echo/a", &json!({"b": 1})).await.assert(200);
    test.ann.create("contact", json!({"name": "Bob"})).await;
    test.app.run_due_jobs().await.unwrap();
    test.app.feed_due().await.unwrap();
    let mut told = notes(&test.ann).await;
    told.sort();
    assert_eq!(told, ["contact.created", "enable", "work"]);
    // Its computed field, and its verdict.
    let note = test.ann.create("workshop.note", json!({"title": "mine", "text": "four"})).await;
    assert_eq!(note["length"], 4);
    test.ann.post("/api/v1/records/workshop.note", &json!({"title": "bad"})).await.problem(422, "plugin_error");
}
