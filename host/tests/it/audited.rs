//! The audit trail: who read and changed noted fields, before the answer went out.

use serde_json::{Value as Json, json};

use crate::dump::attempt;
use crate::encrypted::{new_key_file, pin};
use crate::support::{Actor, On, Reply, TestApp, plugin, plugin_with};

both!(
    every_read_and_every_change_is_noted
    answers_that_are_repeated_are_noted_again
    jobs_files_and_figures_are_noted
    what_a_plugin_changes_is_noted_as_its_own
    a_value_that_a_plugin_puts_into_a_callers_record_is_its_own
    entries_are_found_and_paged
    only_admins_of_the_tenant_see_the_trail
    the_trail_is_only_appended_to
    what_is_not_marked_is_not_noted
);

const CONTACT: &str = "/api/v1/records/contact";

fn level() -> Json {
    json!({"name": "x_level", "label": "Level", "type": "text", "audited": true})
}

/// A host whose contacts have an audited and an encrypted field.
async fn host(on: On) -> (TestApp, tempfile::TempDir) {
    let (directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&test.ann, "contact", level()).await;
    crate::schema::add(&test.ann, "contact", pin()).await;
    (test, directory)
}

fn path(record: &Json) -> String {
    format!("{CONTACT}/{}", record["id"].as_str().unwrap())
}

async fn trail(ann: &Actor, query: &str) -> Vec<Json> {
    let page = ann.get(&format!("/api/v1/audit?limit=500{query}")).await.assert(200).json();
    page["data"].as_array().unwrap().iter().filter(|entry| is_about_fields(entry)).cloned().collect()
}

/// Whether an entry is about fields of records: the others are looked at by the test `noted`.
fn is_about_fields(entry: &Json) -> bool {
    let is_record = !entry["object"].as_str().unwrap().starts_with('#');
    is_record && ["read", "change"].contains(&entry["action"].as_str().unwrap()) && !is_matching(entry)
}

/// Whether an entry says that many records are to be changed by a job.
fn is_matching(entry: &Json) -> bool {
    let by_job = entry["request"].as_str().is_some_and(|request| request.starts_with("job:"));
    entry["action"] == "change" && entry["record"].is_null() && !by_job
}

/// What was noted since the last look: kinds, and fields.
struct Watch(usize);

impl Watch {
    async fn new_ones(&mut self, ann: &Actor) -> Vec<Json> {
        let mut all = trail(ann, "").await;
        all.reverse();
        let new = all.split_off(self.0);
        self.0 += new.len();
        new
    }

    async fn facts(&mut self, ann: &Actor) -> Vec<(String, Json)> {
        let new = self.new_ones(ann).await;
        new.iter().map(|entry| (entry["action"].as_str().unwrap().to_owned(), entry["fields"].clone())).collect()
    }
}

fn read(fields: &[&str]) -> (String, Json) {
    ("read".to_owned(), json!(fields))
}

fn change(fields: &[&str]) -> (String, Json) {
    ("change".to_owned(), json!(fields))
}

