//! Imports: what is found in files, what becomes of rows, resuming, undoing.

use encoding_rs::GB18030;
use rand::RngExt;
use serde_json::{Value as Json, json};

use crate::jobs::{contacts, killed_after, node};
use crate::support::{Actor, On, Reply, TestApp};

both!(
    every_encoding_and_delimiter
    words_in_two_languages_find_their_fields
    a_plan_can_be_changed_and_tried
    rows_change_records_by_key
    links_are_found_by_another_field
    cards_and_lines_of_json
    an_import_killed_at_twenty_random_rows_has_every_row_once
    undoing_puts_everything_back
    what_was_changed_since_is_not_undone
    the_same_upload_with_a_key_is_one_import
    hooks_run_for_rows
    plans_that_cannot_be
);

/// Runs an import with these parameters, and returns it.
pub async fn import(test: &TestApp, query: &str, media_type: &str, file: impl Into<reqwest::Body>) -> Json {
    let started = test.ann.upload(&format!("{query}&start=true"), media_type, file).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    view(&test.ann, &started).await
}

/// An import as it is now.
pub async fn view(ann: &Actor, import: &Json) -> Json {
    ann.get(&path(import, "")).await.assert(200).json()
}

pub fn path(import: &Json, what: &str) -> String {
    format!("/api/v1/imports/{}{what}", import["id"].as_str().unwrap())
}

fn names(records: &[Json]) -> Vec<&str> {
    records.iter().map(|record| record["name"].as_str().unwrap()).collect()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

async fn every_encoding_and_delimiter(on: On) {
    let test = TestApp::start(on).await;
    let text = "name;city\r\n张三;北京市海淀区\r\nGrüße;Zürich\r\n李四;上海\r\n";
    let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
    let chinese = GB18030.encode(text).0.into_owned();
    for (file, encoding) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (marked(b"\xef\xbb\xbf", text.as_bytes()), "UTF-8"),
        (marked(b"\xff\xfe", &utf16(text, false)), "UTF-16LE"),
        (marked(b"\xfe\xff", &utf16(text, true)), "UTF-16BE"),
        (chinese.clone(), "gb18030"),
        (marked(b"\x84\x31\x95\x33", &chinese), "gb18030"),
    ] {
        for record in test.ann.all("contact", &[]).await {
            test.ann.delete(&format!("/api/v1/records/contact/{}", record["id"].as_str().unwrap())).await.assert(204);
        }
        let done = import(&test, "object=contact", "text/csv", file).await;
        assert_eq!((&done["encoding"], &done["delimiter"]), (&json!(encoding), &json!(";")), "{done}");
        assert_eq!(done["job"]["progress"]["counts"]["created"], 3, "{done}");
        assert_eq!(names(&test.ann.all("contact", &[("sort", "name")]).await), ["Grüße", "张三", "李四"]);
    }
    for delimiter in [",", ";", "\t", "|"] {
        let file = format!("name{delimiter}city\n\"A{delimiter}B\"{delimiter}Bern\n");
        let found = test.ann.upload("object=contact", "text/csv", file).await.assert(202).json();
        assert_eq!((&found["delimiter"], &found["header"]), (&json!(delimiter), &json!(true)), "{found}");
        assert_eq!(found["columns"][0]["samples"], json!([format!("A{delimiter}B")]));
    }
}

async fn words_in_two_languages_find_their_fields(on: On) {
    let test = TestApp::start(on).await;
    let found = |reply: Reply| {
        let found = reply.assert(202).json();
        let fields: Vec<Json> =
            found["columns"].as_array().unwrap().iter().map(|column| column["field"].clone()).collect();
        json!([found["header"], fields])
    };
    for (file, expected) in [
        (
            "姓名,手机,邮箱,公司,城市\n张三,13800000000,z@x.com,百货,北京\n",
            json!([true, ["name", "phone", "email", "company", "city"]]),
        ),
        (
            "Full Name,E-Mail Address,Mobile Phone,Shoe size\nAnn,a@x.com,+41 44 1234567,38\n",
            json!([true, ["name", "email", "phone", null]]),
        ),
        // Without a header, by what the values look like.
        ("Ann,ann@x.com,+41 44 123 45 67\nBob,bob@x.com,+41 44 123 45 68\n", json!([false, [null, "email", "phone"]])),
        ("name,name,city\nAnn,Bob,Bern\n", json!([true, ["name", null, "city"]])),
    ] {
        assert_eq!(found(test.ann.upload("object=contact", "text/csv", file).await), expected, "{file}");
    }
}

