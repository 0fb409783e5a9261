//! Exports: files made by jobs, and lists sent as they are read.

use serde_json::{Value as Json, json};

use crate::jobs::{contacts, killed_after, node};
use crate::support::{On, TestApp};

both!(
    an_export_becomes_a_file
    an_export_goes_on_after_a_kill
    records_are_sent_as_they_are_read
    our_own_export_can_be_imported
    cve_2022_50589_suitecrm_export_uid
    cve_2021_25960_suitecrm
    exports_of_others_are_not_there
);

async fn seed(test: &TestApp, count: usize) {
    let import = test.ann.upload("object=contact&start=true", "text/csv", contacts(count)).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    let job = format!("/api/v1/jobs/{}", import["job"]["id"].as_str().unwrap());
    let job = test.ann.get(&job).await.assert(200).json();
    assert_eq!((&job["state"], &job["result"]["counts"]["created"]), (&json!("done"), &json!(count)), "{job}");
}

async fn an_export_becomes_a_file(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 1_200).await;
    let ask = json!({"object": "contact", "filter": {"name": {"_neq": "Person 7"}}, "sort": "-name",
        "fields": ["name", "email", "version"], "header": "labels", "bom": true});
    let once = test.vic.with("idempotency-key", "e1");
    let export = once.post("/api/v1/exports", &ask).await.assert(202);
    assert_eq!(once.post("/api/v1/exports", &ask).await.assert(202).text, export.text);
    let path = export.header("location").to_owned();
    test.vic.get(&format!("{path}/file")).await.problem(409, "refused");
    test.app.run_due_jobs().await.unwrap();
    let done = test.vic.get(&path).await.assert(200).json();
    assert_eq!(done["job"]["result"]["records"], 1_199, "{done}");
    let file = test.vic.get(&format!("{path}/file")).await.assert(200);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"export.csv\"");
    assert_eq!(file.text.len() as u64, done["job"]["result"]["size"].as_u64().unwrap());
    let lines: Vec<&str> = file.text.split("\r\n").collect();
    assert_eq!((lines[0], lines[1]), ("\u{feff}Name,E-mail,version", "Person 999,p999@x.com,1"));
    assert_eq!(lines.len(), 1_201);
}

async fn an_export_goes_on_after_a_kill(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 3_000).await;
    let whole = test.ann.get("/api/v1/records/contact/export?sort=name").await.assert(200).text;
    let ask = json!({"object": "contact", "sort": "name"});
    let path = test.ann.post("/api/v1/exports", &ask).await.assert(202).header("location").to_owned();
    // A little further each time, until the job has begun and is cut off.
    let (mut round, mut polls) = (1, 0);
    while test.ann.get(&path).await.assert(200).json()["job"]["attempts"] == 0 {
        polls += if on == On::Sqlite { 1 } else { 8 };
        killed_after(polls, node(&test, round).await.run_due_jobs()).await;
        round += 1;
    }
    node(&test, round).await.run_due_jobs().await.unwrap();
    let done = test.ann.get(&path).await.assert(200).json();
    assert!(done["job"]["attempts"].as_u64().unwrap() > 1, "{done}");
    let file = test.ann.get(&format!("{path}/file")).await.assert(200).text;
    let other = file.lines().zip(whole.lines()).enumerate().find(|(_, (left, right))| left != right);
    assert_eq!((other, file.len()), (None, whole.len()), "{done}");
}

async fn records_are_sent_as_they_are_read(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 1_001).await;
    let at = "/api/v1/records/contact/export";
    let lines = test.vic.get(&format!("{at}?format=jsonl&filter[name][_neq]=Person%207")).await.assert(200);
    assert_eq!(lines.header("content-type"), "application/jsonl");
    assert_eq!(lines.text.lines().count(), 1_000);
    let first: Json = serde_json::from_str(lines.text.lines().next().unwrap()).unwrap();
    assert!(first["name"].as_str().unwrap().starts_with("Person "), "{first}");
    let tree = "filter=%7B%22name%22%3A%7B%22_in%22%3A%5B%22Person%201%22%5D%7D%7D";
    assert_eq!(test.vic.get(&format!("{at}?fields=name&{tree}")).await.assert(200).text, "name\r\nPerson 1\r\n");
    for (query, code) in
        [("format=xml", 400), ("limit=1", 400), ("colour=red", 400), ("fields=colour", 422), ("sort=x", 422)]
    {
        test.vic.get(&format!("{at}?{query}")).await.assert(code);
    }
    test.vic.get("/api/v1/records/nothing/export").await.problem(404, "unknown_object");
}