async fn every_read_and_every_change_is_noted(on: On) {
    let (test, _keys) = host(on).await;
    let TestApp { ann, vic, .. } = &test;
    let mut watch = Watch(0);
    let both = &["x_level", "x_pin"];
    let made = ann.create("contact", json!({"name": "Ann", "x_level": "gold", "x_pin": "1"})).await;
    let at = path(&made);
    let entries = watch.new_ones(ann).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!((&entries[0]["action"], &entries[1]["action"]), (&json!("change"), &json!("read")));
    for entry in &entries {
        let what = (&entry["object"], &entry["record"], &entry["fields"]);
        assert_eq!(what, (&json!("contact"), &made["id"], &json!(both)));
        assert_eq!((&entry["subject"]["kind"], &entry["peer"]), (&json!("key"), &json!("127.0.0.1")));
        assert!(!entry.to_string().contains("gold"));
    }

    // Each way to see the record, with what was shown of it.
    let reply = vic.get(&at).await.assert(200);
    let entry = watch.new_ones(ann).await.remove(0);
    assert_eq!(entry["request"], reply.header("x-request-id"));
    assert_ne!(entry["subject"]["id"], entries[0]["subject"]["id"]);
    let other = ann.create("contact", json!({"name": "Other"})).await;
    watch.new_ones(ann).await;
    let search = json!({"text": "ann"});
    let body = json!({"id": made["id"]});
    // One after the other: what is asked, and what the trail gained by it.
    macro_rules! noted {
        ($asked:expr, $expected:expr) => {
            let reply = $asked;
            let expected: Vec<(String, Json)> = $expected;
            assert_eq!(watch.facts(ann).await, expected, "{}", reply.text);
        };
    }
    noted!(vic.get(&format!("{at}?fields=name,x_level")).await, vec![read(&["x_level"])]);
    noted!(vic.get(&format!("{at}?fields=name")).await, vec![]);
    noted!(vic.get(CONTACT).await, vec![read(both), read(both)]);
    noted!(vic.get(&format!("{CONTACT}?filter[name][_eq]=Nobody")).await, vec![]);
    noted!(vic.post(&format!("{CONTACT}/search"), &search).await, vec![read(both)]);
    noted!(vic.get("/api/v1/search?q=ann").await, vec![read(both)]);
    noted!(vic.get(&format!("{at}/profile")).await, vec![read(both)]);
    noted!(vic.get(&format!("{CONTACT}/export?fields=x_pin&filter[name][_eq]=Ann")).await, vec![read(&["x_pin"])]);
    noted!(vic.post(&format!("{CONTACT}/duplicates"), &body).await, vec![]);
    noted!(vic.get(&format!("{at}/timeline")).await, vec![read(&["x_level"])]);
    // On PostgreSQL, an event is seen only once nothing older is open on the whole server.
    let events = vic.get("/api/v1/events").await.assert(200).json();
    let told = events["data"].as_array().unwrap().iter().filter(|event| event.to_string().contains("gold")).count();
    assert_eq!(watch.facts(ann).await, vec![read(&["x_level"]); told]);
    noted!(vic.get("/api/v1/records/company").await, vec![]);
    noted!(ann.patch(&at, &json!({"city": "Bern"})).await, vec![read(both)]);
    noted!(ann.patch(&at, &json!({"city": "Bern"})).await, vec![read(both)]);
    noted!(ann.patch(&at, &json!({"x_level": "tin"})).await, vec![change(&["x_level"]), read(both)]);
    noted!(ann.with("prefer", "dry-run").patch(&at, &json!({"x_pin": "2"})).await, vec![read(both); 3]);
    noted!(ann.delete(&at).await, vec![change(both)]);
    noted!(ann.post(&format!("{at}/restore"), &json!({})).await, vec![change(both), read(both)]);
    noted!(ann.patch(&path(&other), &json!({"x_level": "a", "phone": "wrong"})).await, vec![]);

    // Beside what links to it.
    let total = json!({"amount": "1", "currency": "USD"});
    let order = ann.create("order", json!({"contact": made["id"], "placed_at": "2026-01-01", "total": total})).await;
    watch.new_ones(ann).await;
    let order = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
    vic.get(&order).await.assert(200);
    assert_eq!(watch.facts(ann).await, []);
    let expanded = vic.get(&format!("{order}?expand=contact")).await.assert(200).json();
    assert_eq!(expanded["expanded"]["contact"]["x_pin"], "1");
    assert_eq!(watch.facts(ann).await, [read(both)]);
    vic.get(&format!("{order}/links/contact")).await.assert(200);
    assert_eq!(watch.facts(ann).await, [read(both)]);
    vic.get(&format!("{order}/profile")).await.assert(200);
    assert_eq!(watch.facts(ann).await, [read(both)]);
}

async fn answers_that_are_repeated_are_noted_again(on: On) {
    let (test, _keys) = host(on).await;
    let ann = &test.ann;
    let mut watch = Watch(0);
    let once = ann.with("idempotency-key", "once");
    let body = json!({"name": "Ann", "x_level": "gold", "x_pin": "1"});
    let first = once.post(CONTACT, &body).await.assert(201);
    assert_eq!(watch.facts(ann).await.len(), 2);
    let second = once.post(CONTACT, &body).await.assert(201);
    assert_eq!((&second.text, second.header("idempotency-replayed")), (&first.text, "true"));
    let entries = watch.new_ones(ann).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["action"], &entries[0]["request"]),
        (&json!("read"), &json!(second.header("x-request-id")))
    );

    let batch = json!({"mode": "each", "operations": [
        {"op": "create", "fields": {"name": "Two", "x_level": "a"}},
        {"op": "create", "fields": {"x_level": "refused"}},
    ]});
    let once = ann.with("idempotency-key", "batch");
    let first = once.post(&format!("{CONTACT}/batch"), &batch).await.assert(200);
    let both = &["x_level", "x_pin"];
    assert_eq!(watch.facts(ann).await, [change(&["x_level"]), read(both)]);
    assert_eq!(once.post(&format!("{CONTACT}/batch"), &batch).await.assert(200).text, first.text);
    assert_eq!(watch.facts(ann).await, [read(both)]);
}