async fn a_plan_can_be_changed_and_tried(on: On) {
    let test = TestApp::start(on).await;
    let file = "Wer,Wann,Was\nAnn,31.12.1999,a\nBob,1.2.2000,b\n,3.4.2001,c\n";
    let import = test.ann.upload("object=contact", "text/csv", file).await.assert(202).json();
    let start = path(&import, "/start");
    test.ann.post(&start, &json!({})).await.problem(422, "validation_failed");
    let plan = json!({"mapping": {"Wer": "name", "#2": "birthday", "Was": null}, "options": {"dates": "dmy"}});
    let changed = test.ann.patch(&path(&import, ""), &plan).await.assert(200).json();
    assert_eq!(changed["columns"][1]["field"], "birthday");

    test.ann.post(&start, &json!({"dry_run": true})).await.assert(202);
    test.ann.post(&start, &json!({})).await.problem(409, "refused");
    test.app.run_due_jobs().await.unwrap();
    let tried = view(&test.ann, &import).await;
    assert_eq!(tried["job"]["result"]["counts"], json!({"created": 2, "failed": 1}), "{tried}");
    assert!(test.ann.all("contact", &[]).await.is_empty());
    test.ann.post(&path(&import, "/undo"), &json!({})).await.problem(409, "refused");

    test.ann.post(&start, &json!({"dry_run": false})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let records = test.ann.all("contact", &[("sort", "name")]).await;
    assert_eq!(names(&records), ["Ann", "Bob"]);
    assert_eq!(records[1]["birthday"], "2000-02-01");
    let errors = test.ann.get(&path(&import, "/errors")).await.assert(200);
    assert_eq!(errors.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(errors.text, "Wer,Wann,Was,row_number,code,reason\r\n,3.4.2001,c,3,required,name: may not be empty\r\n");
    test.ann.post(&start, &json!({})).await.problem(409, "refused");
    test.ann.patch(&path(&import, ""), &json!({"header": false})).await.problem(409, "refused");
}

async fn rows_change_records_by_key(on: On) {
    let test = TestApp::start(on).await;
    let old = json!({"name": "Old", "email": "ann@x.com", "city": "Bern", "note": "stays"});
    let ann = test.ann.create("contact", old).await;
    let file = "name,email,city\nAnn,ANN@x.com,\nBob,bob@x.com,Basel\nBobby,bob@x.com,\n";
    let done = import(&test, "object=contact&mode=upsert&key=email", "text/csv", file).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"created": 1, "updated": 2}), "{done}");
    let now = test.ann.get(&format!("/api/v1/records/contact/{}", ann["id"].as_str().unwrap())).await.json();
    assert_eq!((&now["name"], &now["city"], &now["note"]), (&json!("Ann"), &json!("Bern"), &json!("stays")));
    let bob = &test.ann.all("contact", &[("filter[email][_eq]", "bob@x.com")]).await[0];
    assert_eq!((&bob["name"], &bob["city"]), (&json!("Bobby"), &json!("Basel")));

    let file = "email,city\nann@x.com,\nnobody@x.com,Bern\n";
    let done = import(&test, "object=contact&mode=update&key=email&empty=clear", "text/csv", file).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"failed": 1, "updated": 1}), "{done}");
    let now = test.ann.get(&format!("/api/v1/records/contact/{}", ann["id"].as_str().unwrap())).await.json();
    assert_eq!(now["city"], json!(null));

    // Of two rows with one unique value the second is refused.
    let file = "name,email\nC,c@x.com\nD,C@X.com\nE,ann@x.com\n";
    let done = import(&test, "object=contact", "text/csv", file).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"created": 1, "failed": 2}), "{done}");
    let file = format!("id,city\n{},Genf\n", ann["id"].as_str().unwrap());
    let done = import(&test, "object=contact&mode=update&key=id", "text/csv", file).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"updated": 1}), "{done}");
}

async fn links_are_found_by_another_field(on: On) {
    let test = TestApp::start(on).await;
    let shop = test.ann.create("company", json!({"name": "Shop"})).await;
    test.ann.create("company", json!({"name": "Twice"})).await;
    test.ann.create("company", json!({"name": "Twice"})).await;
    let file = "name,company\nAnn,Shop\nBob,Nowhere\nCid,Twice\nDon,\n";
    let done = import(&test, "object=contact", "text/csv", file).await;
    assert_eq!(done["columns"][1]["match"], "name");
    assert_eq!(done["job"]["result"]["counts"], json!({"created": 2, "failed": 2}), "{done}");
    let records = test.ann.all("contact", &[("sort", "name")]).await;
    assert_eq!(names(&records), ["Ann", "Don"]);
    assert_eq!(records[0]["company"], shop["id"]);
    let errors = test.ann.get(&path(&done, "/errors")).await.assert(200).text;
    assert!(errors.contains("there is no company whose name is `Nowhere`"), "{errors}");
    assert!(errors.contains("more than one company"), "{errors}");
}

