//! Whatever changes who may do what, how the host works for a tenant, or takes many records in or out: each leaves an
//! entry in the audit trail.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::access::{OWN_ACCOUNT, body_for, is_question, one_of_each, operations};
use crate::encrypted::new_key_file;
use crate::support::{Actor, On, TestApp, plugin, plugin_with};

both!(
    every_change_that_is_no_plain_write_is_noted
    the_operators_doings_are_noted
    the_trail_is_exported
    entries_of_one_request_are_found
);

/// Operations that change records and have events; may only shrink.
const PLAIN_WRITES: &[&str] =
    &["create", "update", "delete", "batch", "upsert", "restore", "merge", "unmerge", "set_content", "call_action"];

/// Operations on what there is only when a module fails; `module_events` looks at their entries.
const OF_FAILURES: &[&str] = &["retry_dead_letter", "drop_dead_letter"];

/// Operations that are one commit with another one that is walked.
const LIKE_OTHERS: &[(&str, &str)] = &[("replay_delivery", "replay_webhook")];

/// Bodies that the walk of `access` has no need of.
fn body(operation: &str, method: &Method, path: &str, ids: &Json) -> Option<String> {
    let json = match operation {
        "create_role" => json!({"name": "noted", "label": "Noted"}),
        "replace_role" => json!({"name": "helper", "label": "Helper of others"}),
        "create_user" => json!({"email": "noted@example.com", "name": "Noted", "roles": ["viewer"]}),
        "create_team" => json!({"name": "Noted"}),
        "change_user" | "change_team" => json!({"name": "Changed"}),
        "create_api_key" => json!({"name": "noted", "user": ids["#user"]}),
        "add_object" => json!({"name": "x.thing", "label": "Thing", "plural": "Things", "fields": []}),
        "put_identity_provider" => {
            json!({"label": "L", "issuer": "https://id.example.com", "client_id": "c", "client_secret": "s"})
        }
        "shadow_module" => json!({"version": "0.1.0"}),
        "create_import" => return Some("name\nNoted\n".to_owned()),
        name if name.starts_with("share_") => json!({"with": "user", "subject": ids["#user"]}),
        name if name.starts_with("erase_person_") => json!({"confirm": path.split('/').nth(5)}),
        name if name.starts_with("change_matching_") => json!({"filter": {}, "all": true, "fields": {"note": "x"}}),
        _ => return body_for(method, path, ids),
    };
    Some(json.to_string())
}

async fn count(ann: &Actor) -> usize {
    let page = ann.get("/api/v1/audit?limit=500").await.assert(200).json();
    page["data"].as_array().unwrap().len()
}

/// In which order operations still find what they are about.
fn turn(method: &Method, path: &str) -> usize {
    match method.as_str() {
        // A team that goes takes its shares along.
        "PATCH" | "PUT" => 1,
        "DELETE" if path.contains("/shares/") => 1,
        "DELETE" if path.contains("/modules/") => 5,
        "DELETE" => 2,
        _ if path.ends_with("/person/erase") => 3,
        _ if path.ends_with("/contact/delete") => 4,
        _ => 0,
    }
}

async fn every_change_that_is_no_plain_write_is_noted(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    test.app.install_plugin(&plugin("guildhall.retail-loyalty")).await.unwrap();
    let ann = &test.ann;
    ann.put("/api/v1/modules/guildhall.retail-loyalty", &json!({"consent": ["*"]})).await.assert(200);
    let ids = one_of_each(&test).await;
    // What is walked once is enough: one object stands for all.
    let is_other = |path: &str| {
        let object = path.strip_prefix("/api/v1/records/").and_then(|rest| rest.split('/').next());
        object.is_some_and(|object| object != "contact")
    };
    let mut all = operations(ann, |object| ids[object].as_str().unwrap_or_default().to_owned()).await;
    all.retain(|(method, path, _)| *method != Method::GET && !is_question(path) && !is_other(path));
    let is_operators = |path: &str| {
        ["tenants", "plugins", "plugin-keys", "plans"].iter().any(|what| path.starts_with(&format!("/api/v1/{what}")))
    };
    // What a key cannot do is tried where people sign in, and what an operator does where tenants are made.
    all.retain(|(_, path, operation)| {
        let of_people = ["end_sessions", "end_second_factor_of_user"].contains(&operation.as_str());
        !of_people && !OWN_ACCOUNT.contains(&operation.as_str()) && !is_operators(path)
    });
    all.sort_by_key(|(method, path, _)| turn(method, path));
    assert!(all.len() > 35, "{all:?}");
    let mut noted = 0;
    let mut missing = Vec::new();
    for (method, path, operation) in &all {
        let elsewhere = OF_FAILURES.contains(&operation.as_str());
        let plain = PLAIN_WRITES.iter().any(|plain| operation == plain || *operation == format!("{plain}_contact"));
        let like = LIKE_OTHERS.iter().find(|(one, _)| operation == one);
        if plain || elsewhere || like.is_some_and(|(_, other)| all.iter().any(|(.., walked)| walked == other)) {
            continue;
        }
        let path = &prepare(&test, operation, path).await;
        let before = count(ann).await;
        let actor = if operation == "create_import" { ann.with("content-type", "text/csv") } else { ann.clone() };
        let reply = actor.send(method.clone(), path, body(operation, method, path, &ids)).await;
        let status = reply.status;
        assert!(status.is_success(), "{operation}: say in this test how it is done: {}", reply.text);
        if count(ann).await == before {
            missing.push(operation.clone());
        }
        noted += 1;
        test.app.run_due_jobs().await.unwrap();
    }
    assert_eq!(missing, Vec::<String>::new(), "these leave no entry in the audit trail");
    assert!(noted > 25, "{noted}");
}

