//! Take-overs that others had, each by its name: what is another's stays so, and what is refused is not done.

use serde_json::{Value as Json, json};

use crate::dump::digest;
use crate::leak_cves::dora;
use crate::permissions::{path, role, user};
use crate::support::{Actor, On, TestApp};

both!(
    cve_2026_15630_casdoor
    casbin_493
    cve_2026_85724_moquette
    cve_2026_41160_espocrm
    cve_2025_55746_directus
    cve_2021_23203_odoo
    cve_2018_15631_odoo
    ghsa_8xq9_parse
);

const CONTACT: &str = "/api/v1/records/contact";
const NONE: &str = "01a00000-0000-7000-8000-000000000000";

/// Nothing in a path, a query, a header or a body says which tenant is meant.
async fn cve_2026_15630_casdoor(on: On) {
    let test = TestApp::start(on).await;
    let (ann, sam) = (&test.ann, &test.sam);
    let theirs = ann.get("/api/v1/me").await.json()["tenant"].as_str().unwrap().to_owned();
    let contact = ann.create("contact", json!({"name": "Theirs"})).await;
    let before = digest(&test.database).await;
    for name in ["tenant", "tenant_id", "org", "organization", "domain", "owner", "account", "id"] {
        for path in [CONTACT, "/api/v1/users", "/api/v1/me", "/api/v1/roles", "/api/v1/api-keys"] {
            let reply = sam.get(&format!("{path}?{name}={theirs}")).await;
            assert!(!reply.text.contains("Theirs"), "{path} {name}: {}", reply.text);
        }
        for path in [CONTACT, "/api/v1/users", "/api/v1/teams", "/api/v1/roles", "/api/v1/api-keys", "/api/v1/webhooks"]
        {
            let mut body = json!({"name": "new", "email": "n@example.com", "label": "N", "service": true, "role": "viewer", "url": "https://hooks.example.com/"});
            body[name] = json!(theirs);
            sam.post(path, &body).await.problem(422, "validation_failed");
            sam.post(&format!("{path}?{name}={theirs}"), &json!({"name": "new"}))
                .await
                .problem(400, "unknown_parameter");
        }
    }
    assert_eq!(digest(&test.database).await, before);
    for header in ["x-tenant", "x-tenant-id", "x-org-id", "x-forwarded-host", "host-tenant"] {
        let liar = sam.with(header, &theirs);
        assert_eq!(
            liar.get("/api/v1/me").await.assert(200).json()["tenant"],
            sam.get("/api/v1/me").await.json()["tenant"]
        );
        liar.get(&path(&contact)).await.problem(404, "not_found");
    }
}

const STRANGE: &[&str] = &[
    "a::b",
    "::",
    "admin::first",
    "*",
    "**",
    "#people",
    "a*",
    ".*",
    "a|b",
    "(a)",
    "[a-z]",
    "a,b",
    "a, b",
    "a\"b",
    "'a'",
    "a\nb",
    "a\r\nowner, **, *, all",
    "a b",
    "a/b",
    "contact/note",
    "filter:0",
    "mask",
    "g",
    "p",
    "owner ",
    " owner",
    "Owner",
    "ａdmin",
    "a\u{0}b",
    "a\u{200b}b",
    "",
    "_a",
    "a__b",
    "$a",
    "{a}",
    "a:b",
    "/a/*",
    "a=b",
    "r.sub",
    "true",
];