async fn cards_and_lines_of_json(on: On) {
    let test = TestApp::start(on).await;
    let cards = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nEMAIL:ann@x.com\r\nBDAY:19960415\r\nEND:VCARD\r\n\
                 BEGIN:VCARD\r\nVERSION:2.1\r\nN:Example;Bob\r\nTEL;HOME:044 123 45 67\r\nEND:VCARD\r\n";
    let done = import(&test, "object=contact&country_code=%2B41", "text/vcard", cards).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"created": 2}), "{done}");
    let lines = "{\"name\": \"Cid\", \"email\": \"cid@x.com\"}\n\n{\"name\": \"Don\", \"birthday\": null}\n";
    for media_type in ["application/jsonl", "application/x-ndjson; charset=utf-8"] {
        let done = import(&test, "object=contact&mode=upsert&key=email", media_type, lines).await;
        assert_eq!(done["job"]["state"], "done", "{done}");
    }
    let records = test.ann.all("contact", &[("sort", "name,phone")]).await;
    assert_eq!(names(&records), ["Ann", "Bob Example", "Cid", "Don", "Don"]);
    assert_eq!(records[0]["birthday"], "1996-04-15");
    assert_eq!(records[1]["phone"], "+41441234567");
}

async fn an_import_killed_at_twenty_random_rows_has_every_row_once(on: On) {
    let test = TestApp::start(on).await;
    let count = 15_000;
    let mut file = contacts(count);
    file.push_str("Bad,not an address,x\n");
    let started = test.ann.upload("object=contact&start=true", "text/csv", file).await.assert(202).json();
    let mut kills = 0;
    for round in 1.. {
        // Each time a node of its own, after the lease of the one before has ended.
        let host = node(&test, round).await;
        let polls = rand::rng().random_range(4..if on == On::Sqlite { 14 } else { 50 });
        let ended = killed_after(polls, host.run_due_jobs()).await;
        let job = view(&test.ann, &started).await["job"].clone();
        match job["state"].as_str().unwrap() {
            "done" => break,
            state => assert!(state == "running" || state == "queued", "{job} {ended:?}"),
        }
        kills += 1;
        if kills == 20 {
            node(&test, round + 1).await.run_due_jobs().await.unwrap();
            break;
        }
    }
    assert!(kills >= 10, "{kills}");
    let done = view(&test.ann, &started).await;
    assert_eq!(done["job"]["state"], "done", "after {kills} kills: {done}");
    assert_eq!(done["job"]["result"]["counts"], json!({"created": count, "failed": 1}), "{done}");
    let records = test.ann.all("contact", &[("limit", "500")]).await;
    let mut seen: Vec<&str> = records.iter().map(|record| record["external_id"].as_str().unwrap()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen.len(), records.len()), (count, count));
    let errors = test.ann.get(&path(&done, "/errors")).await.assert(200).text;
    assert_eq!(errors.lines().count(), 2, "{errors}");
}

async fn undoing_puts_everything_back(on: On) {
    let test = TestApp::start(on).await;
    test.ann.create("contact", json!({"name": "Ann", "email": "ann@x.com", "city": "Bern"})).await;
    let comparable = |records: Vec<Json>| -> Vec<Json> {
        let strip = |mut record: Json| {
            for name in ["version", "updated_at"] {
                record[name] = json!(null);
            }
            record
        };
        records.into_iter().map(strip).collect()
    };
    let before = comparable(test.ann.all("contact", &[]).await);
    let file = "name,email,city\nX,ann@x.com,Basel\nNew,new@x.com,Genf\nX2,ann@x.com,Chur\nNewer,new@x.com,Biel\n";
    let done = import(&test, "object=contact&mode=upsert&key=email", "text/csv", file).await;
    assert_eq!(test.ann.all("contact", &[]).await.len(), 2);
    let undo = test.ann.with("idempotency-key", "u1");
    let first = undo.post(&path(&done, "/undo"), &json!({})).await.assert(202).json();
    assert_eq!(undo.post(&path(&done, "/undo"), &json!({})).await.assert(202).json(), first);
    test.app.run_due_jobs().await.unwrap();
    let undone = view(&test.ann, &done).await;
    assert_eq!(undone["undo"]["result"], json!({"undone": 2, "kept": 0}), "{undone}");
    assert_eq!(comparable(test.ann.all("contact", &[]).await), before);
    test.ann.post(&path(&done, "/undo"), &json!({})).await.problem(409, "refused");
    test.ann.post(&path(&done, "/start"), &json!({})).await.problem(409, "refused");
}

