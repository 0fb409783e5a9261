//! Roles, teams and shares: who sees and changes which records, on every path.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp};
use crate::timeline::settled;

both!(
    own_team_and_tree
    an_unseen_record_is_a_missing_one
    writes_keep_to_their_scope
    filters_of_roles
    shares_reach_a_user_a_team_and_a_company
    events_are_for_who_sees_the_record
    a_role_changes_at_once_on_every_node
);

pub fn path(contact: &Json) -> String {
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

pub async fn team(admin: &Actor, name: &str, parent: Option<&str>, members: &[&User]) -> String {
    let members: Vec<&str> = members.iter().map(|user| user.id.as_str()).collect();
    let body = json!({"name": name, "parent": parent, "members": members});
    let made = admin.post("/api/v1/teams", &body).await.assert(201).json();
    made["id"].as_str().unwrap().to_owned()
}

/// A role that gives this on contacts, and reading events, jobs and the schema.
pub async fn role(admin: &Actor, name: &str, rules: Json) {
    let mut rules = rules.as_array().unwrap().clone();
    rules.push(json!({"objects": ["#events", "#jobs", "#schema"], "actions": ["read"]}));
    admin.post("/api/v1/roles", &json!({"name": name, "label": name, "rules": rules})).await.assert(201);
}

pub async fn contact(actor: &Actor, name: &str, owner: Option<&str>) -> Json {
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
    let me = tess.at.get("/api/v1/me").await.assert(200).json();
    assert_eq!(
        (&me["user"]["id"], &me["roles"], &me["teams"]),
        (&json!(tess.id), &json!(["tree_role"]), &json!([top]))
    );
    assert_eq!(ann.get("/api/v1/me").await.assert(200).json()["user"], Json::Null);
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

/// Makes a body that names a record.
type Body<'a> = Box<dyn Fn(&str) -> Json + 'a>;

/// The same answer for what is hidden and for what is not there, apart from ids.
#[expect(clippy::needless_pass_by_value, reason = "made for what was just asked")]
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
    let asks: Vec<(&str, Body<'_>)> = vec![
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
    // Nor what became of a record that was merged.
    let gone = contact(&ann, "Gone", None).await;
    ann.post("/api/v1/records/contact/merge", &json!({"into": id, "from": [gone["id"]]})).await.assert(200);
    assert_eq!(ann.get(&path(&gone)).await.problem(404, "not_found")["merged_into"], json!(id));
    let gone = gone["id"].as_str().unwrap();
    same(olga.at.get(&at(gone)).await, gone, olga.at.get(&at(none)).await, none);
    let merge = |id: &str| json!({"into": own["id"], "from": [id]});
    let all = "/api/v1/records/contact/merge";
    same(olga.at.post(all, &merge(gone)).await, gone, olga.at.post(all, &merge(none)).await, none);
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
    let TestApp { app, ann, .. } = TestApp::start(on).await;
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
    // A job that deletes what a filter finds leaves what she may not delete, and says so.
    let extra = contact(&olga.at, "Extra", None).await;
    let some = json!({"filter": {"name": {"_in": ["Extra", "Other"]}}});
    let job = olga.at.post("/api/v1/records/contact/delete", &some).await.assert(202).json();
    app.run_due_jobs().await.unwrap();
    let job = ann.get(&format!("/api/v1/jobs/{}", job["id"].as_str().unwrap())).await.assert(200).json();
    assert_eq!((&job["state"], job.to_string().contains("permission_denied")), (&json!("done"), true), "{job}");
    ann.get(&path(&extra)).await.problem(404, "not_found");
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
    settled(&ann, 4).await;
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