/// What has to be so for an operation to do something; returns the path of what it is about.
async fn prepare(test: &TestApp, operation: &str, path: &str) -> String {
    let ann = &test.ann;
    let import = |start: bool| async move {
        let query = format!("object=contact&start={start}");
        ann.upload(&query, "text/csv", "name\nBob\n").await.assert(202).json()
    };
    match operation {
        // One that waits: nobody runs jobs here but the test.
        "cancel_job" => format!("/api/v1/jobs/{}/cancel", import(true).await["job"]["id"].as_str().unwrap()),
        "start_import" => format!("/api/v1/imports/{}/start", import(false).await["id"].as_str().unwrap()),
        "change_import" => format!("/api/v1/imports/{}", import(false).await["id"].as_str().unwrap()),
        "undo_import" => {
            let made = import(true).await;
            test.app.run_due_jobs().await.unwrap();
            format!("/api/v1/imports/{}/undo", made["id"].as_str().unwrap())
        }
        // There is a version to go back to.
        "roll_back_module" => {
            let newer = plugin_with("guildhall.retail-loyalty", |manifest| manifest["version"] = json!("0.2.0"));
            test.app.install_plugin(&newer).await.unwrap();
            let wish = json!({"version": "0.2.0", "consent": ["*"]});
            ann.put("/api/v1/modules/guildhall.retail-loyalty", &wish).await.assert(200);
            path.to_owned()
        }
        "purge_module" => {
            ann.put(path, &json!({"enabled": false})).await.assert(200);
            path.to_owned()
        }
        "change_object" => path.replace("contact", "x.thing"),
        _ => path.to_owned(),
    }
}

async fn the_operators_doings_are_noted(on: On) {
    let test = TestApp::start(on).await;
    let (id, _) = test.app.create_key("first", "viewer", "another", None).await.unwrap();
    let trail = test.ann.get("/api/v1/audit?subject=command_line").await.assert(200).json();
    let entries = trail["data"].as_array().unwrap();
    // The first key, that of the viewer, and this one.
    assert_eq!(entries.len(), 3, "{trail}");
    assert_eq!((&entries[0]["object"], &entries[0]["record"]), (&json!("#keys"), &json!(id)));
    assert_eq!((&entries[0]["subject"]["kind"], &entries[0]["peer"]), (&json!("operator"), &Json::Null));
    let others = test.sam.get("/api/v1/audit?subject=command_line").await.assert(200).json();
    assert_eq!(others["data"].as_array().unwrap().len(), 1, "{others}");
}

async fn the_trail_is_exported(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let role = json!({"name": "helper", "label": "Helper"});
    ann.post("/api/v1/roles", &role).await.assert(201);
    let export = ann.get("/api/v1/audit/export").await.assert(200);
    assert_eq!(export.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(export.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    let lines: Vec<&str> = export.text.lines().collect();
    assert_eq!(lines[0], "at,subject_kind,subject_id,on_behalf_of,peer,request,action,object,record,fields");
    // The export itself, the role, and the two keys that the operator made.
    assert_eq!(lines.len(), 5, "{}", export.text);
    assert!(lines[1].contains(",export,#audit,,file") && lines[2].contains(",change,#roles,,helper"), "{lines:?}");
    let of_roles = ann.get("/api/v1/audit/export?format=jsonl&object=%23roles").await.assert(200);
    let entry: Json = serde_json::from_str(&of_roles.text).unwrap();
    let listed = ann.get("/api/v1/audit?object=%23roles").await.assert(200).json();
    assert_eq!(entry, listed["data"][0]);
    // Both exports are in the trail, and no filter: it holds values.
    let exports = ann.get("/api/v1/audit?action=export").await.assert(200).json();
    assert_eq!(exports["data"].as_array().unwrap().len(), 2, "{exports}");
    let fields = json!({"object": "contact", "fields": ["name"], "filter": {"name": {"_eq": "=cmd"}}});
    ann.post("/api/v1/exports", &fields).await.assert(202);
    assert!(!ann.get("/api/v1/audit/export?format=jsonl").await.assert(200).text.contains("=cmd"));
    ann.get("/api/v1/audit/export?format=xml").await.problem(400, "invalid_parameter");
    ann.get("/api/v1/audit/export?action=fly").await.problem(422, "validation_failed");
    test.vic.get("/api/v1/audit/export").await.problem(403, "permission_denied");
    test.anon.get("/api/v1/audit/export").await.problem(401, "unauthenticated");
    let foreign = test.sam.get("/api/v1/audit/export?format=jsonl").await.assert(200).text;
    assert!(!foreign.contains("helper") && foreign.lines().count() == 2, "{foreign}");
}

async fn entries_of_one_request_are_found(on: On) {
    let test = TestApp::start(on).await;
    let role = json!({"name": "helper", "label": "Helper"});
    let reply = test.ann.post("/api/v1/roles", &role).await.assert(201);
    test.ann.post("/api/v1/teams", &json!({"name": "T"})).await.assert(201);
    let query = format!("/api/v1/audit?request={}", reply.header("x-request-id"));
    let found = test.ann.get(&query).await.assert(200).json();
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["data"][0]["object"], "#roles");
    let foreign = test.sam.get(&query).await.assert(200).json();
    assert_eq!(foreign["data"], json!([]));
}
