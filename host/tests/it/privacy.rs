//! Everything that is kept of a person: taken out as a file, and erased from every table.

use guildhall::app::App;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::dump::{holds, run};
use crate::encrypted::{new_key_file, pin};
use crate::support::{Actor, On, TestApp, plugin};

both!(
    an_erased_person_is_in_no_table
    nothing_brings_an_erased_person_back
    a_dry_run_says_what_would_go
    what_tenants_made_for_themselves_is_erased_too
);

pub const CONTACT: &str = "/api/v1/records/contact";
const LOYALTY: &str = "guildhall.retail-loyalty";

pub fn at(record: &Json, what: &str) -> String {
    format!("{CONTACT}/{}{what}", record["id"].as_str().unwrap())
}

/// Words that belong to one person and to nothing else.
const WORDS: &[&str] = &[
    "Quintanilla",
    "zoraida.q@example.org",
    "zora@example.net",
    "+4915199887766",
    "cyclamen",
    "Heliotropweg",
    "Zorro77",
    "1971-03-09",
    "wx-zoraida-1",
    "zoraida-scan",
    "palindrome",
    "blue-door",
    "tangerine",
    "quietly-removed",
    "refused-twin",
    "quintanilla",
];

/// A host with a tenant that knows a lot about one person, and a little about another.
pub struct Known {
    pub test: TestApp,
    pub person: Json,
    pub order: Json,
    other: Json,
    merge: String,
    import: String,
    export: String,
    once: Actor,
    keys: Option<tempfile::TempDir>,
}

pub fn person() -> Json {
    json!({
        "name": "Zoraida Quintanilla", "email": "zoraida.q@example.org", "phone": "+4915199887766",
        "note": "likes cyclamen tea", "address": "Heliotropweg 4", "birthday": "1971-03-09",
        "x_nick": "Zorro77",
    })
}

/// With keys of the operator, so that contacts have an encrypted field.
pub async fn known(on: On) -> Known {
    let (keys, key_file) = new_key_file();
    know(TestApp::with_keys(on, &key_file).await, Some(keys)).await
}

/// Without a key on PostgreSQL: nothing is sealed there.
pub async fn known_in_plain(on: On) -> Known {
    know(TestApp::start(on).await, None).await
}

async fn know(test: TestApp, keys: Option<tempfile::TempDir>) -> Known {
    let ann = &test.ann;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    crate::schema::add(ann, "contact", crate::schema::text("x_nick")).await;
    let mut fields = person();
    if keys.is_some() {
        crate::schema::add(ann, "contact", pin()).await;
        fields["x_pin"] = json!("tangerine");
    }
    let once = ann.with("idempotency-key", "zoraida");
    let person_made = once.post(CONTACT, &fields).await.assert(201).json();
    let id = &person_made["id"];
    let other = ann.create("contact", json!({"name": "Bob", "note": "stays"})).await;

    // What belongs to the person, through one link or two.
    let call = json!({"kind": "call", "happened_at": "2026-01-02", "contact": id, "body": "spoke of cyclamen"});
    let call = ann.create("activity", call).await;
    let gone = json!({"kind": "note", "happened_at": "2026-01-02", "contact": id, "body": "quietly-removed"});
    let gone = ann.create("activity", gone).await;
    ann.delete(&format!("/api/v1/records/activity/{}", gone["id"].as_str().unwrap())).await.assert(204);
    ann.create("task", json!({"title": "Call Quintanilla", "contact": id})).await;
    let identity = json!({"contact": id, "channel": "wechat", "external_id": "wx-zoraida-1"});
    let identity = ann.create("contact_identity", identity).await;
    let talk = ann.create("conversation", json!({"channel": "wechat", "identity": identity["id"]})).await;
    let message =
        json!({"conversation": talk["id"], "direction": "inbound", "sent_at": "2026-01-02", "body": "palindrome"});
    ann.create("message", message).await;
    let about = json!({"object": "activity", "id": call["id"]});
    let file = ann.create("file", json!({"name": "zoraida-scan.txt", "about": about})).await;
    let content = format!("/api/v1/files/{}/content", file["id"].as_str().unwrap());
    ann.put_bytes(&content, "text/plain", "an old scan of Quintanilla").await.assert(200);
    ann.put_bytes(&content, "text/plain", "a scan of Quintanilla").await.assert(200);

    // What only mentions it; the plugin makes a member and an entry beside it.
    let total = json!({"amount": "29.00", "currency": "USD"});
    let order = json!({"contact": id, "placed_at": "2026-01-03", "total": total, "note": "leave at the blue-door"});
    let order = ann.create("order", order).await;
    ann.patch(&format!("/api/v1/records/order/{}", order["id"].as_str().unwrap()), &json!({"quantity": 2})).await;

    // Merged into it, and an import that knows it and refused its twin.
    let twin = json!({"name": "Zora Quintanilla", "email": "zora@example.net"});
    let twin = ann.create("contact", twin).await;
    let merge = json!({"into": id, "from": [twin["id"]], "fields": {"x_nick": "Zorro77 again"}});
    let merge = ann.post(&format!("{CONTACT}/merge"), &merge).await.assert(200).json();
    ann.patch(&at(&person_made, ""), &json!({"note": "likes cyclamen still"})).await.assert(200);
    let rows = "email,name,city,birthday\nzoraida.q@example.org,Zoraida Quintanilla,Bern,\nnew@example.com,New,Bern,\n\
                zoraida.q@example.org,refused-twin,,never\n";
    let query = "object=contact&mode=upsert&key=email&name=quintanilla.csv";
    let import = crate::imports::import(&test, query, "text/csv", rows).await;
    assert_eq!(import["job"]["state"], "done", "{import}");
    let wanted = json!({"filter": {"email": {"_eq": "zoraida.q@example.org"}}, "fields": {"country": "CH"}});
    ann.post(&format!("{CONTACT}/change"), &wanted).await.assert(202);
    let wanted = json!({"object": "contact", "filter": {"name": {"_eq": "Zoraida Quintanilla"}}});
    let export = ann.post("/api/v1/exports", &wanted).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    let team = json!({"name": "T"});
    let team = ann.post("/api/v1/teams", &team).await.assert(201).json();
    let share = json!({"with": "team", "subject": team["id"]});
    ann.post(&at(&person_made, "/shares"), &share).await.assert(201);
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    Known {
        merge: text(&merge["merge"]),
        import: text(&import["id"]),
        export: text(&export["id"]),
        person: person_made,
        order,
        other,
        once,
        test,
        keys,
    }
}

