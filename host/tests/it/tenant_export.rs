//! Everything of a tenant in one file: complete, without secrets, and only for who may.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::encrypted::{new_key_file, pin};
use crate::jobs::{contacts, killed_after, node};
use crate::loyalty::order;
use crate::permissions::user;
use crate::support::{Actor, On, TestApp, plugin};

both!(
    a_tenant_becomes_a_file
    the_operator_has_it_too
    an_export_of_all_goes_on_after_a_kill
    only_who_may_have_all
);

const EXPORT: &str = "/api/v1/tenant/export";

/// The entries of a tar, each checked against the manifest.
fn read(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut entries = BTreeMap::new();
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(entries.insert(name, content).is_none());
    }
    let manifest: Json = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let listed = manifest["entries"].as_array().unwrap();
    for entry in listed {
        let content = &entries[entry["name"].as_str().unwrap()];
        assert_eq!((&entry["size"], &entry["sha256"]), (&json!(content.len()), &json!(hash(content))), "{entry}");
        if entry["name"].as_str().unwrap().contains('/') {
            assert_eq!(entry["rows"], std::str::from_utf8(content).unwrap().lines().count(), "{entry}");
        }
    }
    let files = entries.keys().filter(|name| name.starts_with("files/")).count();
    assert_eq!((listed.len() + files + 1, &manifest["files"]["count"]), (entries.len(), &json!(files)), "{manifest}");
    entries
}

fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All rows of one folder of the file.
fn rows(entries: &BTreeMap<String, Vec<u8>>, folder: &str) -> Vec<Json> {
    let of_folder = entries.iter().filter(|(name, _)| name.rsplit_once('/').is_some_and(|(front, _)| front == folder));
    let lines = of_folder.flat_map(|(_, content)| std::str::from_utf8(content).unwrap().lines());
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn host(on: On) -> (TestApp, tempfile::TempDir) {
    let (directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    test.app.install_plugin(&plugin("guildhall.retail-loyalty")).await.unwrap();
    test.ann.put("/api/v1/modules/guildhall.retail-loyalty", &json!({"consent": ["*"]})).await.assert(200);
    crate::schema::add(&test.ann, "contact", pin()).await;
    let object = json!({"name": "x.case", "label": "Case", "plural": "Cases", "fields": []});
    test.ann.post("/api/v1/schema", &object).await.assert(201);
    test.ann.create("x.case", json!({})).await;
    let secret = test.ann.create("contact", json!({"name": "Secret", "x_pin": "1234"})).await;
    order(&test.ann, &secret, "10.00").await;
    let gone = test.ann.create("contact", json!({"name": "Gone"})).await;
    test.ann.delete(&format!("/api/v1/records/contact/{}", gone["id"].as_str().unwrap())).await.assert(204);
    for (name, size) in [("empty.bin", 0), ("small.txt", 5), ("large.bin", 700_000)] {
        let file = test.ann.create("file", json!({"name": name})).await;
        let content = format!("/api/v1/files/{}/content", file["id"].as_str().unwrap());
        test.ann.put_bytes(&content, "application/octet-stream", vec![b'x'; size]).await.assert(200);
    }
    test.ann.post("/api/v1/webhooks", &json!({"url": "https://hooks.example.com/"})).await.assert(201);
    user(&test.ann, "una", json!(["sales"])).await;
    test.ann.post("/api/v1/teams", &json!({"name": "Team"})).await.assert(201);
    test.sam.create("contact", json!({"name": "Sam's secret"})).await;
    (test, directory)
}

async fn bytes(actor: &Actor, path: &str) -> Vec<u8> {
    let answer = actor.open(path).await;
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-tar");
    answer.bytes().await.unwrap().to_vec()
}

/// What is in the file of the tenant that [`host`] made.
fn check(file: &[u8]) {
    let entries = read(file);
    let contact = |name: &str, folder: &str| rows(&entries, folder).into_iter().find(|row| row["name"] == name);
    let secret = contact("Secret", "records/contact").unwrap();
    assert_eq!(secret["x_pin"], "1234", "{secret}");
    let gone = contact("Gone", "deleted/contact").unwrap();
    assert_eq!(gone["deleted"], true, "{gone}");
    assert!(contact("Gone", "records/contact").is_none());
    assert_eq!((rows(&entries, "records/x.case").len(), rows(&entries, "records/loyalty.member").len()), (1, 1));
    let files = rows(&entries, "records/file");
    for (name, size) in [("empty.bin", 0), ("small.txt", 5), ("large.bin", 700_000)] {
        let record = files.iter().find(|row| row["name"] == name).unwrap();
        let content = &entries[&format!("files/{}", record["content"].as_str().unwrap())];
        assert_eq!((content.len(), &record["sha256"]), (size, &json!(hash(content))), "{record}");
    }
    for (folder, count) in [("members", 1), ("teams", 1), ("modules", 1), ("webhooks", 1)] {
        assert_eq!(rows(&entries, folder).len(), count, "{folder}");
    }
    assert!(rows(&entries, "events").len() > 8 && !rows(&entries, "audit").is_empty());
    let schema: Json = serde_json::from_slice(&entries["schema.json"]).unwrap();
    assert!(schema["objects"].as_array().unwrap().iter().any(|object| object["name"] == "x.case"), "{schema}");
    // Nothing of what opens a door, and nothing of anybody else.
    let all = String::from_utf8_lossy(file);
    for word in ["whsec_", "gh_", "\"hash\"", "\"secret\"", "Sam's"] {
        assert!(!all.contains(word), "{word}");
    }
}

async fn a_tenant_becomes_a_file(on: On) {
    let (test, _keys) = host(on).await;
    let once = test.ann.with("idempotency-key", "e1");
    let asked = once.post(EXPORT, &json!({})).await.assert(202);
    assert_eq!(once.post(EXPORT, &json!({})).await.assert(202).text, asked.text);
    let path = asked.header("location").to_owned();
    test.ann.get(&format!("{path}/file")).await.problem(409, "refused");
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&path).await.assert(200).json();
    assert_eq!((&done["job"]["state"], &done["job"]["result"]["files"]), (&json!("done"), &json!(3)), "{done}");
    let file = bytes(&test.ann, &format!("{path}/file")).await;
    assert_eq!(done["job"]["result"]["size"], file.len());
    check(&file);
    let trail = test.ann.get("/api/v1/audit").await.assert(200).json();
    let told: Vec<_> = trail["data"].as_array().unwrap().iter().map(|one| (&one["action"], &one["object"])).collect();
    let (read, all, contact) = (json!("read"), json!("#tenant"), json!("contact"));
    assert!(told.contains(&(&read, &all)) && told.contains(&(&read, &contact)), "{trail}");
}

async fn the_operator_has_it_too(on: On) {
    let (test, _keys) = host(on).await;
    let olga = test.operator().await;
    olga.post("/api/v1/tenants/first/suspend", &json!({})).await.assert(200);
    check(&bytes(&olga, "/api/v1/tenants/first/export").await);
    olga.delete("/api/v1/tenants/first").await.assert(200);
    check(&bytes(&olga, "/api/v1/tenants/first/export").await);
    olga.post("/api/v1/tenants/first/restore", &json!({})).await.assert(200);
    olga.post("/api/v1/tenants/first/resume", &json!({})).await.assert(200);
    let trail = test.ann.get("/api/v1/audit?action=read&object=%23tenant").await.assert(200).json();
    let kinds: Vec<&Json> = trail["data"].as_array().unwrap().iter().map(|one| &one["subject"]["kind"]).collect();
    assert_eq!(kinds, ["operator", "operator"], "{trail}");
    olga.get("/api/v1/tenants/moon/export").await.problem(404, "not_found");
}

async fn an_export_of_all_goes_on_after_a_kill(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    test.ann.upload("object=contact&start=true", "text/csv", contacts(2_500)).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let file = test.ann.create("file", json!({"name": "large.bin"})).await;
    let content = format!("/api/v1/files/{}/content", file["id"].as_str().unwrap());
    test.ann.put_bytes(&content, "application/octet-stream", vec![b'x'; 1_000_000]).await.assert(200);
    let path = test.ann.post(EXPORT, &json!({})).await.assert(202).header("location").to_owned();
    // A little further each time, until the job has begun and is cut off.
    let (mut round, mut polls) = (1, 0);
    while test.ann.get(&path).await.assert(200).json()["job"]["attempts"] == 0 {
        polls += if on == On::Sqlite { 1 } else { 8 };
        killed_after(polls, node(&test, round).await.run_due_jobs()).await;
        round += 1;
    }
    node(&test, round).await.run_due_jobs().await.unwrap();
    let done = test.ann.get(&path).await.assert(200).json();
    assert!(done["job"]["attempts"].as_u64().unwrap() > 1 && done["job"]["state"] == "done", "{done}");
    let entries = read(&bytes(&test.ann, &format!("{path}/file")).await);
    assert_eq!(rows(&entries, "records/contact").len(), 2_500);
    let whole = read(&bytes(&olga, "/api/v1/tenants/first/export").await);
    assert_eq!(rows(&entries, "records/contact"), rows(&whole, "records/contact"));
    assert_eq!(rows(&entries, "events"), rows(&whole, "events"));
}

async fn only_who_may_have_all(on: On) {
    let (test, _keys) = host(on).await;
    let adam = user(&test.ann, "adam", json!(["admin"])).await;
    let path = adam.at.post(EXPORT, &json!({})).await.assert(202).header("location").to_owned();
    test.app.run_due_jobs().await.unwrap();
    let mut actors = vec![test.vic.clone()];
    for role in ["manager", "sales", "service", "marketing", "partner"] {
        actors.push(user(&test.ann, role, json!([role])).await.at);
    }
    for actor in &actors {
        actor.post(EXPORT, &json!({})).await.problem(403, "permission_denied");
        for end in ["", "/file"] {
            actor.get(&format!("{path}{end}")).await.problem(403, "permission_denied");
        }
    }
    for end in ["", "/file"] {
        test.sam.get(&format!("{path}{end}")).await.problem(404, "not_found");
        test.ann.get(&format!("{path}{end}")).await.assert(200);
    }
    // No role of a tenant's own can be given it: it knows no masks.
    let role = json!({"name": "taker", "label": "Taker", "rules": [{"objects": ["#tenant"], "actions": ["export"]}]});
    test.ann.post("/api/v1/roles", &role).await.problem(422, "validation_failed");
    let role = json!({"name": "counter", "label": "Counter", "rules": [{"objects": ["#tenant"], "actions": ["read"]}]});
    test.ann.post("/api/v1/roles", &role).await.assert(201);
    let carl = user(&test.ann, "carl", json!(["counter"])).await;
    carl.at.get("/api/v1/usage").await.assert(200);
    carl.at.post(EXPORT, &json!({})).await.problem(403, "permission_denied");
    // Who may not any more gets nothing, although it was begun.
    let path = adam.at.post(EXPORT, &json!({})).await.assert(202).header("location").to_owned();
    test.ann.patch(&format!("/api/v1/users/{}", adam.id), &json!({"roles": ["sales"]})).await.assert(200);
    test.app.run_due_jobs().await.unwrap();
    let failed = test.ann.get(&path).await.assert(200).json();
    assert_eq!(
        (&failed["job"]["state"], &failed["job"]["error"]["code"]),
        (&json!("failed"), &json!("permission_denied"))
    );
}