async fn what_was_changed_since_is_not_undone(on: On) {
    let test = TestApp::start(on).await;
    let done = import(&test, "object=contact", "text/csv", contacts(250)).await;
    let touched = test.ann.all("contact", &[("filter[external_id][_eq]", "e7")]).await[0].clone();
    let at = format!("/api/v1/records/contact/{}", touched["id"].as_str().unwrap());
    test.ann.patch(&at, &json!({"city": "Bern"})).await.assert(200);
    test.ann.post(&path(&done, "/undo"), &json!({})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let undone = view(&test.ann, &done).await;
    assert_eq!(undone["undo"]["result"], json!({"undone": 249, "kept": 1}), "{undone}");
    assert_eq!(undone["not_undone"], json!([touched["id"]]));
    assert_eq!(test.ann.all("contact", &[]).await.len(), 1);
}

async fn the_same_upload_with_a_key_is_one_import(on: On) {
    let test = TestApp::start(on).await;
    let once = test.ann.with("idempotency-key", "i1");
    let first = once.upload("object=contact&start=true", "text/csv", contacts(3)).await.assert(202);
    let again = once.upload("object=contact&start=true", "text/csv", contacts(3)).await.assert(202);
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = once.upload("object=contact&start=true", "text/csv", contacts(4)).await;
    other.problem(422, "idempotency_key_reused");
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(test.ann.all("contact", &[]).await.len(), 3);
}

async fn hooks_run_for_rows(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    test.ann.create("contact", json!({"name": "Ann", "external_id": "c1"})).await;
    let file = "contact,placed_at,total,external_id\nc1,2026-01-01,10.00 EUR,o1\nc1,2026-01-02,5.00 EUR,o2\nc1,2026-01-03,x,o3\n";
    let done = import(&test, "object=order", "text/csv", file).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"created": 2, "failed": 1}), "{done}");
    let members = test.ann.all("loyalty.member", &[]).await;
    assert_eq!(members[0]["points"], 15, "{members:?}");
    test.ann.post(&path(&done, "/undo"), &json!({})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert!(test.ann.all("order", &[]).await.is_empty());
    assert_eq!(test.ann.all("loyalty.member", &[]).await[0]["points"], 0);
}

async fn plans_that_cannot_be(on: On) {
    let test = TestApp::start(on).await;
    let import = test.ann.upload("object=contact", "text/csv", "name,city\nAnn,Bern\n").await.assert(202).json();
    for (plan, code) in [
        (json!({"mapping": {"nothing": "name"}}), "wrong_type"),
        (json!({"mapping": {"#3": "name"}}), "wrong_type"),
        (json!({"mapping": {"name": "colour"}}), "unknown_field"),
        (json!({"mapping": {"city": "name"}}), "mapped_twice"),
        (json!({"mapping": {"name": "id"}}), "read_only"),
        (json!({"mapping": {"name": {"field": "company", "match": "note"}}}), "unknown_field"),
        (json!({"mapping": {"name": 7}}), "wrong_type"),
        (json!({"mapping": 7}), "wrong_type"),
        (json!({"options": {"mode": "upsert"}}), "required"),
        (json!({"options": {"mode": "upsert", "key": "city"}}), "out_of_range"),
        (json!({"options": {"mode": "replace"}}), "wrong_type"),
        (json!({"options": {"colour": "red"}}), "wrong_type"),
        (json!({"options": {"country_code": "41"}}), "wrong_type"),
        (json!({"encoding": "klingon"}), "unknown_option"),
        (json!({"delimiter": "\""}), "out_of_range"),
        (json!({"colour": "red"}), "unknown_field"),
    ] {
        let problem = test.ann.patch(&path(&import, ""), &plan).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], code, "{plan}: {problem}");
    }
    assert_eq!(view(&test.ann, &import).await, import);
    test.ann.upload("object=contact", "text/html", "x").await.problem(415, "unsupported_media_type");
    test.ann.upload("object=nothing", "text/csv", "x").await.problem(404, "unknown_object");
    test.ann.upload("object=contact&colour=red", "text/csv", "x").await.problem(400, "unknown_parameter");
    test.ann.upload("object=contact&start=maybe", "text/csv", "x").await.problem(400, "invalid_parameter");
}