/// Names that a role manager could take for something else are no names of roles, objects or actions.
async fn casbin_493(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    role(ann, "helper", json!([{"objects": ["contact"], "actions": ["read"], "scope": "own"}])).await;
    let hal = user(ann, "hal", json!(["helper"])).await;
    ann.create("contact", json!({"name": "Not Hal's"})).await;
    let before = digest(&test.database).await;
    for name in STRANGE.iter().filter(|name| !["mask", "g", "p", "true"].contains(*name)) {
        let rule = json!({"objects": ["contact"], "actions": ["read"]});
        ann.post("/api/v1/roles", &json!({"name": name, "label": "L", "rules": [rule]}))
            .await
            .problem(422, "validation_failed");
        let extends = json!({"name": "helper", "label": "L", "extends": [name], "rules": []});
        ann.put("/api/v1/roles/helper", &extends).await.problem(422, "validation_failed");
        if *name != "*" && *name != "#people" {
            let body = json!({"name": "helper", "label": "L", "rules": [{"objects": [name], "actions": ["read"]}]});
            ann.put("/api/v1/roles/helper", &body).await.problem(422, "validation_failed");
        }
        let body = json!({"name": "helper", "label": "L", "rules": [{"objects": ["contact"], "actions": [name]}]});
        ann.put("/api/v1/roles/helper", &body).await.problem(422, "validation_failed");
        let body = json!({"name": "helper", "label": "L", "rules": [{"objects": ["contact"], "actions": ["read"], "except": [name]}]});
        ann.put("/api/v1/roles/helper", &body).await.problem(422, "validation_failed");
        let path = format!("/api/v1/users/{}", hal.id);
        ann.patch(&path, &json!({"roles": [name]})).await.problem(422, "validation_failed");
        ann.post("/api/v1/api-keys", &json!({"name": "k", "service": true, "role": name}))
            .await
            .problem(422, "validation_failed");
        let object = json!({"name": format!("x.{name}"), "label": "L", "plural": "L", "fields": []});
        assert!(ann.post("/api/v1/schema", &object).await.status.is_client_error(), "{name}");
    }
    assert_eq!(digest(&test.database).await, before);
    // Names that mean something inside are names like others.
    for name in ["mask", "g", "p", "true"] {
        role(ann, name, json!([{"objects": ["contact"], "actions": ["update"]}])).await;
    }
    assert!(hal.at.all("contact", &[]).await.is_empty());
    let odd = user(ann, "odd", json!(["g", "mask", "p", "true"])).await;
    odd.at.get(CONTACT).await.problem(403, "permission_denied");
    odd.at.get("/api/v1/users").await.problem(403, "permission_denied");
}

/// A tenant is its id: whatever its names are, they reach nothing of another one.
async fn cve_2026_85724_moquette(on: On) {
    let test = TestApp::start(on).await;
    test.ann.create("contact", json!({"name": "Theirs"})).await;
    let mut made = 0;
    for name in
        STRANGE.iter().chain(&["first", "+", "first/+", "%", "first%", "fir_t"]).filter(|name| !name.contains('\u{0}'))
    {
        let Ok(tenant) = test.app.create_tenant(name, name).await else { continue };
        made += 1;
        let stranger = test.ann.with_key(&tenant.api_key);
        assert!(stranger.all("contact", &[]).await.is_empty(), "{name}");
        assert_eq!(
            stranger.get("/api/v1/roles").await.assert(200).json()["data"].as_array().unwrap().len(),
            8,
            "{name}"
        );
        stranger.create("contact", json!({"name": name})).await;
    }
    let other = test.app.create_tenant("zz", "first::admin * + #").await.unwrap();
    assert!(test.ann.with_key(&other.api_key).all("contact", &[]).await.is_empty());
    assert_eq!(test.ann.all("contact", &[]).await.len(), 1, "{made} strange tenants");
}