/// Has a person erased; returns what the job says.
pub async fn erase(test: &TestApp, person: &Json) -> Json {
    let asked = test.ann.post(&at(person, "/person/erase"), &json!({"confirm": person["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    test.ann.get(asked.header("location")).await.assert(200).json()
}

/// For the walk of every operation: an export of a contact, and a certificate of another one.
pub async fn exported_and_erased(test: &TestApp, ids: &mut Json) {
    let bob = test.ann.create("contact", json!({"name": "Bob"})).await;
    let done = erase(test, &bob).await;
    ids["certificates"] = done["result"]["certificate"].clone();
    let ann = json!({"id": ids["contact"]});
    let export = test.ann.post(&at(&ann, "/person/export"), &json!({})).await.assert(202).json();
    ids["person-exports"] = export["job"]["id"].clone();
    test.app.run_due_jobs().await.unwrap();
}

pub async fn assert_nothing_of_the_person(test: &TestApp) {
    for word in WORDS {
        assert!(!holds(&test.database, word).await, "the database holds `{word}`");
    }
}

async fn an_erased_person_is_in_no_table(on: On) {
    let known = known(on).await;
    let (test, ann) = (&known.test, &known.test.ann);
    for word in ["Quintanilla", "blue-door", "quietly-removed", "cyclamen"] {
        assert!(holds(&test.database, word).await, "`{word}` would not be found anyway");
    }
    let done = erase(test, &known.person).await;
    assert_eq!((&done["state"], &done["error"]), (&json!("done"), &Json::Null), "{done}");
    assert_nothing_of_the_person(test).await;

    // The order keeps its figures; the other contact, and what the import made of others, stay.
    let order = ann.get(&format!("/api/v1/records/order/{}", known.order["id"].as_str().unwrap())).await;
    let order = order.assert(200).json();
    let facts = (&order["contact"], &order["note"], &order["total"]["amount"], &order["placed_at"]);
    assert_eq!(facts.0, &Json::Null);
    assert_eq!((facts.1, facts.2, facts.3), (&Json::Null, &json!("29.00"), &known.order["placed_at"]));
    let names: Vec<Json> =
        ann.all("contact", &[("sort", "name")]).await.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Bob", "New"]);
    for object in ["activity", "task", "contact_identity", "conversation", "message", "file", "loyalty.member"] {
        assert!(ann.all(object, &[]).await.is_empty(), "{object}");
    }
    // Who listens learns that the person is erased, and no value.
    // Another database's open transaction can hold the last ones back.
    let mut events = ann.get("/api/v1/events?limit=500").await.assert(200);
    while events.text.matches(".erased\"").count() < 9 {
        events = ann.get("/api/v1/events?limit=500").await.assert(200);
    }
    let told: Vec<String> =
        events.json()["data"].as_array().unwrap().iter().map(|event| event["type"].to_string()).collect();
    for kind in ["contact.erased", "activity.erased", "file.erased", "loyalty.member.erased", "message.erased"] {
        assert!(told.contains(&format!("\"{kind}\"")), "{kind}: {told:?}");
    }
    assert!(WORDS.iter().all(|word| !events.text.contains(word)), "{}", events.text);
    // Answers that are kept still answer, so that nothing is done twice.
    let mut fields = person();
    fields["x_pin"] = json!("tangerine");
    let again = known.once.post(CONTACT, &fields).await.assert(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", json!({"_erased": true})));

    // Nor after the words of search are made anew, by a host that starts.
    run(&test.database, "delete from search_index").await;
    let settings = guildhall::app::Settings {
        key_file: Some(known.keys.as_ref().unwrap().path().join("operator-keys")),
        ..Default::default()
    };
    App::open_with(&test.database, Clock::system(), settings).await.unwrap();
    assert_nothing_of_the_person(test).await;
    let found = ann.get("/api/v1/search?q=quintanilla").await.assert(200);
    assert!(!found.text.contains(known.person["id"].as_str().unwrap()), "{}", found.text);

    // The certificate counts it all.
    let certificate = format!("/api/v1/certificates/{}", done["result"]["certificate"].as_str().unwrap());
    let certificate = ann.get(&certificate).await.assert(200).json();
    assert_eq!((&certificate["valid"], &certificate["record"]), (&json!(true), &known.person["id"]));
    assert_eq!(certificate["objects"]["contact"], json!({"removed": 2, "kept": 0}), "{certificate}");
    assert_eq!(certificate["objects"]["order"], json!({"removed": 0, "kept": 1}));
    assert_eq!(certificate["objects"]["activity"], json!({"removed": 2, "kept": 0}));
    assert_eq!(
        (&certificate["files"], &certificate["merges"], &certificate["imports"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert!(certificate["events"].as_u64().unwrap() > 10 && certificate["answers"].as_u64().unwrap() >= 1);
    assert_eq!(ann.get("/api/v1/certificates").await.assert(200).json()["data"], json!([certificate]));
    assert_eq!(test.sam.get("/api/v1/certificates").await.assert(200).json()["data"], json!([]));
    // The trail says who did it, without a value.
    let trail = ann.get("/api/v1/audit?action=erase").await.assert(200).json();
    assert_eq!(trail["data"][0]["record"], known.person["id"]);
}

async fn nothing_brings_an_erased_person_back(on: On) {
    let known = known_in_plain(on).await;
    if on == On::Postgres {
        assert!(holds(&known.test.database, "refused-twin").await, "it would not be found anyway");
    }
    let (test, ann) = (&known.test, &known.test.ann);
    erase(test, &known.person).await;
    assert_nothing_of_the_person(test).await;
    let missing = ann.get(&format!("{CONTACT}/01a20031-9c4a-7239-8605-04c662a595e1")).await.problem(404, "not_found");
    let gone = ann.get(&at(&known.person, "")).await.problem(404, "not_found");
    assert_eq!(
        missing.as_object().unwrap().keys().collect::<Vec<_>>(),
        gone.as_object().unwrap().keys().collect::<Vec<_>>()
    );
    ann.post(&at(&known.person, "/restore"), &json!({})).await.problem(404, "not_found");
    // That something happened stays, and what it was does not.
    let timeline = ann.get(&at(&known.person, "/timeline?limit=500")).await.assert(200).json();
    let has_no_values = |event: &Json| event["data"]["before"] == json!({"_erased": true});
    assert!(timeline["data"].as_array().unwrap().iter().all(has_no_values), "{timeline}");
    ann.post(&format!("{CONTACT}/unmerge"), &json!({"merge": known.merge})).await.problem(404, "not_found");
    ann.post(&at(&known.person, "/person/erase"), &json!({"confirm": known.person["id"]}))
        .await
        .problem(404, "not_found");
    ann.get(&format!("/api/v1/exports/{}/file", known.export)).await.problem(404, "not_found");
    // The import is undone for what is there, and shows nothing of its file.
    let import = format!("/api/v1/imports/{}", known.import);
    let view = ann.get(&import).await.assert(200);
    assert!(WORDS.iter().all(|word| !view.text.contains(word)), "{}", view.text);
    ann.post(&format!("{import}/undo"), &json!({})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(ann.get(&import).await.json()["undo"]["state"], "done");
    let names: Vec<Json> = ann.all("contact", &[]).await.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Bob"]);
    // The next one of the same address is a new one.
    let again = ann.create("contact", json!({"name": "Another", "email": "zoraida.q@example.org"})).await;
    assert_ne!(again["id"], known.person["id"]);
    assert_eq!(ann.get(&at(&known.other, "")).await.assert(200).json()["note"], "stays");
}

async fn a_dry_run_says_what_would_go(on: On) {
    let known = known(on).await;
    let ann = &known.test.ann;
    let reply = ann.with("prefer", "dry-run").post(&at(&known.person, "/person/erase"), &json!({})).await.assert(200);
    assert_eq!(reply.header("preference-applied"), "dry-run");
    let expected = json!({"objects": {
        "activity": {"removed": 2, "kept": 0},
        "contact": {"removed": 2, "kept": 0},
        "contact_identity": {"removed": 1, "kept": 0},
        "conversation": {"removed": 1, "kept": 0},
        "file": {"removed": 1, "kept": 0},
        "loyalty.entry": {"removed": 1, "kept": 0},
        "loyalty.member": {"removed": 1, "kept": 0},
        "message": {"removed": 1, "kept": 0},
        "order": {"removed": 0, "kept": 1},
        "task": {"removed": 1, "kept": 0},
    }});
    assert_eq!(reply.json(), expected);
    known.test.app.run_due_jobs().await.unwrap();
    ann.get(&at(&known.person, "")).await.assert(200);
    // A deleted person can be erased, too.
    ann.delete(&at(&known.person, "")).await.assert(204);
    let done = erase(&known.test, &known.person).await;
    assert_eq!(done["state"], "done", "{done}");
    assert_nothing_of_the_person(&known.test).await;
}

async fn what_tenants_made_for_themselves_is_erased_too(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let link = |name: &str, to: &str| json!({"name": name, "label": name, "type": "link", "to": to});
    let belongs = json!({"name": "x_of", "label": "Of", "type": "link", "to": "x.patient", "belongs_to_person": true});
    let personal = json!({"name": "x_words", "label": "Words", "type": "text", "personal": true});
    let patient = json!({"name": "x.patient", "label": "P", "plural": "P", "person": true, "fields": [crate::schema::text("x_name")]});
    ann.post("/api/v1/schema", &patient).await.assert(201);
    let visit =
        json!({"name": "x.visit", "label": "V", "plural": "V", "fields": [belongs, crate::schema::text("x_what")]});
    ann.post("/api/v1/schema", &visit).await.assert(201);
    let fields = [link("x_who", "x.patient"), personal, crate::schema::text("x_room")];
    let bed = json!({"name": "x.bed", "label": "B", "plural": "B", "fields": fields});
    ann.post("/api/v1/schema", &bed).await.assert(201);
    let patient = ann.create("x.patient", json!({"x_name": "marmalade"})).await;
    ann.create("x.visit", json!({"x_of": patient["id"], "x_what": "marmalade spilled"})).await;
    let bed = json!({"x_who": patient["id"], "x_words": "marmalade lover", "x_room": "nine"});
    let kept = ann.create("x.bed", bed.clone()).await;
    let deleted = ann.create("x.bed", bed).await;
    let path = |record: &Json| format!("/api/v1/records/x.bed/{}", record["id"].as_str().unwrap());
    ann.delete(&path(&deleted)).await.assert(204);
    // What is not used any more is still there.
    ann.patch("/api/v1/schema/x.visit", &json!({"retired": true})).await.assert(200);
    assert!(holds(&test.database, "marmalade").await);
    let erase = format!("/api/v1/records/x.patient/{}/person/erase", patient["id"].as_str().unwrap());
    ann.post(&erase, &json!({"confirm": patient["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    assert!(!holds(&test.database, "marmalade").await);
    let now = ann.get(&path(&kept)).await.assert(200).json();
    assert_eq!((&now["x_who"], &now["x_words"], &now["x_room"]), (&Json::Null, &Json::Null, &json!("nine")));
    ann.post(&format!("{}/restore", path(&deleted)), &json!({})).await.assert(200);
    let back = ann.get(&path(&deleted)).await.assert(200).json();
    assert_eq!((&back["x_who"], &back["x_words"], &back["x_room"]), (&Json::Null, &Json::Null, &json!("nine")));
    // Definitions that make no sense are refused.
    for field in [
        json!({"name": "x_a", "label": "A", "type": "text", "belongs_to_person": true}),
        json!({"name": "x_a", "label": "A", "type": "formula", "returns": "text", "expression": "x_room", "personal": true}),
    ] {
        ann.post("/api/v1/schema/x.bed/fields", &field).await.problem(422, "validation_failed");
    }
}
