//! The document, the pages, health.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{On, TestApp};

both!(the_document_is_the_tenants the_base_document_is_unchanged pages_are_served_from_here health);

async fn the_document_is_the_tenants(on: On) {
    let TestApp { ann, sam, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let own = ann.get("/api/v1/openapi.json").await.assert(200).json();
    assert!(own["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(own["components"]["schemas"]["loyalty.member"]["properties"]["points"]["type"], "integer");
    // What callers can only read has no operation to write it.
    let methods: Vec<&String> = own["paths"]["/api/v1/records/loyalty.member"].as_object().unwrap().keys().collect();
    assert_eq!(methods, ["get"]);
    let others = sam.get("/api/v1/openapi.json").await.assert(200).json();
    assert_eq!(others["paths"]["/api/v1/records/loyalty.member"], json!(null));
}

async fn the_base_document_is_unchanged(on: On) {
    let TestApp { anon, .. } = TestApp::start(on).await;
    let mut document = anon.get("/api/v1/openapi.json").await.assert(200).json();
    // Each object has the same operations: one of them stands for all.
    let object =
        |path: &str| path.strip_prefix("/api/v1/records/").map(|rest| rest.split('/').next().unwrap().to_owned());
    let paths = document["paths"].as_object_mut().unwrap();
    let objects: BTreeSet<String> = paths.keys().filter_map(|path| object(path)).collect();
    let is_other = |name: &str| name != "contact" && objects.contains(name);
    paths.retain(|path, _| !object(path).is_some_and(|object| is_other(&object)));
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    schemas.retain(|name, _| !is_other(name.split('.').next().unwrap()));
    assert_eq!(objects.len(), 13);
    insta::assert_json_snapshot!("openapi", document);
}

async fn pages_are_served_from_here(on: On) {
    let TestApp { anon, .. } = TestApp::start(on).await;
    assert!(anon.get("/").await.assert(200).text.contains("/docs"));
    let page = anon.get("/docs/").await.assert(200).text;
    assert!(page.contains("swagger-ui"));
    for line in page.lines().filter(|line| line.contains("src=") || line.contains("href=")) {
        assert!(!line.contains("http"), "loaded from elsewhere: {line}");
    }
    anon.get("/docs/swagger-ui-bundle.js").await.assert(200);
    assert!(anon.get("/docs/swagger-initializer.js").await.assert(200).text.contains("/api/v1/openapi.json"));
}

async fn health(on: On) {
    let TestApp { anon, .. } = TestApp::start(on).await;
    assert_eq!(anon.get("/livez").await.assert(200).text, "ok");
    assert_eq!(anon.get("/readyz").await.assert(200).text, "ok");
}
