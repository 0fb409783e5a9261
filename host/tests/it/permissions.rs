//! Roles, teams and shares: who sees and changes which records, on every path.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp};

both!(
    own_team_and_tree
    an_unseen_record_is_a_missing_one
    writes_keep_to_their_scope
    filters_of_roles
    hidden_fields_are_nowhere
    locked_fields_are_not_written
    shares_reach_a_user_a_team_and_a_company
    events_are_for_who_sees_the_record
    a_role_changes_at_once_on_every_node
    governors_and_the_governed
    keys_are_made_and_ended
    people_bad_input
    every_change_is_in_the_audit_trail
);

fn path(contact: &Json) -> String {
    format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap())
}

/// A user with a key of their own.
pub struct User {
    pub id: String,
    pub at: Actor,
}

/// Adds a user with a role; the key has all roles of the user.
pub async fn user(admin: &Actor, name: &str, roles: Json) -> User {
    let body = json!({"email": format!("{name}@example.com"), "name": name, "roles": roles});
    let made = admin.post("/api/v1/users", &body).await.assert(201).json();
    let id = made["id"].as_str().unwrap().to_owned();
    let key = admin.post("/api/v1/api-keys", &json!({"name": name, "user": id})).await.assert(201).json();
    User { at: admin.with_key(key["key"].as_str().unwrap()), id }
}

async fn team(admin: &Actor, name: &str, parent: Option<&str>, members: &[&User]) -> String {
    let members: Vec<&str> = members.iter().map(|user| user.id.as_str()).collect();
    let body = json!({"name": name, "parent": parent, "members": members});
    let made = admin.post("/api/v1/teams", &body).await.assert(201).json();
    made["id"].as_str().unwrap().to_owned()
}

/// A role that gives this on contacts, and reading events, jobs and the schema.
async fn role(admin: &Actor, name: &str, rules: Json) {
    let mut rules = rules.as_array().unwrap().clone();
    rules.push(json!({"objects": ["#events", "#jobs", "#schema"], "actions": ["read"]}));
    admin.post("/api/v1/roles", &json!({"name": name, "label": name, "rules": rules})).await.assert(201);
}

async fn contact(actor: &Actor, name: &str, owner: Option<&str>) -> Json {
    actor.create("contact", json!({"name": name, "owner": owner, "city": "Bern"})).await
}

async fn names(actor: &Actor) -> Vec<String> {
    names_of(&actor.all("contact", &[("sort", "name")]).await)
}

fn names_of(records: &[Json]) -> Vec<String> {
    records.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

/// What somebody sees of contacts, on every path that lists or counts them.
async fn seen_everywhere(actor: &Actor) -> Vec<String> {
    let listed = names(actor).await;
    let counted = actor.get("/api/v1/records/contact?count=exact&limit=1").await.assert(200).json();
    assert_eq!(counted["total"], json!(listed.len()), "count");
    let body = json!({"measures": [{"fn": "count"}]});
    let sum = actor.post("/api/v1/records/contact/aggregate", &body).await.assert(200).json();
    assert_eq!(sum["data"][0]["count"].as_i64().unwrap_or(0), i64::try_from(listed.len()).unwrap(), "aggregate {sum}");
    let body = json!({"filter": {"city": {"_eq": "Bern"}}, "sort": ["name"], "limit": 500});
    let asked = actor.post("/api/v1/records/contact/search", &body).await.assert(200).json();
    assert_eq!(names_of(asked["data"].as_array().unwrap()), listed, "search by filter");
    let found = actor.get("/api/v1/search?q=bern&objects=contact&limit=100").await.assert(200).json();
    let mut hits: Vec<String> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["record"]["name"].as_str().unwrap().to_owned())
        .collect();
    hits.sort();
    assert_eq!(hits, listed, "search by words");
    listed
}

