//! Encrypted fields: read by who may, and nowhere in the database in plain text.

use std::path::PathBuf;

use guildhall::domain::id::Ids;
use guildhall::domain::seal::KeyRing;
use serde_json::{Value as Json, json};

use crate::dump::{holds, run};
use crate::receiver::Receiver;
use crate::support::{On, TestApp, plugin_with};

both!(
    a_value_is_shown_to_who_may_read_it_and_to_nobody_else
    every_type_that_can_be_encrypted_comes_back
    nothing_is_kept_in_plain_text
    what_is_sealed_opens_nowhere_else
    merged_and_imported_values_come_back
    fields_that_plugins_bring_are_encrypted_too
);

const CONTACT: &str = "/api/v1/records/contact";
/// What every secret value begins with.
const SECRET: &str = "Qx7-SECRET";

/// A file with a new key, in a directory that stays as long as the test.
pub fn new_key_file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("operator-keys");
    std::fs::write(&path, new_line("k1")).unwrap();
    (directory, path)
}

pub fn new_line(id: &str) -> String {
    let ids = Ids::new(guildhall::domain::clock::Clock::system());
    format!("{}\n", *KeyRing::line(id, ids.secret()))
}

pub fn pin() -> Json {
    json!({"name": "x_pin", "label": "PIN", "type": "text", "encrypted": true})
}

/// A host whose contacts have an encrypted `x_pin`, and whose tenant has an object `x.case` with a `x_story`.
async fn host(on: On) -> (TestApp, tempfile::TempDir) {
    let (directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&test.ann, "contact", pin()).await;
    let story = json!({"name": "x_story", "label": "Story", "type": "long_text", "encrypted": true, "required": true});
    let object = json!({"name": "x.case", "label": "Case", "plural": "Cases", "fields": [story]});
    test.ann.post("/api/v1/schema", &object).await.assert(201);
    (test, directory)
}

fn path(record: &Json) -> String {
    format!("{CONTACT}/{}", record["id"].as_str().unwrap())
}

fn secret(what: &str) -> String {
    format!("{SECRET}-{what}")
}

async fn a_value_is_shown_to_who_may_read_it_and_to_nobody_else(on: On) {
    let (test, _keys) = host(on).await;
    let TestApp { ann, vic, sam, anon, .. } = &test;
    let made = ann.create("contact", json!({"name": "Ann", "x_pin": secret("a")})).await;
    assert_eq!(made["x_pin"], secret("a"));
    for actor in [ann, vic] {
        assert_eq!(actor.get(&path(&made)).await.assert(200).json()["x_pin"], secret("a"));
        assert_eq!(actor.all("contact", &[]).await[0]["x_pin"], secret("a"));
        let found = actor.post(&format!("{CONTACT}/search"), &json!({"text": "ann"})).await.assert(200).json();
        assert_eq!(found["data"][0]["x_pin"], secret("a"));
        let hits = actor.get("/api/v1/search?q=ann").await.assert(200).json();
        assert_eq!(hits["data"][0]["record"]["x_pin"], secret("a"), "{hits}");
        let profile = actor.get(&format!("{}/profile", path(&made))).await.assert(200).json();
        assert_eq!(profile["record"]["x_pin"], secret("a"));
        let export = actor.get(&format!("{CONTACT}/export?fields=name,x_pin")).await.assert(200).text;
        assert!(export.contains(&secret("a")), "{export}");
    }
    sam.get(&path(&made)).await.problem(404, "not_found");
    anon.get(&path(&made)).await.problem(401, "unauthenticated");
    assert!(!ann.get(&format!("{}?fields=name", path(&made))).await.assert(200).text.contains(SECRET));

    // The same value again is no change; another one is.
    let same = ann.patch(&path(&made), &json!({"x_pin": secret("a")})).await.assert(200).json();
    assert_eq!(same["version"], 1);
    let other = ann.patch(&path(&made), &json!({"x_pin": secret("b")})).await.assert(200).json();
    assert_eq!((&other["version"], &other["x_pin"]), (&json!(2), &json!(secret("b"))));
    let none = ann.patch(&path(&made), &json!({"x_pin": null})).await.assert(200).json();
    assert_eq!(none["x_pin"], json!(null));

    // The log says that there was something.
    let timeline = ann.get(&format!("{}/timeline", path(&made))).await.assert(200);
    assert!(!timeline.text.contains(SECRET), "{}", timeline.text);
    let events = timeline.json();
    let values: Vec<(&Json, &Json)> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (&event["data"]["before"]["x_pin"], &event["data"]["after"]["x_pin"]))
        .collect();
    let hidden = json!({"encrypted": true});
    assert_eq!(values, [(&hidden, &json!(null)), (&hidden, &hidden), (&json!(null), &hidden)]);
    assert!(!ann.get("/api/v1/events").await.assert(200).text.contains(SECRET));

    // Of own objects, too, where it can be required.
    let case = ann.create("x.case", json!({"x_story": secret("story")})).await;
    assert_eq!(case["x_story"], secret("story"));
    assert_eq!(vic.all("x.case", &[]).await[0]["x_story"], secret("story"));
    for blank in [json!({}), json!({"x_story": "  "})] {
        let problem = ann.post("/api/v1/records/x.case", &blank).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "required", "{problem}");
    }
}