/// What is refused was not written: the whole database is as it was.
async fn cve_2026_41160_espocrm(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let rules = json!([
        {"objects": ["contact", "company", "file"], "actions": ["read"]},
        {"objects": ["contact", "file"], "actions": ["create", "update", "delete", "merge", "import", "share"], "scope": "own"},
    ]);
    role(ann, "careful", rules).await;
    let olga = user(ann, "olga", json!(["careful"])).await;
    let other = ann.create("contact", json!({"name": "Other", "email": "o@example.com"})).await;
    let second = ann.create("contact", json!({"name": "Second"})).await;
    let company = ann.create("company", json!({"name": "C"})).await;
    let (id, from) = (other["id"].as_str().unwrap(), second["id"].as_str().unwrap());
    let at = path(&other);
    let before = digest(&test.database).await;
    let asks: Vec<(&str, String, Json)> = vec![
        ("PATCH", at.clone(), json!({"name": "Mine"})),
        ("PATCH", at.clone(), json!({"owner": olga.id})),
        ("DELETE", at.clone(), json!({})),
        (
            "POST",
            format!("{CONTACT}/upsert"),
            json!({"match": "email", "fields": {"email": "o@example.com", "name": "Mine"}}),
        ),
        (
            "POST",
            format!("{CONTACT}/batch"),
            json!({"mode": "atomic", "operations": [{"op": "create", "fields": {"name": "New"}}, {"op": "update", "id": id, "fields": {"name": "Mine"}}]}),
        ),
        ("POST", format!("{CONTACT}/merge"), json!({"into": id, "from": [from]})),
        ("POST", format!("{at}/shares"), json!({"with": "user", "subject": olga.id, "access": "update"})),
        ("POST", "/api/v1/records/company".to_owned(), json!({"name": "New"})),
        ("PATCH", format!("/api/v1/records/company/{}", company["id"].as_str().unwrap()), json!({"name": "Mine"})),
        ("POST", CONTACT.to_owned(), json!({"name": "New", "owner": user_of(ann).await})),
        ("POST", "/api/v1/exports".to_owned(), json!({"object": "contact"})),
        ("POST", "/api/v1/webhooks".to_owned(), json!({"url": "https://hooks.example.com/"})),
        ("PUT", "/api/v1/modules/guildhall.retail-loyalty".to_owned(), json!({})),
    ];
    let with_somebody = digest(&test.database).await;
    for (method, path, body) in &asks {
        for actor in [olga.at.clone(), olga.at.with("idempotency-key", "k")] {
            actor.send(method.parse().unwrap(), path, Some(body.to_string())).await.problem(403, "permission_denied");
        }
    }
    assert_ne!(with_somebody, before);
    assert_eq!(digest(&test.database).await, with_somebody);
    let each = json!({"mode": "each", "operations": [{"op": "update", "id": id, "fields": {"name": "Mine"}}]});
    olga.at.post(&format!("{CONTACT}/batch"), &each).await.assert(200);
    assert_eq!(digest(&test.database).await, with_somebody);
}

/// Somebody else, by id.
async fn user_of(ann: &Actor) -> String {
    user(ann, "somebody", json!(["viewer"])).await.id
}

/// A file that may be read and not changed keeps its content, and nothing of the new one is kept anywhere.
async fn cve_2025_55746_directus(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let rules = json!([
        {"objects": ["file"], "actions": ["read"]},
        {"objects": ["file"], "actions": ["update"], "filter": {"name": {"_eq": "mine"}}},
    ]);
    role(ann, "some_files", rules).await;
    let olga = user(ann, "olga", json!(["some_files"])).await;
    let viewer = user(ann, "vera", json!(["viewer"])).await;
    let mut paths = Vec::new();
    for name in ["mine", "theirs"] {
        let made = ann.create("file", json!({"name": name})).await;
        let content = format!("/api/v1/files/{}/content", made["id"].as_str().unwrap());
        ann.put_bytes(&content, "text/plain", "first").await.assert(200);
        paths.push(content);
    }
    let before = digest(&test.database).await;
    for actor in [&olga.at, &viewer.at] {
        actor.put_bytes(&paths[1], "text/html", "taken over").await.problem(403, "permission_denied");
    }
    assert_eq!(digest(&test.database).await, before);
    assert_eq!(olga.at.get(&paths[1]).await.assert(200).text, "first");
    olga.at.put_bytes(&paths[0], "text/plain", "second").await.assert(200);
    assert_eq!(ann.get(&paths[0]).await.assert(200).text, "second");
}