async fn own_team_and_tree(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (name, scope) in [("own_role", "own"), ("team_role", "team"), ("tree_role", "team_tree")] {
        role(&ann, name, json!([{"objects": ["contact", "activity"], "actions": ["read"], "scope": scope}])).await;
    }
    let olga = user(&ann, "olga", json!(["own_role"])).await;
    let tom = user(&ann, "tom", json!(["team_role"])).await;
    let tess = user(&ann, "tess", json!(["tree_role"])).await;
    let top = team(&ann, "Top", None, &[&tess]).await;
    let mid = team(&ann, "Mid", Some(&top), &[&tom]).await;
    team(&ann, "Low", Some(&mid), &[&olga]).await;
    for (name, owner) in [("A", None), ("O", Some(&olga)), ("T", Some(&tom)), ("Z", Some(&tess))] {
        let contact = contact(&ann, name, owner.map(|user| user.id.as_str())).await;
        let body =
            json!({"kind": "note", "happened_at": "2026-01-01T00:00:00Z", "subject": name, "contact": contact["id"]});
        ann.create("activity", body).await;
    }
    assert_eq!(seen_everywhere(&olga.at).await, ["O"]);
    assert_eq!(seen_everywhere(&tom.at).await, ["T"]);
    assert_eq!(seen_everywhere(&tess.at).await, ["O", "T", "Z"]);
    assert_eq!(seen_everywhere(&ann).await, ["A", "O", "T", "Z"]);
    // What belongs to a contact is its owner's.
    let subjects =
        |records: Vec<Json>| records.iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(subjects(olga.at.all("activity", &[("sort", "subject")]).await), ["O"]);
    assert_eq!(subjects(tess.at.all("activity", &[("sort", "subject")]).await), ["O", "T", "Z"]);
    // Who reports to somebody is seen by those who see their team.
    ann.patch(&format!("/api/v1/users/{}", olga.id), &json!({"manager": tom.id})).await.assert(200);
    assert_eq!(seen_everywhere(&tom.at).await, ["O", "T"]);
    olga.at.get("/api/v1/records/company").await.problem(403, "permission_denied");
}

/// The same answer for what is hidden and for what is not there, apart from ids.
fn same(hidden: Reply, hidden_id: &str, missing: Reply, missing_id: &str) {
    assert_eq!(hidden.status, missing.status, "{} / {}", hidden.text, missing.text);
    let plain = |reply: &Reply, id: &str| {
        let mut json: Json = serde_json::from_str(&reply.text).unwrap();
        json["request_id"] = Json::Null;
        json.to_string().replace(id, "ID")
    };
    assert_eq!(plain(&hidden, hidden_id), plain(&missing, missing_id));
}