async fn every_type_that_can_be_encrypted_comes_back(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let values = [
        ("text", json!("line")),
        ("long_text", json!("two\nlines")),
        ("integer", json!(i64::MAX)),
        ("decimal", json!("-12.50")),
        ("money", json!({"amount": "29.33", "currency": "USD"})),
        ("date", json!("2026-11-21")),
        ("datetime", json!("2026-11-21T09:30:00.000000Z")),
        ("email", json!("ann@x.com")),
        ("phone", json!("+49301234567")),
        ("url", json!("https://x.com/")),
        ("json", json!({"a": [1, null, "", {"b": false}]})),
    ];
    let mut fields = json!({"name": "All"});
    for (kind, value) in &values {
        let name = format!("x_{kind}");
        let mut field = json!({"name": name, "label": name, "type": kind, "encrypted": true});
        if *kind == "decimal" {
            (field["precision"], field["scale"]) = (json!(9), json!(2));
        }
        crate::schema::add(&test.ann, "contact", field).await;
        fields[name] = value.clone();
    }
    let made = test.ann.create("contact", fields.clone()).await;
    for (kind, value) in &values {
        assert_eq!(&made[format!("x_{kind}")], value);
    }
    assert_eq!(test.vic.get(&path(&made)).await.assert(200).json(), made);
    // What is of a wrong form is refused as ever.
    for (kind, wrong) in [("integer", json!("7")), ("email", json!("x")), ("date", json!("21.11.2026"))] {
        let body = json!({"name": "W", format!("x_{kind}"): wrong});
        test.ann.post(CONTACT, &body).await.problem(422, "validation_failed");
    }
}