/// The file of an export is for who sees at least what is in it.
async fn cve_2021_23203_odoo(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    ann.create("contact", json!({"name": "Ann", "note": "secret"})).await;
    let dora = dora(ann).await;
    let every = json!(["read", "export", "import", "create"]);
    role(ann, "own_role", json!([{"objects": ["contact"], "actions": every, "scope": "own"}])).await;
    role(ann, "own_exports", json!([
        {"objects": ["contact"], "actions": ["read"]}, {"objects": ["contact"], "actions": ["export"], "scope": "own"},
    ])).await;
    let olga = user(ann, "olga", json!(["own_role"])).await;
    let exporter = user(ann, "emil", json!(["own_exports"])).await;
    let export = ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
    let import =
        ann.upload("object=contact&start=true", "text/csv", "name,note\nBob,secret\n").await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    let (export, import) = (export["id"].as_str().unwrap(), import["id"].as_str().unwrap());
    let job = ann.get(&format!("/api/v1/imports/{import}")).await.assert(200).json()["job"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (actor, sees_imports) in [(&dora.at, false), (&olga.at, false), (&exporter.at, true), (&test.sam, false)] {
        for path in [
            format!("/api/v1/exports/{export}"),
            format!("/api/v1/exports/{export}/file"),
            format!("/api/v1/imports/{import}"),
            format!("/api/v1/imports/{import}/errors"),
            format!("/api/v1/jobs/{export}"),
            format!("/api/v1/jobs/{job}"),
        ] {
            // Whoever sees all contacts may see how an import of them went.
            let sees = sees_imports && path.contains("/imports/");
            if !sees {
                actor.get(&path).await.problem(404, "not_found");
            }
        }
        let jobs = actor.get("/api/v1/jobs").await;
        assert!(!jobs.text.contains(export) && !jobs.text.contains(&job), "{}", jobs.text);
        actor.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await.problem(404, "not_found");
    }
    assert!(ann.get(&format!("/api/v1/exports/{export}/file")).await.assert(200).text.contains("secret"));
    // What a job exports is what its asker may export, however much else can be read.
    for (actor, told) in [(&exporter.at, "Bob"), (&dora.at, "secret")] {
        let own = actor.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
        test.app.run_due_jobs().await.unwrap();
        let file = actor.get(&format!("/api/v1/exports/{}/file", own["id"].as_str().unwrap())).await.assert(200).text;
        assert!(!file.contains(told), "{file}");
        assert_eq!(file.lines().next(), actor.get(&format!("{CONTACT}/export")).await.assert(200).text.lines().next());
    }
}

/// The content of a file is for who sees the record of the file, wherever else its id stands.
async fn cve_2018_15631_odoo(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let file = ann.create("file", json!({"name": "F"})).await;
    let content = format!("/api/v1/files/{}/content", file["id"].as_str().unwrap());
    let set = ann.put_bytes(&content, "text/plain", "ours").await.assert(200).json();
    role(ann, "no_files", json!([{"objects": ["contact", "message"], "actions": ["read", "create", "update"]}])).await;
    let olga = user(ann, "olga", json!(["no_files"])).await;
    olga.at.get(&content).await.problem(403, "permission_denied");
    test.sam.get(&content).await.problem(404, "not_found");
    // The blob that a content is kept in has an id as well: it is nobody's way in.
    let blob = set["content"].as_str().unwrap();
    for actor in [ann, &olga.at, &test.sam] {
        for path in [
            format!("/api/v1/files/{blob}/content"),
            format!("/api/v1/exports/{blob}/file"),
            format!("/api/v1/imports/{blob}/errors"),
        ] {
            let reply = actor.get(&path).await;
            assert!(reply.status.is_client_error() && !reply.text.contains("ours"), "{path}: {}", reply.text);
        }
    }
    // Another tenant's file does not become one's own by naming it.
    let field = json!({"name": "x_paper", "label": "P", "type": "file"});
    test.sam.post("/api/v1/schema/contact/fields", &field).await.assert(201);
    let body = json!({"name": "Sam", "x_paper": file["id"]});
    let problem = test.sam.post(CONTACT, &body).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "unknown_record");
}

/// An id of one's choice makes nobody anything: ids are the host's, and rights hang on no id that is free.
async fn ghsa_8xq9_parse(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    role(ann, "helper", json!([{"objects": ["contact"], "actions": ["read"]}])).await;
    let gone = user(ann, "gone", json!(["admin"])).await;
    ann.patch(&format!("/api/v1/users/{}", gone.id), &json!({"active": false})).await.assert(200);
    let before = digest(&test.database).await;
    for id in [gone.id.as_str(), NONE, "admin", "owner", "role:admin", "*"] {
        for (path, body) in [
            ("/api/v1/users", json!({"id": id, "email": "n@example.com", "name": "N"})),
            ("/api/v1/teams", json!({"id": id, "name": "N"})),
            ("/api/v1/api-keys", json!({"id": id, "name": "N", "service": true, "role": "viewer"})),
            ("/api/v1/roles", json!({"id": id, "name": "new", "label": "N"})),
            (CONTACT, json!({"id": id, "name": "N"})),
        ] {
            ann.post(path, &body).await.problem(422, "validation_failed");
        }
    }
    assert_eq!(digest(&test.database).await, before);
    // Who has gone is no way in for who comes: neither the key nor the mail.
    gone.at.get("/api/v1/me").await.problem(401, "unauthenticated");
    let reply = ann.post("/api/v1/users", &json!({"email": "GONE@example.com", "name": "New"})).await;
    reply.problem(422, "validation_failed");
}
