//! Who may do what: every operation of the document, as everybody.

use guildhall::app::App;
use guildhall::domain::clock::{Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    every_operation_as_nobody_and_as_a_stranger
    a_viewer_reads_and_changes_nothing
    wrong_keys_are_all_the_same
    a_key_ends
    one_tenant_sees_nothing_of_another
    a_restarted_host_knows_its_keys
);

/// Operations that need no key; may only shrink.
const OPEN: &[&str] = &["livez", "readyz", "openapi"];

/// Operations that read, and take their question in a body.
const ASKING: &[&str] = &["create_export"];

/// Everything in the document of this actor: method, path with ids filled in, operation id.
async fn operations(actor: &Actor, id_of: impl Fn(&str) -> String) -> Vec<(Method, String, String)> {
    let document = actor.get("/api/v1/openapi.json").await.assert(200).json();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let rest = path.strip_prefix("/api/v1/").unwrap_or_default();
        let object = rest.strip_prefix("records/").unwrap_or(rest).split('/').next().unwrap_or_default();
        let path = path.replace("{id}", &id_of(object)).replace("{plugin}", "guildhall.retail-loyalty");
        let path = if path == "/api/v1/imports" { format!("{path}?object=contact&format=csv") } else { path };
        assert!(!path.contains('{'), "a new kind of parameter in {path}: say here what to put in");
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            all.push((method, path.clone(), operation["operationId"].as_str().unwrap().to_owned()));
        }
    }
    assert!(all.len() > 20, "{all:?}");
    all
}

fn body_for(method: &Method, path: &str) -> Option<String> {
    let body = match method.as_str() {
        "POST" if path.ends_with("/order") => {
            json!({"placed_at": "2026-01-01", "total": {"amount": "1.00", "currency": "EUR"}})
        }
        "POST" if path.ends_with("/exports") => json!({"object": "contact"}),
        "POST" => json!({"name": "New"}),
        "PATCH" => json!({"note": "changed"}),
        "PUT" => json!({}),
        _ => return None,
    };
    Some(body.to_string())
}

/// One record of each object of the first tenant.
async fn one_of_each(test: &TestApp) -> Json {
    let company = test.ann.create("company", json!({"name": "Company"})).await;
    let contact = test.ann.create("contact", json!({"name": "Ann"})).await;
    let body =
        json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": {"amount": "5.00", "currency": "EUR"}});
    let order = test.ann.create("order", body).await;
    let import = test.ann.upload("object=contact", "text/csv", "name\nBob\n").await.assert(202).json();
    let export = test.ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    json!({
        "imports": import["id"], "exports": export["id"], "jobs": export["id"],
        "company": company["id"], "contact": contact["id"], "order": order["id"],
        "loyalty.member": test.ann.all("loyalty.member", &[]).await[0]["id"],
        "loyalty.entry": test.ann.all("loyalty.entry", &[]).await[0]["id"],
    })
}

/// Everything that the first tenant has.
async fn state(ann: &Actor) -> Vec<Vec<Json>> {
    let mut all = Vec::new();
    for object in ["company", "contact", "order", "loyalty.member", "loyalty.entry"] {
        all.push(ann.all(object, &[]).await);
    }
    all.push(vec![ann.get("/api/v1/modules").await.assert(200).json()]);
    all
}

async fn every_operation_as_nobody_and_as_a_stranger(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    test.sam.put("/api/v1/modules/guildhall.retail-loyalty", &json!({})).await.assert(200);
    let ids = one_of_each(&test).await;
    let before = state(&test.ann).await;
    let missing = "01a20031-9c4a-7239-8605-04c662a595e1";
    for (method, path, operation) in
        operations(&test.ann, |object| ids[object].as_str().unwrap_or_default().to_owned()).await
    {
        let nobody = test.anon.send(method.clone(), &path, body_for(&method, &path)).await;
        if OPEN.contains(&operation.as_str()) {
            nobody.assert(200);
            continue;
        }
        assert_eq!(nobody.header("www-authenticate"), "Bearer", "{operation}");
        nobody.problem(401, "unauthenticated");

        // For a stranger, another tenant's record is what a missing one is.
        let own_id = ids.as_object().unwrap().values().filter_map(Json::as_str).find(|id| path.contains(id));
        let Some(own_id) = own_id else { continue };
        let stranger = test.sam.send(method.clone(), &path, body_for(&method, &path)).await;
        let path = path.replace(own_id, missing);
        let nothing = test.sam.send(method.clone(), &path, body_for(&method, &path)).await;
        assert_eq!(stranger.status, nothing.status, "{operation}");
        let same = |mut problem: Json, id: &str| {
            assert_eq!(problem["status"], 404, "{operation}");
            problem["request_id"] = json!(null);
            problem.to_string().replace(id, "ID")
        };
        assert_eq!(same(stranger.json(), own_id), same(nothing.json(), missing), "{operation}");
    }
    assert_eq!(state(&test.ann).await, before);
}