async fn nothing_is_kept_in_plain_text(on: On) {
    let (test, _keys) = host(on).await;
    let ann = &test.ann;
    let receiver = Receiver::start().await;
    let hook = json!({"url": receiver.url("/"), "secret": format!("whsec_{}", "UXg3U0VDUkVUUXg3U0VDUkVUUXg3U0VDUkVU")});
    ann.with("idempotency-key", "h").post("/api/v1/webhooks", &hook).await.assert(201);

    // One, in each way, with answers that are kept.
    let once = ann.with("idempotency-key", "one");
    let body = json!({"name": "One", "x_pin": secret("create")});
    let one = once.post(CONTACT, &body).await.assert(201);
    let again = once.post(CONTACT, &body).await.assert(201);
    assert_eq!(one.text, again.text);
    let one = one.json();
    ann.with("idempotency-key", "u").patch(&path(&one), &json!({"x_pin": secret("update")})).await.assert(200);
    let batch = json!({"mode": "each", "operations": [
        {"op": "create", "fields": {"name": "Two", "x_pin": secret("batch")}},
        {"op": "create", "fields": {"x_pin": secret("refused")}},
        {"op": "update", "id": one["id"], "fields": {"x_pin": secret("batched")}},
    ]});
    let outcomes = ann.with("idempotency-key", "b").post(&format!("{CONTACT}/batch"), &batch).await.assert(200).json();
    assert_eq!(outcomes["outcomes"][0]["record"]["x_pin"], secret("batch"), "{outcomes}");
    let same = ann.with("idempotency-key", "b").post(&format!("{CONTACT}/batch"), &batch).await.assert(200).json();
    assert_eq!(same, outcomes);
    let two = outcomes["outcomes"][0]["record"].clone();
    ann.create("x.case", json!({"x_story": secret("story")})).await;
    let dry = ann.with("prefer", "dry-run").patch(&path(&two), &json!({"x_pin": secret("dry")})).await.assert(200);
    assert_eq!(dry.json()["changes"][0]["after"]["x_pin"], secret("dry"));

    // Files: one that came, with a row that is refused, one that is made, and a job that changes records.
    let file = format!("name,email,x_pin\r\nThree,t@x.com,{0}\r\nFour,wrong,{0}\r\n", secret("import"));
    let query = "object=contact&start=true";
    let import = ann.with("idempotency-key", "i").upload(query, "text/csv", file).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    let import = crate::imports::view(ann, &import).await;
    assert_eq!(import["job"]["result"]["counts"], json!({"created": 1, "failed": 1}), "{import}");
    assert!(import["columns"][2]["samples"][0].as_str().unwrap().contains(SECRET));
    let refused = ann.get(&crate::imports::path(&import, "/errors")).await.assert(200).text;
    assert!(refused.contains(&secret("import")), "{refused}");
    let change = json!({"filter": {"name": {"_eq": "Three"}}, "fields": {"x_pin": secret("matching")}});
    ann.with("idempotency-key", "m").post(&format!("{CONTACT}/change"), &change).await.assert(202);
    assert!(!holds(&test.database, SECRET).await, "while a job waits");
    let export = ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let exported = ann.get(&format!("{}/file", export.header("location"))).await.assert(200).text;
    assert!(exported.contains(&secret("matching")), "{exported}");

    // Records that become one, and are two again.
    let merge = json!({"into": one["id"], "from": [two["id"]], "fields": {"x_pin": {"from": two["id"]}}});
    let merged = ann.with("idempotency-key", "g").post(&format!("{CONTACT}/merge"), &merge).await.assert(200).json();
    assert_eq!(merged["record"]["x_pin"], secret("batch"));
    assert!(!holds(&test.database, SECRET).await, "after a merge");
    ann.post(&format!("{CONTACT}/unmerge"), &json!({"merge": merged["merge"]})).await.assert(200);

    // What goes out to webhooks has no value either.
    test.app.deliver_due().await.unwrap();
    let messages = receiver.got();
    assert!(messages.len() > 5);
    for message in messages {
        let text = String::from_utf8(message.body.to_vec()).unwrap();
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(!holds(&test.database, SECRET).await);
    assert!(!holds(&test.database, "UXg3U0VDUkVU").await, "the secret of the webhook");
}

async fn what_is_sealed_opens_nowhere_else(on: On) {
    let (test, _keys) = host(on).await;
    let ann = &test.ann;
    crate::schema::add(ann, "contact", json!({"name": "x_two", "label": "x", "type": "text", "encrypted": true})).await;
    crate::schema::add(&test.sam, "contact", pin()).await;
    let one = ann.create("contact", json!({"name": "One", "x_pin": secret("one")})).await;
    let two = ann.create("contact", json!({"name": "Two", "x_pin": secret("two"), "x_two": secret("other")})).await;
    let far = test.sam.create("contact", json!({"name": "Far", "x_pin": secret("far")})).await;
    let whole = |name: &str| format!("(select x_custom from o_contact where name = '{name}')");
    // Past the host, somebody puts what is sealed elsewhere: in another record, another field, another tenant.
    let change = |sqlite: String, postgres: String| if on == On::Sqlite { sqlite } else { postgres };
    for (record, actor, sql) in [
        (&one, ann, format!("update o_contact set x_custom = {} where name = 'One'", whole("Two"))),
        (
            &two,
            ann,
            change(
                "update o_contact set x_custom = json_set(x_custom, '$.x_pin', json_extract(x_custom, '$.x_two')) \
                 where name = 'Two'"
                    .to_owned(),
                "update o_contact set x_custom = x_custom || jsonb_build_object('x_pin', x_custom -> 'x_two') \
                 where name = 'Two'"
                    .to_owned(),
            ),
        ),
        (&far, &test.sam, format!("update o_contact set x_custom = {} where name = 'Far'", whole("One"))),
    ] {
        assert_eq!(actor.get(&path(record)).await.assert(200).json()["x_pin"], record["x_pin"]);
        assert_eq!(run(&test.database, &sql).await, 1);
        let reply = actor.get(&path(record)).await;
        assert!(!reply.text.contains(SECRET), "{}", reply.text);
        reply.problem(500, "cannot_decrypt");
        actor.get(CONTACT).await.problem(500, "cannot_decrypt");
        // Without the field, the record can be read, and the value can be set anew.
        actor.get(&format!("{}?fields=name", path(record))).await.assert(200);
        let anew = json!({"x_pin": secret("anew"), "x_two": null});
        let anew = if actor.key() == test.sam.key() { json!({"x_pin": secret("anew")}) } else { anew };
        assert_eq!(actor.patch(&path(record), &anew).await.assert(200).json()["x_pin"], secret("anew"));
    }
}

async fn merged_and_imported_values_come_back(on: On) {
    let (test, _keys) = host(on).await;
    let ann = &test.ann;
    let one = ann.create("contact", json!({"name": "One"})).await;
    let two = ann.create("contact", json!({"name": "Two", "x_pin": secret("two")})).await;
    // Where nothing is said, the first value that there is.
    let merge = json!({"into": one["id"], "from": [two["id"]]});
    let merged = ann.post(&format!("{CONTACT}/merge"), &merge).await.assert(200).json();
    assert_eq!(merged["record"]["x_pin"], secret("two"));
    assert_eq!(test.vic.get(&path(&one)).await.assert(200).json()["x_pin"], secret("two"));
    let back = ann.post(&format!("{CONTACT}/unmerge"), &json!({"merge": merged["merge"]})).await.assert(200).json();
    assert_eq!((&back["record"]["x_pin"], &back["not_put_back"]), (&json!(null), &json!([])), "{back}");
    assert_eq!(ann.get(&path(&two)).await.assert(200).json()["x_pin"], secret("two"));

    // A merge that chooses a value of its own; and an import that is undone.
    let own = json!({"into": one["id"], "from": [two["id"]], "fields": {"x_pin": secret("own")}});
    let merged = ann.post(&format!("{CONTACT}/merge"), &own).await.assert(200).json();
    assert_eq!(merged["record"]["x_pin"], secret("own"));
    let file = format!("id,x_pin\r\n{},{}\r\n", one["id"].as_str().unwrap(), secret("import"));
    let query = "object=contact&mode=update&key=id";
    let import = crate::imports::import(&test, query, "text/csv", file).await;
    assert_eq!(import["job"]["result"]["counts"], json!({"updated": 1}), "{import}");
    assert_eq!(ann.get(&path(&one)).await.assert(200).json()["x_pin"], secret("import"));
    ann.post(&crate::imports::path(&import, "/undo"), &json!({})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(ann.get(&path(&one)).await.assert(200).json()["x_pin"], secret("own"));

    // Deleted and brought back.
    ann.delete(&path(&one)).await.assert(204);
    let restored = ann.post(&format!("{}/restore", path(&one)), &json!({})).await.assert(200).json();
    assert_eq!(restored["record"]["x_pin"], secret("own"));
}

async fn fields_that_plugins_bring_are_encrypted_too(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let bring = |encrypted: bool, version: &'static str| {
        plugin_with("test.hostile", |manifest| {
            manifest["version"] = json!(version);
            let field = |name: &str, kind: &str| {
                let mut field = json!({"name": name, "label": name, "type": kind});
                if encrypted {
                    field["encrypted"] = json!(true);
                }
                field
            };
            let fields = [field("pin", "text"), field("income", "money"), field("born", "date")];
            manifest["objects"] =
                json!([{"name": "hostile.file", "label": "File", "plural": "Files", "fields": fields}]);
        })
    };
    test.app.install_plugin(&bring(true, "0.1.0")).await.unwrap();
    test.ann.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    let income = json!({"amount": "48211.07", "currency": "USD"});
    let fields = json!({"pin": secret("file"), "income": income, "born": "1981-12-31"});
    let made = test.ann.create("hostile.file", fields).await;
    assert_eq!((&made["pin"], &made["income"], &made["born"]), (&json!(secret("file")), &income, &json!("1981-12-31")));
    let empty = test.ann.create("hostile.file", json!({"pin": "x"})).await;
    let at = format!("/api/v1/records/hostile.file/{}", empty["id"].as_str().unwrap());
    test.ann.patch(&at, &json!({"pin": null, "income": income})).await.assert(200);
    let all = test.vic.all("hostile.file", &[]).await;
    assert_eq!((&all[0], &all[1]["pin"], &all[1]["income"]), (&made, &json!(null), &income));
    for plain in [SECRET, "48211", "4821107", "1981-12-31"] {
        assert!(!holds(&test.database, plain).await, "{plain}");
    }
    let error = test.app.install_plugin(&bring(false, "0.2.0")).await.err().unwrap().to_string();
    assert!(error.contains("would change whether it is encrypted"), "{error}");
}
