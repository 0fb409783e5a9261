//! Plugins built against a released contract run for ever: these files are never built again.

use serde_json::json;

use crate::support::{On, TestApp};

both!(plugins_of_1_0_run);

async fn plugins_of_1_0_run(on: On) {
    let test = TestApp::start(on).await;
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/frozen/1.0");
    for id in ["guildhall.retail-loyalty", "test.hostile"] {
        test.app.install_plugin(&std::fs::read(home.join(format!("{id}.wasm"))).unwrap()).await.unwrap();
        test.ann.put(&format!("/api/v1/modules/{id}"), &json!({"consent": ["*"]})).await.assert(200);
    }
    let contact = test.ann.create("contact", json!({"name": "ann", "note": "amend"})).await;
    assert_eq!(contact["name"], "ANN");
    let body = json!({"name": "Bob", "note": "trap"});
    test.ann.post("/api/v1/records/contact", &body).await.problem(422, "plugin_trap");
    crate::loyalty::order(&test.ann, &contact, "12.00").await;
    assert_eq!(test.ann.all("loyalty.entry", &[]).await.len(), 1);
}