async fn a_viewer_reads_and_changes_nothing(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let ids = one_of_each(&test).await;
    let before = state(&test.ann).await;
    for (method, path, operation) in
        operations(&test.vic, |object| ids[object].as_str().unwrap_or_default().to_owned()).await
    {
        let reply = test.vic.send(method.clone(), &path, body_for(&method, &path)).await;
        if ASKING.contains(&operation.as_str()) {
            reply.assert(202);
        } else if method == Method::GET {
            reply.assert(200);
        } else {
            let problem = reply.problem(403, "permission_denied");
            assert!(problem["detail"].as_str().unwrap().contains("viewer"), "{operation}: {problem}");
        }
    }
    assert_eq!(state(&test.ann).await, before);
}

async fn wrong_keys_are_all_the_same(on: On) {
    let TestApp { ann, anon, .. } = TestApp::start(on).await;
    let right = ann.key();
    let almost = format!("{}{}", &right[..right.len() - 1], if right.ends_with('A') { 'B' } else { 'A' });
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {almost}"),
        format!("Bearer {}", &right[..20]),
        format!("Basic {right}"),
        right.to_owned(),
        format!("Bearer {}", "x".repeat(5_000)),
    ] {
        let reply = anon.with("authorization", &header).get("/api/v1/records/contact").await;
        let problem = reply.problem(401, "unauthenticated");
        assert_eq!(problem["detail"], "the API key is missing, unknown or expired");
    }
    // The document is open, but a wrong key is still wrong there.
    ann.with_key("gh_wrong").get("/api/v1/openapi.json").await.problem(401, "unauthenticated");
    anon.with("authorization", &format!("bearer {right}")).get("/api/v1/records/contact").await.assert(200);
}

async fn a_key_ends(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let past = Timestamp::parse("2020-01-01T00:00:00Z");
    let (_, ended) = app.create_key("first", "admin", "ended", past).await.unwrap();
    ann.with_key(&ended).get("/api/v1/records/contact").await.problem(401, "unauthenticated");
    let future = Timestamp::parse("9999-01-01T00:00:00Z");
    let (_, holds) = app.create_key("first", "admin", "holds", future).await.unwrap();
    ann.with_key(&holds).get("/api/v1/records/contact").await.assert(200);
}

async fn one_tenant_sees_nothing_of_another(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "external_id": "1"})).await;
    assert!(sam.all("contact", &[]).await.is_empty());
    assert!(
        sam.all("contact", &[("filter", r#"{"_or":[{"external_id":{"_eq":"1"}},{"_not":{"name":{"_eq":"x"}}}]}"#)])
            .await
            .is_empty()
    );
    let by_id = json!({"id": {"_eq": contact["id"]}}).to_string();
    assert!(sam.all("contact", &[("filter", by_id.as_str())]).await.is_empty());
    sam.create("contact", json!({"name": "Sam", "external_id": "1"})).await;
    assert_eq!(ann.all("contact", &[]).await, [contact]);
}

async fn a_restarted_host_knows_its_keys(on: On) {
    let test = TestApp::start(on).await;
    let again = App::open(&test.database, Clock::system()).await.unwrap();
    let (first, second) = (test.app.authenticate(test.ann.key()).await, again.authenticate(test.ann.key()).await);
    assert_eq!(first.unwrap(), second.unwrap());
}