async fn an_unseen_record_is_a_missing_one(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let every = json!(["read", "create", "update", "delete", "merge", "share", "export", "import"]);
    role(&ann, "own_role", json!([{"objects": ["contact", "activity"], "actions": every, "scope": "own"}])).await;
    let olga = user(&ann, "olga", json!(["own_role"])).await;
    let own = contact(&olga.at, "Own", None).await;
    assert_eq!(own["owner"], json!(olga.id));
    let other = contact(&ann, "Other", None).await;
    let (id, none) = (other["id"].as_str().unwrap(), "01a00000-0000-7000-8000-000000000000");
    let before = ann.get(&path(&other)).await.json();
    for rest in ["", "/timeline", "/profile", "/shares", "/links/activities"] {
        let ask = |id: &str| format!("/api/v1/records/contact/{id}{rest}");
        same(olga.at.get(&ask(id)).await, id, olga.at.get(&ask(none)).await, none);
    }
    let asks: Vec<(&str, Box<dyn Fn(&str) -> Json>)> = vec![
        ("contact/merge", Box::new(|id| json!({"into": own["id"], "from": [id]}))),
        ("contact/merge", Box::new(|id| json!({"into": id, "from": [own["id"]]}))),
        (
            "contact/batch",
            Box::new(|id| json!({"operations": [{"op": "update", "id": id, "fields": {"city": "Rom"}}]})),
        ),
        ("activity", Box::new(|id| json!({"kind": "note", "happened_at": "2026-01-01T00:00:00Z", "contact": id}))),
    ];
    for (ask, body) in asks {
        let at = format!("/api/v1/records/{ask}");
        same(olga.at.post(&at, &body(id)).await, id, olga.at.post(&at, &body(none)).await, none);
    }
    let at = |id: &str| format!("/api/v1/records/contact/{id}");
    let change = json!({"city": "Rom"});
    same(olga.at.patch(&at(id), &change).await, id, olga.at.patch(&at(none), &change).await, none);
    same(olga.at.delete(&at(id)).await, id, olga.at.delete(&at(none)).await, none);
    let share = json!({"with": "user", "subject": olga.id});
    let shares = |id: &str| format!("{}/shares", at(id));
    same(olga.at.post(&shares(id), &share).await, id, olga.at.post(&shares(none), &share).await, none);
    assert_eq!(ann.get(&path(&other)).await.json(), before);
    // Nothing of it is told through filters, sorting, expanding or counting either.
    let body = json!({"kind": "note", "happened_at": "2026-01-01T00:00:00Z", "contact": id, "author": olga.id});
    ann.create("activity", body).await;
    let seen = olga.at.all("activity", &[("expand", "contact")]).await;
    assert_eq!(seen[0]["expanded"]["contact"], Json::Null);
    assert!(olga.at.all("activity", &[("filter", r#"{"contact": {"name": {"_eq": "Other"}}}"#)]).await.is_empty());
    assert_eq!(olga.at.all("activity", &[("filter", r#"{"contact": {"name": {"_neq": "Other"}}}"#)]).await.len(), 0);
    let csv = olga.at.get("/api/v1/records/contact/export").await.assert(200).text;
    assert!(csv.contains("Own") && !csv.contains("Other"), "{csv}");
    let like = olga
        .at
        .post("/api/v1/records/contact/duplicates", &json!({"fields": {"name": "Other"}}))
        .await
        .assert(200)
        .json();
    assert_eq!(like["candidates"], json!([]), "{like}");
}

async fn writes_keep_to_their_scope(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let rules = json!([
        {"objects": ["contact"], "actions": ["read"], "scope": "all"},
        {"objects": ["contact"], "actions": ["create", "update", "delete"], "scope": "own"},
    ]);
    role(&ann, "careful", rules).await;
    let olga = user(&ann, "olga", json!(["careful"])).await;
    let other = contact(&ann, "Other", None).await;
    let before = ann.get(&path(&other)).await.json();
    olga.at.patch(&path(&other), &json!({"city": "Rom"})).await.problem(403, "permission_denied");
    olga.at.delete(&path(&other)).await.problem(403, "permission_denied");
    olga.at
        .post("/api/v1/records/contact/merge", &json!({"into": other["id"], "from": [other["id"]]}))
        .await
        .problem(403, "permission_denied");
    let body = json!({"name": "Hers", "owner": before["owner"]});
    let own = olga.at.post("/api/v1/records/contact", &body).await.assert(201).json();
    assert_eq!(own["owner"], json!(olga.id));
    let somebody = user(&ann, "some", json!(["viewer"])).await;
    let body = json!({"name": "Not hers", "owner": somebody.id});
    olga.at.post("/api/v1/records/contact", &body).await.problem(403, "permission_denied");
    let rows = json!({"mode": "each", "operations": [
        {"op": "update", "id": own["id"], "fields": {"city": "Rom"}},
        {"op": "update", "id": other["id"], "fields": {"city": "Rom"}},
        {"op": "delete", "id": other["id"]},
    ]});
    let done = olga.at.post("/api/v1/records/contact/batch", &rows).await;
    assert!(done.text.contains("permission_denied"), "{}", done.text);
    assert_eq!(ann.get(&path(&other)).await.json(), before);
    // A record may be given away, and is out of reach then.
    olga.at.patch(&path(&own), &json!({"owner": somebody.id})).await.assert(200);
    olga.at.patch(&path(&own), &json!({"city": "Thun"})).await.problem(403, "permission_denied");
}

async fn filters_of_roles(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let rules = json!([
        {"objects": ["contact"], "actions": ["read", "update"], "filter": {"city": {"_eq": "Bern"}}},
        {"objects": ["contact"], "actions": ["read"], "filter": {"company": {"name": {"_eq": "Acme"}}}},
        {"objects": ["contact"], "actions": ["create"], "filter": {"city": {"_eq": "Bern"}}},
    ]);
    role(&ann, "bernese", rules).await;
    let bea = user(&ann, "bea", json!(["bernese"])).await;
    let acme = ann.create("company", json!({"name": "Acme"})).await;
    ann.create("contact", json!({"name": "B", "city": "Bern"})).await;
    let employed = ann.create("contact", json!({"name": "E", "city": "Rom", "company": acme["id"]})).await;
    ann.create("contact", json!({"name": "R", "city": "Rom"})).await;
    assert_eq!(names(&bea.at).await, ["B", "E"]);
    bea.at.patch(&path(&employed), &json!({"note": "x"})).await.problem(403, "permission_denied");
    bea.at
        .post("/api/v1/records/contact", &json!({"name": "N", "city": "Rom"}))
        .await
        .problem(403, "permission_denied");
    bea.at.post("/api/v1/records/contact", &json!({"name": "N", "city": "Bern"})).await.assert(201);
    assert_eq!(names(&bea.at).await, ["B", "E", "N"]);
}

/// The role of somebody who must not know phone numbers.
async fn without_phones(ann: &Actor) -> User {
    let rules = json!([
        {"objects": ["contact"], "actions": ["read", "update", "create", "export"], "except": ["phone"]},
        {"objects": ["activity"], "actions": ["read"]},
    ]);
    role(ann, "discreet", rules).await;
    user(ann, "dora", json!(["discreet"])).await
}

async fn hidden_fields_are_nowhere(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = without_phones(&ann).await;
    let secret = "+41791234567";
    let made = ann.create("contact", json!({"name": "Ann", "phone": secret, "city": "Bern"})).await;
    ann.patch(&path(&made), &json!({"phone": "+41791234568"})).await.assert(200);
    let body = json!({"kind": "note", "happened_at": "2026-01-01T00:00:00Z", "contact": made["id"]});
    ann.create("activity", body).await;
    let contact = path(&made);
    let all = "/api/v1/records/contact";
    for ask in [
        all.to_owned(),
        contact.clone(),
        format!("{contact}/timeline"),
        format!("{contact}/profile"),
        format!("{all}/export"),
        "/api/v1/events".to_owned(),
        "/api/v1/search?q=ann".to_owned(),
        "/api/v1/records/activity?expand=contact".to_owned(),
    ] {
        let reply = dora.at.get(&ask).await.assert(200);
        assert!(!reply.text.contains("4179123456") && !reply.text.contains("\"phone\""), "{ask}: {}", reply.text);
    }
    let schema = dora.at.get("/api/v1/schema/contact").await.assert(200);
    assert!(!schema.text.contains("\"phone\""), "{}", schema.text);
    let document = dora.at.get("/api/v1/openapi.json").await.assert(200).json();
    let properties = &document["components"]["schemas"]["contact"]["properties"];
    assert!(properties.get("name").is_some() && properties.get("phone").is_none(), "{properties}");
    // It cannot be asked about: it is as unknown as a field that is not there.
    for unknown in ["phone", "fone"] {
        for ask in [
            format!("sort={unknown}"),
            format!("fields={unknown}"),
            format!("filter={{\"{unknown}\":{{\"_eq\":\"1\"}}}}"),
            format!("filter={{\"_or\":[{{\"{unknown}\":{{\"_null\":true}}}}]}}"),
        ] {
            let problem = dora.at.get(&format!("{all}?{ask}")).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["code"], "unknown_field", "{ask}: {problem}");
        }
        let nested = format!("/api/v1/records/activity?filter={{\"contact\":{{\"{unknown}\":{{\"_eq\":\"1\"}}}}}}");
        assert_eq!(dora.at.get(&nested).await.problem(422, "validation_failed")["errors"][0]["code"], "unknown_field");
        let groups = json!({"group_by": [unknown]});
        dora.at.post(&format!("{all}/aggregate"), &groups).await.problem(422, "validation_failed");
        let update = dora.at.patch(&contact, &json!({unknown: secret})).await.problem(422, "validation_failed");
        assert_eq!(update["errors"][0]["code"], "unknown_field");
    }
    for words in ["4567", "4568", "791234568"] {
        let found = dora.at.get(&format!("/api/v1/search?q={words}")).await.assert(200).json();
        assert_eq!(found["data"], json!([]), "{words}");
        assert_eq!(ann.get("/api/v1/search?q=4568").await.json()["data"].as_array().unwrap().len(), 1);
    }
    // What she writes leaves it as it is, and what she makes is found by its words.
    dora.at.patch(&contact, &json!({"city": "Thun"})).await.assert(200);
    assert_eq!(ann.get(&contact).await.json()["phone"], "+41791234568");
    assert_eq!(ann.get("/api/v1/search?q=4568").await.json()["data"].as_array().unwrap().len(), 1);
}

async fn locked_fields_are_not_written(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let rules = json!([
        {"objects": ["contact"], "actions": ["read"]},
        {"objects": ["contact"], "actions": ["create", "update"], "except": ["lifecycle"]},
    ]);
    role(&ann, "assistant", rules).await;
    let alma = user(&ann, "alma", json!(["assistant"])).await;
    let made = ann.create("contact", json!({"name": "Ann", "lifecycle": "customer"})).await;
    assert_eq!(alma.at.get(&path(&made)).await.json()["lifecycle"], "customer");
    let problem = alma.at.patch(&path(&made), &json!({"lifecycle": "lost"})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "read_only");
    alma.at
        .post("/api/v1/records/contact", &json!({"name": "B", "lifecycle": "lost"}))
        .await
        .problem(422, "validation_failed");
    alma.at.patch(&path(&made), &json!({"name": "Anna"})).await.assert(200);
    assert_eq!(ann.get(&path(&made)).await.json()["lifecycle"], "customer");
}

async fn shares_reach_a_user_a_team_and_a_company(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "Partner"})).await;
    let pia = user(&ann, "pia", json!(["partner"])).await;
    let paul = user(&ann, "paul", json!(["partner"])).await;
    ann.patch(&format!("/api/v1/users/{}", pia.id), &json!({"company": company["id"]})).await.assert(200);
    let crew = team(&ann, "Crew", None, &[&paul]).await;
    let (one, two) = (contact(&ann, "One", None).await, contact(&ann, "Two", None).await);
    assert!(seen_everywhere(&pia.at).await.is_empty() && seen_everywhere(&paul.at).await.is_empty());
    let share =
        async |record: &Json, body: Json| ann.post(&format!("{}/shares", path(record)), &body).await.assert(201).json();
    share(&one, json!({"with": "company", "subject": company["id"]})).await;
    let for_crew = share(&two, json!({"with": "team", "subject": crew, "access": "update"})).await;
    assert_eq!(seen_everywhere(&pia.at).await, ["One"]);
    assert_eq!(seen_everywhere(&paul.at).await, ["Two"]);
    pia.at.patch(&path(&one), &json!({"city": "Rom"})).await.problem(403, "permission_denied");
    paul.at.patch(&path(&two), &json!({"note": "seen"})).await.assert(200);
    pia.at.get(&path(&two)).await.problem(404, "not_found");
    // Sharing again replaces what was said; the end of a share ends the sight.
    share(&two, json!({"with": "team", "subject": crew})).await;
    paul.at.patch(&path(&two), &json!({"note": "again"})).await.problem(403, "permission_denied");
    let shares = ann.get(&format!("{}/shares", path(&two))).await.assert(200).json();
    assert_eq!(shares["data"].as_array().unwrap().len(), 1);
    assert_ne!(shares["data"][0]["id"], for_crew["id"]);
    let id = shares["data"][0]["id"].as_str().unwrap();
    ann.delete(&format!("{}/shares/{id}", path(&two))).await.assert(204);
    assert!(seen_everywhere(&paul.at).await.is_empty());
    // A partner shares nothing.
    let body = json!({"with": "user", "subject": paul.id});
    pia.at.post(&format!("{}/shares", path(&one)), &body).await.problem(403, "permission_denied");
    for (field, body) in [
        ("with", json!({"with": "moon", "subject": paul.id})),
        ("subject", json!({"with": "team", "subject": paul.id})),
        ("until", json!({"with": "user", "subject": paul.id, "until": "2020-01-01T00:00:00Z"})),
        ("access", json!({"with": "user", "subject": paul.id, "access": "own"})),
    ] {
        let problem = ann.post(&format!("{}/shares", path(&one)), &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}

async fn events_are_for_who_sees_the_record(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    role(&ann, "own_role", json!([{"objects": ["contact"], "actions": ["read"], "scope": "own"}])).await;
    let olga = user(&ann, "olga", json!(["own_role"])).await;
    let own = contact(&ann, "Own", Some(&olga.id)).await;
    let other = contact(&ann, "Other", None).await;
    ann.delete(&path(&own)).await.assert(204);
    ann.delete(&path(&other)).await.assert(204);
    let seen = olga.at.get("/api/v1/events").await.assert(200).json();
    let types: Vec<&str> =
        seen["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["contact.created", "contact.deleted"], "{seen}");
    assert!(seen["data"].as_array().unwrap().iter().all(|event| event["data"]["record"] == own["id"]));
    olga.at.get(&format!("{}/timeline", path(&own))).await.assert(200);
    olga.at.get(&format!("{}/timeline", path(&other))).await.problem(404, "not_found");
}

async fn a_role_changes_at_once_on_every_node(on: On) {
    let site = TestApp::start(on).await;
    let ann = &site.ann;
    let second = site.second_node().await;
    role(ann, "helper", json!([{"objects": ["contact"], "actions": ["read"]}])).await;
    let hal = user(ann, "hal", json!(["helper"])).await;
    contact(ann, "One", None).await;
    assert_eq!(names(&hal.at).await, ["One"]);
    let body = json!({"name": "helper", "label": "Helper", "rules": [
        {"objects": ["contact"], "actions": ["read"], "scope": "own"}
    ]});
    let there = second.with_key(hal.at.key());
    assert_eq!(names(&there).await, ["One"]);
    ann.put("/api/v1/roles/helper", &body).await.assert(200);
    assert!(names(&hal.at).await.is_empty());
    // Another node decides by it within a second; the test is patient with a busy machine.
    let start = std::time::Instant::now();
    while !names(&there).await.is_empty() {
        assert!(start.elapsed().as_secs() < 20, "the other node still shows what the role gave before");
    }
    let user = format!("/api/v1/users/{}", hal.id);
    ann.patch(&user, &json!({"roles": ["viewer"]})).await.assert(200);
    assert_eq!(names(&hal.at).await, ["One"]);
    ann.patch(&user, &json!({"active": false})).await.assert(200);
    hal.at.get("/api/v1/records/contact").await.problem(401, "unauthenticated");
    ann.delete("/api/v1/roles/helper").await.assert(204);
    ann.get("/api/v1/roles/helper").await.problem(404, "not_found");
}

async fn governors_and_the_governed(on: On) {
    let TestApp { app, ann, vic, sam, .. } = TestApp::start(on).await;
    let mona = user(&ann, "mona", json!(["manager"])).await;
    let adam = user(&ann, "adam", json!(["admin"])).await;
    // The first owner is named by an admin, any further one by an owner; no admin gets an owner's key.
    let body = json!({"email": "otto@example.com", "name": "Otto", "roles": ["owner"]});
    let id = ann.post("/api/v1/users", &body).await.assert(201).json()["id"].as_str().unwrap().to_owned();
    ann.post("/api/v1/api-keys", &json!({"name": "otto", "user": id})).await.problem(403, "permission_denied");
    let (_, key) = app.create_key("first", "owner", "Otto", None).await.unwrap();
    let otto = User { id, at: ann.with_key(&key) };
    let body = json!({"email": "o2@example.com", "name": "O2", "roles": ["owner"]});
    adam.at.post("/api/v1/users", &body).await.problem(403, "permission_denied");
    let second = otto.at.post("/api/v1/users", &body).await.assert(201).json();
    let second = format!("/api/v1/users/{}", second["id"].as_str().unwrap());
    adam.at.patch(&second, &json!({"active": false})).await.problem(403, "permission_denied");
    adam.at.patch(&second, &json!({"roles": []})).await.problem(403, "permission_denied");
    otto.at.patch(&second, &json!({"roles": ["admin"]})).await.assert(200);
    let own = format!("/api/v1/users/{}", otto.id);
    for last in [json!({"active": false}), json!({"roles": ["admin"]})] {
        otto.at.patch(&own, &last).await.problem(409, "refused");
    }
    // Nobody else makes anything of themselves.
    let mine = format!("/api/v1/users/{}", mona.id);
    mona.at.patch(&mine, &json!({"roles": ["admin"]})).await.problem(403, "permission_denied");
    for (actor, status) in [(&mona.at, 403), (&vic, 403)] {
        actor.post("/api/v1/users", &body).await.assert(status);
        actor.post("/api/v1/teams", &json!({"name": "Mine"})).await.assert(status);
        actor.post("/api/v1/roles", &json!({"name": "mine", "label": "Mine"})).await.assert(status);
        actor.post("/api/v1/api-keys", &json!({"name": "k", "role": "admin", "service": true})).await.assert(status);
        actor.post("/api/v1/api-keys", &json!({"name": "k", "user": otto.id})).await.assert(status);
    }
    for bad in [
        json!({"name": "a", "label": "A", "extends": ["admin"]}),
        json!({"name": "a", "label": "A", "extends": ["a"]}),
        json!({"name": "a", "label": "A", "rules": [{"objects": ["#people"], "actions": ["configure"]}]}),
        json!({"name": "owner", "label": "A"}),
        json!({"name": "a", "label": "A", "rules": [{"objects": ["moon"], "actions": ["read"]}]}),
        json!({"name": "a", "label": "A", "rules": [{"objects": ["contact"], "actions": ["read"], "except": ["moon"]}]}),
        json!({"name": "a", "label": "A", "rules": [{"objects": ["contact"], "actions": ["read"], "filter": {"moon": 1}}]}),
        json!({"name": "a", "label": "A", "rules": [{"objects": ["contact"], "actions": ["fly"]}]}),
        json!({"name": "a", "label": "A", "tenant_id": "b"}),
    ] {
        adam.at.post("/api/v1/roles", &bad).await.problem(422, "validation_failed");
    }
    for name in ["admin", "viewer"] {
        adam.at
            .put(&format!("/api/v1/roles/{name}"), &json!({"name": name, "label": "A"}))
            .await
            .problem(404, "not_found");
        adam.at.delete(&format!("/api/v1/roles/{name}")).await.problem(404, "not_found");
    }
    // Another tenant's people are not there.
    let foreign = user(&sam, "sid", json!(["viewer"])).await;
    ann.get(&format!("/api/v1/users/{}", foreign.id)).await.problem(404, "not_found");
    ann.patch(&format!("/api/v1/users/{}", foreign.id), &json!({"active": false})).await.problem(404, "not_found");
    ann.post("/api/v1/teams", &json!({"name": "T", "members": [foreign.id]})).await.problem(422, "validation_failed");
    ann.post("/api/v1/api-keys", &json!({"name": "k", "user": foreign.id})).await.problem(422, "validation_failed");
    assert_eq!(sam.get("/api/v1/users").await.json()["data"].as_array().unwrap().len(), 1);
}

async fn keys_are_made_and_ended(on: On) {
    let TestApp { ann, vic, sam, .. } = TestApp::start(on).await;
    let mona = user(&ann, "mona", json!(["manager", "service"])).await;
    // A key of one role of the user reaches no further than that role.
    let body = json!({"name": "narrow", "role": "service", "expires_at": "2100-01-01T00:00:00Z"});
    let made = mona.at.post("/api/v1/api-keys", &body).await.assert(201).json();
    let narrow = ann.with_key(made["key"].as_str().unwrap());
    mona.at.post("/api/v1/records/product", &json!({"name": "P"})).await.assert(201);
    narrow.post("/api/v1/records/product", &json!({"name": "Q"})).await.problem(403, "permission_denied");
    ann.patch(&format!("/api/v1/users/{}", mona.id), &json!({"roles": ["manager"]})).await.assert(200);
    narrow.get("/api/v1/records/product").await.problem(403, "permission_denied");
    // The key is shown once.
    let listed = mona.at.get("/api/v1/api-keys").await.assert(200);
    assert!(!listed.text.contains(made["key"].as_str().unwrap()) && listed.text.contains("narrow"));
    assert!(listed.json()["data"].as_array().unwrap().iter().all(|key| key["user"] == json!(mona.id)));
    assert!(listed.json()["data"][0]["last_used_at"].is_string());
    let id = made["id"].as_str().unwrap();
    sam.delete(&format!("/api/v1/api-keys/{id}")).await.problem(404, "not_found");
    vic.delete(&format!("/api/v1/api-keys/{id}")).await.problem(403, "permission_denied");
    let other = user(&ann, "other", json!(["sales"])).await;
    other.at.delete(&format!("/api/v1/api-keys/{id}")).await.problem(404, "not_found");
    mona.at.delete(&format!("/api/v1/api-keys/{id}")).await.assert(204);
    narrow.get("/api/v1/records/product").await.problem(401, "unauthenticated");
    mona.at.delete(&format!("/api/v1/api-keys/{id}")).await.problem(404, "not_found");
    for bad in [
        json!({"name": "k", "role": "admin"}),
        json!({"name": "k", "role": "moon"}),
        json!({"name": ""}),
        json!({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"name": "k", "tenant": "x"}),
    ] {
        mona.at.post("/api/v1/api-keys", &bad).await.problem(422, "validation_failed");
    }
    // The same request with the same key is done once, and shows the same secret.
    let keyed = ann.with("idempotency-key", "k1");
    let body = json!({"name": "service", "service": true, "role": "viewer"});
    let one = keyed.post("/api/v1/api-keys", &body).await.assert(201).json();
    assert_eq!(keyed.post("/api/v1/api-keys", &body).await.assert(201).json(), one);
    ann.with_key(one["key"].as_str().unwrap()).get("/api/v1/records/contact").await.assert(200);
}

async fn people_bad_input(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let mona = user(&ann, "mona", json!(["manager"])).await;
    let max = user(&ann, "max", json!(["sales"])).await;
    let top = team(&ann, "Top", None, &[]).await;
    let low = team(&ann, "Low", Some(&top), &[&max]).await;
    let users = "/api/v1/users";
    for (field, bad) in [
        ("email", json!({"name": "A"})),
        ("email", json!({"name": "A", "email": "nobody"})),
        ("email", json!({"name": "A", "email": "MONA@example.com"})),
        ("name", json!({"email": "a@example.com"})),
        ("name", json!({"email": "a@example.com", "name": "x".repeat(201)})),
        ("roles", json!({"email": "a@example.com", "name": "A", "roles": ["moon"]})),
        ("manager", json!({"email": "a@example.com", "name": "A", "manager": top})),
        ("company", json!({"email": "a@example.com", "name": "A", "company": top})),
        ("", json!({"email": "a@example.com", "name": "A", "id": top})),
        ("", json!({"email": 7, "name": "A"})),
    ] {
        let problem = ann.post(users, &bad).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{bad}: {problem}");
    }
    let manager = |user: &User| format!("{users}/{}", user.id);
    ann.patch(&manager(&max), &json!({"manager": mona.id})).await.assert(200);
    for ring in [&max.id, &mona.id] {
        let problem = ann.patch(&manager(&mona), &json!({"manager": ring})).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "cycle");
    }
    let teams = "/api/v1/teams";
    for (field, bad) in [
        ("name", json!({"name": " "})),
        ("name", json!({"name": "Top"})),
        ("parent", json!({"name": "A", "parent": mona.id})),
        ("members", json!({"name": "A", "members": [top]})),
    ] {
        let problem = ann.post(teams, &bad).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{bad}: {problem}");
    }
    let problem = ann.patch(&format!("{teams}/{top}"), &json!({"parent": low})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "cycle");
    // Those below a removed team come below the one above it.
    let mid = team(&ann, "Mid", Some(&top), &[]).await;
    ann.patch(&format!("{teams}/{low}"), &json!({"parent": mid})).await.assert(200);
    ann.delete(&format!("{teams}/{mid}")).await.assert(204);
    ann.delete(&format!("{teams}/{mid}")).await.problem(404, "not_found");
    let all = ann.get(teams).await.assert(200).json();
    let low = all["data"].as_array().unwrap().iter().find(|one| one["id"] == json!(low)).unwrap();
    assert_eq!((&low["parent"], &low["members"]), (&json!(top), &json!([max.id])));
    for path in ["users/7", "users/01a00000-0000-7000-8000-000000000000", "roles/moon"] {
        ann.get(&format!("/api/v1/{path}")).await.problem(404, "not_found");
    }
}

async fn every_change_is_in_the_audit_trail(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let mona = user(&ann, "mona", json!(["manager"])).await;
    role(&ann, "helper", json!([])).await;
    let made = contact(&ann, "One", None).await;
    ann.post(&format!("{}/shares", path(&made)), &json!({"with": "user", "subject": mona.id})).await.assert(201);
    let trail = ann.get("/api/v1/audit").await.assert(200).json();
    let told: Vec<(&str, &Json)> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["object"].as_str().unwrap(), &entry["fields"]))
        .collect();
    let expected = [
        ("contact", json!(["shares"])),
        ("#roles", json!(["helper"])),
        ("#keys", json!(["key"])),
        ("#people", json!(["email", "name", "roles"])),
    ];
    assert_eq!(told.len(), expected.len(), "{trail}");
    for ((object, fields), (at, names)) in told.iter().zip(&expected) {
        assert_eq!((*object, *fields), (*at, names), "{trail}");
    }
    mona.at.get("/api/v1/audit").await.problem(403, "permission_denied");
}