async fn our_own_export_can_be_imported(on: On) {
    let test = TestApp::start(on).await;
    let company = json!({"name": "=Shop", "external_id": "'s1"});
    let company = test.ann.create("company", company).await;
    let contact = json!({"name": "Ann, \"the\" O'Neil", "email": "ann@x.com", "phone": "+41441234567",
        "company": company["id"], "birthday": "1999-12-31", "note": " two\nlines\t", "external_id": "-7"});
    let contact = test.ann.create("contact", contact).await;
    test.ann.create("contact", json!({"name": "'@plain"})).await;
    let order = json!({"contact": contact["id"], "placed_at": "2026-01-02T03:04:05.000006Z",
        "total": {"amount": "-1.50", "currency": "EUR"}, "quantity": -5});
    test.ann.create("order", order).await;
    for object in ["company", "contact", "order"] {
        let at = format!("/api/v1/records/{object}");
        let before = test.ann.all(object, &[]).await;
        let file = test.ann.get(&format!("{at}/export?bom=true")).await.assert(200).text;
        // As changes of the very same records, nothing changes.
        let query = format!("object={object}&start=true&mode=update&key=id&empty=clear");
        let same = test.ann.upload(&query, "text/csv", file.clone()).await.assert(202).json();
        test.app.run_due_jobs().await.unwrap();
        let done = test.ann.get(&format!("/api/v1/imports/{}", same["id"].as_str().unwrap())).await.json();
        assert_eq!(done["job"]["result"]["counts"], json!({"unchanged": before.len()}), "{done} {file}");
        assert_eq!(test.ann.all(object, &[]).await, before);
        assert!(!file.contains("'-1.50") && (object != "order" || file.contains("-1.50 EUR,-5")), "{file}");
    }
}

async fn cve_2022_50589_suitecrm_export_uid(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 3).await;
    let at = "/api/v1/records/contact/export";
    for text in ["1' or '1'='1", "1) union select secret from instance--", "id;drop table o_contact", "name\",\"id"] {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        test.ann.get(&format!("{at}?fields={encoded}")).await.problem(422, "validation_failed");
        test.ann.get(&format!("{at}?sort={encoded}")).await.problem(422, "validation_failed");
        test.ann.get(&format!("{at}?filter[id][_eq]={encoded}")).await.problem(422, "validation_failed");
        test.ann.get(&format!("{at}?filter[{encoded}][_eq]=1")).await.problem(422, "validation_failed");
        test.ann.get(&format!("{at}?uid={encoded}")).await.problem(400, "unknown_parameter");
        let found = test.ann.get(&format!("{at}?fields=name&filter[name][_eq]={encoded}")).await.assert(200).text;
        assert_eq!(found, "name\r\n");
        for ask in [
            json!({"object": text}),
            json!({"object": "contact", "sort": text}),
            json!({"object": "contact", "fields": [text]}),
            json!({"object": "contact", "filter": {"id": {"_in": [text]}}}),
            json!({"object": "contact", "uid": text}),
        ] {
            assert!([404, 422].contains(&test.ann.post("/api/v1/exports", &ask).await.status.as_u16()), "{ask}");
        }
    }
    assert_eq!(test.ann.all("contact", &[]).await.len(), 3);
}

async fn cve_2021_25960_suitecrm(on: On) {
    let test = TestApp::start(on).await;
    for (at, text) in ["=HYPERLINK(\"http://x\")", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)"].iter().enumerate() {
        test.ann.create("company", json!({"name": text, "external_id": format!("{at}")})).await;
    }
    let path = test.ann.post("/api/v1/exports", &json!({"object": "company", "fields": ["name"]})).await.assert(202);
    let path = path.header("location").to_owned();
    test.app.run_due_jobs().await.unwrap();
    let file = test.ann.get(&format!("{path}/file")).await.assert(200).text;
    for line in file.lines().skip(1) {
        assert!(line.trim_matches('"').starts_with('\''), "{line}");
    }
}

async fn exports_of_others_are_not_there(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 3).await;
    let path = test.ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202);
    let path = path.header("location").to_owned();
    test.app.run_due_jobs().await.unwrap();
    test.sam.get(&path).await.problem(404, "not_found");
    test.sam.get(&format!("{path}/file")).await.problem(404, "not_found");
    assert_eq!(test.sam.get("/api/v1/records/contact/export?fields=name").await.assert(200).text, "name\r\n");
}
