//! Who may take out and erase a person, what is in the file, and what a certificate is worth.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::dump::run;
use crate::permissions::user;
use crate::privacy::{CONTACT, assert_nothing_of_the_person, at, erase, known};
use crate::support::{On, TestApp};

both!(
    who_may_erase_and_export
    everything_of_a_person_is_exported
    a_certificate_cannot_be_changed
);

async fn who_may_erase_and_export(on: On) {
    let test = TestApp::start(on).await;
    let (ann, vic, sam) = (&test.ann, &test.vic, &test.sam);
    let made = ann.create("contact", json!({"name": "Ann"})).await;
    let sales = user(ann, "sally", json!(["sales"])).await.at;
    let confirm = json!({"confirm": made["id"]});
    for what in ["/person/export", "/person/erase"] {
        let path = at(&made, what);
        vic.post(&path, &confirm).await.problem(403, "permission_denied");
        // Of other teams a seller sees nothing, and nothing of other tenants anybody.
        sales.post(&path, &confirm).await.problem(404, "not_found");
        sam.post(&path, &confirm).await.problem(404, "not_found");
        test.anon.post(&path, &confirm).await.problem(401, "unauthenticated");
        vic.with("prefer", "dry-run").post(&path, &json!({})).await.problem(403, "permission_denied");
    }
    let own = sales.create("contact", json!({"name": "Own"})).await;
    sales.post(&at(&own, "/person/erase"), &json!({"confirm": own["id"]})).await.problem(403, "permission_denied");
    sales.post(&at(&own, "/person/export"), &json!({})).await.problem(403, "permission_denied");
    for wrong in [
        json!({}),
        json!({"confirm": own["id"]}),
        json!({"confirm": "yes"}),
        json!({"confirm": made["id"], "all": true}),
    ] {
        ann.post(&at(&made, "/person/erase"), &wrong).await.problem(422, "validation_failed");
    }
    let company = ann.create("company", json!({"name": "Shop"})).await;
    let company = format!("/api/v1/records/company/{}", company["id"].as_str().unwrap());
    ann.post(&format!("{company}/person/export"), &json!({})).await.problem(409, "refused");
    ann.post(&format!("{company}/person/erase"), &json!({"confirm": made["id"]})).await.problem(409, "refused");
    let role =
        json!({"name": "eraser", "label": "Eraser", "rules": [{"objects": ["#privacy"], "actions": ["configure"]}]});
    ann.post("/api/v1/roles", &role).await.problem(422, "validation_failed");
    // One that was merged is what it has become.
    let twin = ann.create("contact", json!({"name": "Twin"})).await;
    ann.post(&format!("{CONTACT}/merge"), &json!({"into": made["id"], "from": [twin["id"]]})).await.assert(200);
    let problem = ann.post(&at(&twin, "/person/export"), &json!({})).await.problem(404, "not_found");
    assert_eq!(problem["merged_into"], made["id"]);
    assert_eq!(ann.get("/api/v1/jobs").await.json()["data"], json!([]), "nothing was asked for");
}

async fn everything_of_a_person_is_exported(on: On) {
    let known = known(on).await;
    let (test, ann) = (&known.test, &known.test.ann);
    let once = ann.with("idempotency-key", "export");
    let asked = once.post(&at(&known.person, "/person/export"), &json!({})).await.assert(202);
    let again = once.post(&at(&known.person, "/person/export"), &json!({})).await.assert(202);
    assert_eq!(again.text, asked.text);
    let asked = asked.json();
    let path = asked["file"].as_str().unwrap();
    ann.get(path).await.problem(409, "refused");
    test.app.run_due_jobs().await.unwrap();
    let file = ann.get(path).await.assert(200);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"person.json\"");
    let export = file.json();
    assert_eq!(export["person"], json!({"object": "contact", "id": known.person["id"]}));
    let of = |object: &str| export["records"].as_array().unwrap().iter().filter(|one| one["object"] == object).count();
    let counts = ["contact", "activity", "message", "file", "loyalty.entry", "order"].map(of);
    assert_eq!(counts, [2, 2, 1, 1, 1, 1]);
    let words = [
        "Quintanilla",
        "cyclamen",
        "Heliotropweg",
        "Zorro77",
        "tangerine",
        "palindrome",
        "blue-door",
        "quietly-removed",
    ];
    for word in words {
        assert!(file.text.contains(word), "{word}");
    }
    let content = export["files"][0]["content"][0].as_str().unwrap();
    let content = STANDARD.decode(content).unwrap();
    assert_eq!(content, b"a scan of Quintanilla");
    let orders: Vec<&Json> =
        export["records"].as_array().unwrap().iter().filter(|one| one["object"] == "order").collect();
    assert_eq!((&orders[0]["belongs"], &orders[0]["deleted"]), (&json!(false), &json!(false)));
    assert!(export["events"].as_array().unwrap().len() > 10);
    assert_eq!(export["shares"].as_array().unwrap().len(), 1);
    assert!(export["audit"].as_array().unwrap().iter().all(|entry| entry["record"].is_string()));
    assert!(!export["audit"].as_array().unwrap().is_empty());
    // Nobody else reads it, not even another admin; that it was read is noted, and so is the encrypted field.
    let adam = user(ann, "adam", json!(["admin"])).await.at;
    adam.get(path).await.problem(404, "not_found");
    test.vic.get(path).await.problem(403, "permission_denied");
    test.sam.get(path).await.problem(404, "not_found");
    let id = known.person["id"].as_str().unwrap();
    let trail = ann.get(&format!("/api/v1/audit?record={id}&limit=500")).await.assert(200).json();
    let has = |action: &str, field: &str| {
        trail["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["action"] == action && entry["fields"] == json!([field]))
    };
    assert!(has("export", "person") && has("read", "person") && has("read", "x_pin"), "{trail}");
    // What is erased is no longer in the file.
    erase(test, &known.person).await;
    ann.get(path).await.assert(404);
    assert_nothing_of_the_person(test).await;
}

async fn a_certificate_cannot_be_changed(on: On) {
    let test = TestApp::start(on).await;
    let mut paths = Vec::new();
    for name in ["One", "Two", "Three"] {
        let person = test.ann.create("contact", json!({"name": name})).await;
        let done = erase(&test, &person).await;
        paths.push(format!("/api/v1/certificates/{}", done["result"]["certificate"].as_str().unwrap()));
    }
    let first = test.ann.get("/api/v1/certificates?limit=2").await.assert(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = test.ann.get(&format!("/api/v1/certificates?limit=2&cursor={cursor}")).await.assert(200).json();
    assert_eq!((first["data"].as_array().unwrap().len(), second["data"].as_array().unwrap().len()), (2, 1));
    assert_eq!(second["next_cursor"], Json::Null);
    assert_eq!(test.ann.get(&paths[0]).await.assert(200).json()["valid"], true);
    let changed =
        run(&test.database, "update certificate set body = replace(body, '\"events\":', '\"events\":7')").await;
    assert_eq!(changed, 3);
    assert_eq!(test.ann.get(&paths[0]).await.assert(200).json()["valid"], false);
    test.sam.get(&paths[0]).await.problem(404, "not_found");
    test.vic.get(&paths[0]).await.problem(403, "permission_denied");
    test.vic.get("/api/v1/certificates").await.problem(403, "permission_denied");
    test.anon.get("/api/v1/certificates").await.problem(401, "unauthenticated");
}