async fn jobs_files_and_figures_are_noted(on: On) {
    let (test, _keys) = host(on).await;
    let ann = &test.ann;
    let mut watch = Watch(0);
    let file = "name,x_level\r\nOne,gold\r\nTwo,\r\n";
    let import = crate::imports::import(&test, "object=contact&dry_run=true", "text/csv", file).await;
    assert_eq!(watch.facts(ann).await, [], "{import}");
    let import = crate::imports::import(&test, "object=contact", "text/csv", file).await;
    let entries = watch.new_ones(ann).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    let job = format!("job:{}", import["job"]["id"].as_str().unwrap());
    assert_eq!((&entries[0]["action"], &entries[0]["request"]), (&json!("change"), &json!(job)));
    assert_eq!(entries[0]["peer"], json!(null));

    let ask = json!({"object": "contact", "fields": ["name", "x_level"]});
    let export = ann.post("/api/v1/exports", &ask).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(watch.facts(ann).await, [read(&["x_level"]), read(&["x_level"])]);
    test.vic.get(&format!("{}/file", export.header("location"))).await.assert(200);
    let entries = watch.new_ones(ann).await;
    assert_eq!((&entries[0]["record"], &entries[0]["fields"]), (&json!(null), &json!(["x_level"])));

    let figures = json!({"group_by": ["x_level"]});
    test.vic.post(&format!("{CONTACT}/aggregate"), &figures).await.assert(200);
    assert_eq!(watch.facts(ann).await, [read(&["x_level"])]);
    test.vic.post(&format!("{CONTACT}/aggregate"), &json!({"group_by": ["city"]})).await.assert(200);
    let matching = json!({"filter": {"name": {"_eq": "One"}}, "fields": {"x_level": "tin"}});
    ann.post(&format!("{CONTACT}/change"), &matching).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(watch.facts(ann).await, [change(&["x_level"])]);
    ann.post(&crate::imports::path(&import, "/undo"), &json!({})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(watch.facts(ann).await, [], "one was changed since, the other had no value");
}

async fn what_a_plugin_changes_is_noted_as_its_own(on: On) {
    const LOYALTY: &str = "guildhall.retail-loyalty";
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let noted = plugin_with(LOYALTY, |manifest| {
        for object in manifest["objects"].as_array_mut().unwrap() {
            for field in object["fields"].as_array_mut().unwrap().iter_mut().filter(|field| field["name"] == "points") {
                field["audited"] = json!(true);
            }
        }
    });
    test.app.install_plugin(&noted).await.unwrap();
    ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let total = json!({"amount": "29.00", "currency": "USD"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    let entries = trail(ann, "&subject=guildhall.retail-loyalty").await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    for entry in entries {
        assert_eq!((&entry["subject"]["kind"], &entry["action"]), (&json!("plugin"), &json!("change")));
        assert_eq!(entry["fields"], json!(["points"]));
        assert!(entry["on_behalf_of"].as_str().unwrap().starts_with("key:"));
        assert_eq!(entry["peer"], "127.0.0.1");
    }
}

async fn a_value_that_a_plugin_puts_into_a_callers_record_is_its_own(on: On) {
    let (test, _keys) = host(on).await;
    test.app.install_plugin(&plugin("test.hostile")).await.unwrap();
    test.ann.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    let fields = json!({"name": "Ann", "note": "amend-level", "x_level": "gold", "x_pin": "1"});
    let made = test.ann.create("contact", fields).await;
    assert_eq!(made["x_level"], "reworded");
    let facts: Vec<Json> = trail(&test.ann, "")
        .await
        .iter()
        .rev()
        .map(|entry| json!([entry["action"], entry["subject"]["kind"], entry["fields"]]))
        .collect();
    let expected = [
        json!(["change", "key", ["x_pin"]]),
        json!(["change", "plugin", ["x_level"]]),
        json!(["read", "key", ["x_level", "x_pin"]]),
    ];
    assert_eq!(facts, expected);
}

async fn entries_are_found_and_paged(on: On) {
    let (test, _keys) = host(on).await;
    let ann = &test.ann;
    let made = ann.create("contact", json!({"name": "One", "x_level": "a"})).await;
    ann.create("contact", json!({"name": "Two", "x_pin": "1"})).await;
    let whole = trail(ann, "").await;
    assert_eq!(whole.len(), 4);
    let times: Vec<&str> = whole.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let (first, last) = (times[3], times[0]);
    let id = made["id"].as_str().unwrap();
    let key = whole[0]["subject"]["id"].as_str().unwrap().to_owned();
    for (query, count) in [
        (format!("&record={id}"), 2),
        ("&object=contact".to_owned(), 4),
        ("&object=company".to_owned(), 0),
        (format!("&subject={key}"), 4),
        ("&subject=nobody".to_owned(), 0),
        ("&action=change".to_owned(), 2),
        ("&action=read&field=x_pin".to_owned(), 2),
        ("&action=change&field=x_pin".to_owned(), 1),
        ("&field=x_p".to_owned(), 0),
        (format!("&since={last}"), 2),
        (format!("&until={last}"), 2),
        (format!("&until={first}"), 0),
    ] {
        assert_eq!(trail(ann, &query).await.len(), count, "{query}");
    }
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ann.get(&format!("/api/v1/audit?limit=3{cursor}")).await.assert(200).json();
        let entries = page["data"].as_array().unwrap().iter();
        paged.extend(entries.filter(|entry| is_about_fields(entry)).cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, whole);
    for wrong in ["record=x", "action=delete", "since=yesterday", "limit=0", "cursor=x"] {
        ann.get(&format!("/api/v1/audit?{wrong}")).await.problem(422, "validation_failed");
    }
    ann.get("/api/v1/audit?fields=x").await.problem(400, "unknown_parameter");
}

async fn only_admins_of_the_tenant_see_the_trail(on: On) {
    let (test, _keys) = host(on).await;
    test.ann.create("contact", json!({"name": "One", "x_level": "a"})).await;
    test.vic.get("/api/v1/audit").await.problem(403, "permission_denied");
    test.anon.get("/api/v1/audit").await.problem(401, "unauthenticated");
    assert_eq!(trail(&test.sam, "").await, Vec::<Json>::new());
    assert_eq!(trail(&test.ann, "").await.len(), 2);
    let page: Reply = test.ann.get("/api/v1/audit?limit=1").await;
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    test.sam.get(&format!("/api/v1/audit?cursor={cursor}")).await.problem(422, "validation_failed");
}

async fn the_trail_is_only_appended_to(on: On) {
    let (test, _keys) = host(on).await;
    test.ann.create("contact", json!({"name": "One", "x_level": "a"})).await;
    let before = trail(&test.ann, "").await;
    let mut tried = vec!["update audit set action = 'change'", "delete from audit"];
    if on == On::Postgres {
        tried.push("truncate audit");
    }
    for sql in tried {
        let error = attempt(&test.database, sql).await.unwrap_err().to_string();
        assert!(error.contains("the audit trail is only appended to"), "{error}");
    }
    test.app.tidy_up().await.unwrap();
    assert_eq!(trail(&test.ann, "").await, before);
}

async fn what_is_not_marked_is_not_noted(on: On) {
    let test = TestApp::start(on).await;
    let made = test.ann.create("contact", json!({"name": "One"})).await;
    test.vic.get(&path(&made)).await.assert(200);
    assert!(trail(&test.ann, "").await.is_empty());
    // From the moment on that a field is marked, until it is not any more.
    crate::schema::add(&test.ann, "contact", crate::schema::text("x_level")).await;
    test.vic.get(&path(&made)).await.assert(200);
    let field = "/api/v1/schema/contact/fields/x_level";
    test.ann.patch(field, &json!({"audited": true})).await.assert(200);
    test.vic.get(&path(&made)).await.assert(200);
    assert_eq!(trail(&test.ann, "").await.len(), 1);
    test.ann.patch(field, &json!({"audited": false})).await.assert(200);
    test.vic.get(&path(&made)).await.assert(200);
    assert_eq!(trail(&test.ann, "").await.len(), 1);
}
