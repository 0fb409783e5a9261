//! The isolation matrix: at every place of every operation where something can stand, what is not one's own answers
//! like what is not there, tells nothing, and stays as it is. The requests come from the document: see `templates`.

mod bodies;
mod replies;
mod templates;
mod things;

use std::collections::BTreeMap;

use guildhall::app::Database;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::dump::digest;
use crate::permissions::user;
use crate::support::{Actor, On, Reply, TestApp};
use replies::difference;
pub use replies::plain as without_ids;
use templates::{Document, Template, templates};
use things::{Things, make};

both!(
    what_is_another_tenants_is_not_there
    what_is_out_of_scope_is_not_there
    a_key_of_a_retry_is_its_senders
    a_place_in_the_log_is_of_its_tenant
    rows_of_an_import_reach_nobody_elses
);

/// Checks that each matrix makes at the least: it shrinks when something is left out.
const LEAST: (usize, usize) = (12_000, 3_000);
/// Words that stand in every text of the first tenant, or of its admin, and nowhere else.
const THEIRS: &str = "zeugma";
const OWN: &str = "ownword";

/// Somebody who tries things that are others'.
struct Attack<'a> {
    who: &'static str,
    actor: &'a Actor,
    own: &'a Things,
    others: &'a Things,
    /// Kinds of things of which the others' are not there.
    hides: fn(&str) -> bool,
    /// Whether own things have to answer otherwise than missing ones: the proof that a request is good.
    proves: bool,
}

/// What came of a matrix.
#[derive(Default)]
struct Tally {
    checks: usize,
    /// Requests by which an own thing answered otherwise than a missing one, or like it.
    unproven: usize,
    proven: usize,
    requests: usize,
    faults: Vec<String>,
}

async fn what_is_another_tenants_is_not_there(on: On) {
    let test = TestApp::start(on).await;
    let others = make(&test, &test.ann, &test.ann, THEIRS).await;
    let own = make(&test, &test.sam, &test.sam, OWN).await;
    let theirs = tenant(&test.ann).await;
    let every = json!(["read", "create", "update", "delete", "merge", "share", "export", "import"]);
    let rules = json!([
        {"objects": ["*"], "actions": every, "scope": "own"},
        {"objects": ["#events", "#jobs", "#schema", "#people", "#modules"], "actions": ["read"]},
    ]);
    test.sam.post("/api/v1/roles", &json!({"name": "own_all", "label": "O", "rules": rules})).await.assert(201);
    let member = user(&test.sam, "mia", json!(["own_all"])).await.at;
    let viewer = user(&test.sam, "vera", json!(["viewer"])).await.at;
    let partner = user(&test.sam, "paul", json!(["partner"])).await.at;
    let document = Document(test.sam.get("/api/v1/openapi.json").await.assert(200).json());
    let templates = templates(&document);
    let mut tally = Tally::default();
    for (who, actor) in [("admin", &test.sam), ("member", &member), ("viewer", &viewer), ("partner", &partner)] {
        let proves = who == "admin";
        let attack = Attack { who, actor, own: &own, others: &others, hides: |_| true, proves };
        // What all objects have in common is tried by an admin with each, and by others with some.
        let some: Vec<Template> = templates.iter().filter(|one| proves || one.is_of_some_objects()).cloned().collect();
        run(&attack, &some, &test.database, Some(&theirs), &mut tally).await;
    }
    finish(&tally, LEAST.0, "another tenant's");
}

async fn what_is_out_of_scope_is_not_there(on: On) {
    let test = TestApp::start(on).await;
    let every = json!(["read", "create", "update", "delete", "merge", "share", "export", "import"]);
    let rules = json!([
        {"objects": ["*"], "actions": every, "scope": "own"},
        {"objects": ["#events", "#jobs", "#schema", "#people", "#modules"], "actions": ["read"]},
    ]);
    test.ann.post("/api/v1/roles", &json!({"name": "own_all", "label": "O", "rules": rules})).await.assert(201);
    let olga = user(&test.ann, "olga", json!(["own_all"])).await.at;
    let others = make(&test, &test.ann, &test.ann, THEIRS).await;
    let own = make(&test, &test.ann, &olga, OWN).await;
    let pia = user(&test.ann, "pia", json!(["partner"])).await;
    let company = others.get("company").unwrap();
    test.ann.patch(&format!("/api/v1/users/{}", pia.id), &json!({"company": company})).await.assert(200);
    let shared = test.ann.create("contact", json!({"name": "Shared"})).await["id"].as_str().unwrap().to_owned();
    let share = json!({"with": "company", "subject": company, "access": "update"});
    test.ann.post(&format!("/api/v1/records/contact/{shared}/shares"), &share).await.assert(201);
    let mut few = Things::default();
    few.put("contact", &shared);
    let document = Document(test.ann.get("/api/v1/openapi.json").await.assert(200).json());
    let templates = templates(&document);
    // People, roles and the schema are known to everybody who works here; a page may begin where another's ended.
    let hides = |kind: &str| {
        let known = [
            "user", "team", "role", "field", "object", "type", "email", "place", "webhook", "event", "known", "tenant",
        ];
        !known.contains(&kind.trim_end_matches('!')) && !kind.starts_with("cursor:")
    };
    let before = state(&test.ann, &others).await;
    let mut tally = Tally::default();
    for (who, actor, own, proves) in [("own scope", &olga, &own, true), ("partner", &pia.at, &few, false)] {
        let attack = Attack { who, actor, own, others: &others, hides, proves };
        let some: Vec<Template> = templates.iter().filter(|one| one.is_of_some_objects()).cloned().collect();
        run(&attack, &some, &test.database, None, &mut tally).await;
    }
    assert_eq!(state(&test.ann, &others).await, before);
    finish(&tally, LEAST.1, "out of scope");
}

/// Tries everything that is the others' in every place.
async fn run(
    attack: &Attack<'_>,
    templates: &[Template],
    database: &Database,
    theirs: Option<&str>,
    tally: &mut Tally,
) {
    let mut before = digest(database).await;
    let mut only_refused = true;
    let mut proofs = Vec::new();
    for (at, template) in templates.iter().enumerate() {
        let Template { operation, method, path, query, body, .. } = template;
        let body = body.as_ref().unwrap_or(&Json::Null);
        for (place, kind) in template.places().iter().enumerate().filter(|(_, kind)| (attack.hides)(kind)) {
            let none = missing(kind, attack.others);
            let about = format!("{} with {kind} in place {place} of {operation}: {path} {query:?} {body}", attack.who);
            let nothing = attack.send(template, place, &none).await;
            tally.requests += 2;
            only_refused &= nothing.status.is_client_error();
            for what in [kind.clone(), format!("{kind}!")] {
                let Some(thing) = attack.others.get(&what) else { continue };
                let reply = attack.send(template, place, thing).await;
                only_refused &= reply.status.is_client_error();
                tally.requests += 1;
                let rest = reply.text.replace(thing, "");
                for telling in attack.others.telling(attack.hides).filter(|telling| rest.contains(*telling)) {
                    tally.faults.push(format!("{about} tells {telling}: {}", reply.text));
                }
                tally.faults.extend(difference(&about, (&reply, thing), (&nothing, &none)));
                tally.checks += 1;
            }
            let nonsense = attack.send(template, place, "nonsense-7").await;
            if nonsense.status.is_server_error() {
                tally.faults.push(format!("{about}: nonsense: {}", nonsense.text));
            }
            only_refused &= nonsense.status.is_client_error();
            tally.checks += 1;
            if let Some(own) = attack.own.get(kind).filter(|_| attack.proves && template.only_asks()) {
                proofs.push((template, place, own.to_owned(), none, nothing));
            }
        }
        // The database is looked at when all requests of an operation are done.
        let is_last = templates.get(at + 1).is_none_or(|next| next.path != *path || next.method != *method);
        if is_last {
            let after = digest(database).await;
            if only_refused && before != after {
                tally.faults.push(format!("{}: {method} {path} was refused, and wrote", attack.who));
            }
            if let Some(theirs) = theirs.filter(|theirs| of(&before, theirs) != of(&after, theirs)) {
                tally.faults.push(format!("{}: {method} {path} wrote to {theirs}", attack.who));
            }
            // One's own things come after that look: to fetch one's own file is noted.
            let mut is_same = true;
            for (template, place, own, none, nothing) in proofs.drain(..) {
                let reply = attack.send(template, place, &own).await;
                is_same &= reply.status.is_client_error();
                if (reply.status, &reply.text.replace(&own, &none)) == (nothing.status, &nothing.text) {
                    tally.unproven += 1;
                } else {
                    tally.proven += 1;
                }
            }
            before = if is_same { after } else { digest(database).await };
            only_refused = true;
        }
    }
}

#[expect(clippy::print_stderr, reason = "how much was tried is the measure of the matrix")]
fn finish(tally: &Tally, least: usize, what: &str) {
    let Tally { checks, proven, unproven, faults, requests } = tally;
    eprintln!(
        "{what}: {checks} checks with {requests} requests; {proven} places told own things from missing ones; {unproven} did not"
    );
    let told: Vec<&String> = faults.iter().take(60).collect();
    assert!(faults.is_empty(), "{} of {checks} checks of {what} failed: {told:#?}", faults.len());
    assert!(*checks >= least, "{checks} checks of {what} are fewer than {least}");
}

/// What is not there, of each kind.
fn missing(kind: &str, others: &Things) -> String {
    let changed = |text: &str| {
        let (start, end) = text.split_at(text.len() - 1);
        format!("{start}{}", if end == "A" { "B" } else { "A" })
    };
    match kind {
        "role" => "nobody_has".to_owned(),
        "field" => "x_nothing".to_owned(),
        "object" => "x.nothing".to_owned(),
        "type" => "x.nothing.*".to_owned(),
        "word" => "qqnothing".to_owned(),
        "email" => "nobody@example.com".to_owned(),
        _ if kind.starts_with("cursor:") || kind == "place" => changed(others.get(kind).unwrap_or("MTIz")),
        _ => "01a00000-0000-7000-8000-000000000000".to_owned(),
    }
}

impl Attack<'_> {
    /// The request with this in one place, and own things in the others.
    async fn send(&self, template: &Template, place: usize, value: &str) -> Reply {
        // Where one has nothing oneself, it is another nothing than the one that is tried.
        let none = |kind: &str| missing(kind, self.others).replace("01a00000-", "01a11111-");
        let filled = template.fill(&mut |at, kind| {
            if at == place { value.to_owned() } else { self.own.get(kind).map_or(none(kind), str::to_owned) }
        });
        send(self.actor, &filled).await
    }
}

async fn send(actor: &Actor, filled: &Template) -> Reply {
    let text = |json: &Json| json.as_str().map_or(json.to_string(), str::to_owned);
    let mut path = filled.path.clone();
    if !filled.query.is_empty() {
        let pairs = filled.query.iter().map(|(name, value)| (name, text(value)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        path = format!("{path}?{query}");
    }
    let mut actor = actor.clone();
    for (name, value) in &filled.headers {
        actor = actor.with(name, &text(value));
    }
    if filled.operation == "create_import" || filled.operation == "set_content" {
        actor = actor.with("content-type", "text/csv");
    }
    actor.send(Method::from_bytes(filled.method.as_bytes()).unwrap(), &path, filled.body.as_ref().map(text)).await
}

impl Template {
    /// Whether it is about one of the objects that stand for the others: between them they have every kind of link.
    fn is_of_some_objects(&self) -> bool {
        let object = self.path.strip_prefix("/api/v1/records/").and_then(|rest| rest.split('/').next());
        object.is_none_or(|object| ["contact", "activity", "file"].contains(&object))
    }

    /// Whether it changes nothing, so that own things may be tried with it.
    fn only_asks(&self) -> bool {
        let asks = ["search", "aggregate", "duplicates", "change_matching", "delete_matching"];
        let streams = self.headers.iter().any(|(_, value)| value == "text/event-stream");
        (self.method == "GET" || asks.contains(&self.operation.as_str())) && !streams
    }
}

async fn tenant(actor: &Actor) -> String {
    actor.get("/api/v1/me").await.assert(200).json()["tenant"].as_str().unwrap().replace('-', "")
}

fn of<'a>(digest: &'a BTreeMap<(String, String), u64>, tenant: &str) -> BTreeMap<&'a str, u64> {
    digest.iter().filter(|((_, of), _)| of == tenant).map(|((table, _), hash)| (table.as_str(), *hash)).collect()
}

/// The records among these things, as an admin sees them.
async fn state(admin: &Actor, things: &Things) -> Vec<String> {
    let mut all = Vec::new();
    for object in crate::access::WRITABLE {
        for kind in [(*object).to_owned(), format!("{object}#2"), format!("{object}!")] {
            let path = format!("/api/v1/records/{object}/{}", things.get(&kind).unwrap());
            let shares = admin.get(&format!("{path}/shares")).await.json()["data"].to_string();
            all.push(format!("{} {shares}", admin.get(&path).await.json()["version"]));
        }
    }
    all
}

/// The key of a retry that another tenant used, or another member, is a new one.
async fn a_key_of_a_retry_is_its_senders(on: On) {
    let test = TestApp::start(on).await;
    let olga = user(&test.ann, "olga", json!(["admin"])).await.at;
    let requests = [
        ("records/contact", json!({"name": "One"})),
        ("records/contact/batch", json!({"mode": "each", "operations": [{"op": "create", "fields": {"name": "Two"}}]})),
        ("records/tag", json!({"name": "T"})),
        ("records/company/upsert", json!({"match": "external_id", "fields": {"external_id": "7", "name": "C"}})),
        ("users", json!({"email": "new@example.com", "name": "N"})),
        ("teams", json!({"name": "T"})),
        ("roles", json!({"name": "helper", "label": "H"})),
        ("api-keys", json!({"name": "k", "role": "viewer", "service": true})),
        ("webhooks", json!({"url": "https://hooks.example.com/"})),
        ("exports", json!({"object": "contact"})),
    ];
    for (at, (path, body)) in requests.iter().enumerate() {
        let (path, key) = (format!("/api/v1/{path}"), format!("retry-{at}"));
        let first = test.ann.with("idempotency-key", &key).post(&path, body).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        let again = test.ann.with("idempotency-key", &key).post(&path, body).await;
        assert_eq!((&again.text, again.header("idempotency-replayed")), (&first.text, "true"), "{path}");
        for other in [&test.sam, &olga] {
            let theirs = other.with("idempotency-key", &key).post(&path, body).await;
            assert!(theirs.headers.get("idempotency-replayed").is_none(), "{path}: {}", theirs.text);
            assert!(
                theirs.text != first.text || first.json().get("id").is_none() || path.ends_with("/upsert"),
                "{path}"
            );
        }
    }
}

/// The place in one tenant's log is no place in another's, for pages and for streams.
async fn a_place_in_the_log_is_of_its_tenant(on: On) {
    let test = TestApp::start(on).await;
    for actor in [&test.ann, &test.sam] {
        actor.create("contact", json!({"name": "One"})).await;
        crate::timeline::settled(actor, 1).await;
    }
    let place = test.ann.get("/api/v1/events?limit=1").await.assert(200).json()["next"].as_str().unwrap().to_owned();
    let page = test.sam.get(&format!("/api/v1/events?after={place}")).await.problem(422, "validation_failed");
    let stream = test.sam.with("accept", "text/event-stream").with("last-event-id", &place).get("/api/v1/events").await;
    let stream = stream.problem(422, "validation_failed");
    assert_eq!(
        (&page["errors"][0]["code"], &stream["errors"][0]["code"]),
        (&json!("invalid_cursor"), &json!("invalid_cursor"))
    );
    // It says nothing that can be counted.
    let own = test.sam.get("/api/v1/events?limit=1").await.assert(200).json()["next"].as_str().unwrap().to_owned();
    assert_ne!(own, place);
}

/// Rows that name what is another tenant's, or out of scope, are refused like those that name what is not there.
async fn rows_of_an_import_reach_nobody_elses(on: On) {
    let test = TestApp::start(on).await;
    let every = json!(["read", "create", "update", "import"]);
    let rules = json!([{"objects": ["contact", "company"], "actions": every, "scope": "own"}, {"objects": ["#jobs"], "actions": ["read"]}]);
    test.ann.post("/api/v1/roles", &json!({"name": "own_all", "label": "O", "rules": rules})).await.assert(201);
    let olga = user(&test.ann, "olga", json!(["own_all"])).await.at;
    let company = test.ann.create("company", json!({"name": THEIRS})).await;
    let contact = test.ann.create("contact", json!({"name": THEIRS, "external_id": "theirs"})).await;
    let (company, contact) = (company["id"].as_str().unwrap(), contact["id"].as_str().unwrap());
    let none = "01a00000-0000-7000-8000-000000000000";
    let before = test.ann.get(&format!("/api/v1/records/contact/{contact}")).await.text;
    for actor in [&test.sam, &olga] {
        for (query, mapping, file, theirs) in [
            ("", json!({"company": "company"}), "name,company\nRow,@\n", company),
            ("", json!({"company": {"field": "company", "match": "name"}}), "name,company\nRow,@\n", THEIRS),
            ("&mode=update&key=id", json!({}), "id,name\n@,Taken over\n", contact),
            ("&mode=upsert&key=id", json!({}), "id,name\n@,Taken over\n", contact),
            ("&mode=update&key=external_id", json!({}), "external_id,name\n@,Taken over\n", "theirs"),
        ] {
            let mut answers = Vec::new();
            for value in [theirs, none] {
                let query = format!("object=contact{query}");
                let sent = actor.upload(&query, "text/csv", file.replace('@', value)).await.assert(202).json();
                let path = format!("/api/v1/imports/{}", sent["id"].as_str().unwrap());
                actor.patch(&path, &json!({"mapping": mapping})).await.assert(200);
                actor.post(&format!("{path}/start"), &json!({})).await.assert(202);
                test.app.run_due_jobs().await.unwrap();
                let done = actor.get(&path).await.assert(200).json();
                let errors = actor.get(&format!("{path}/errors")).await.assert(200).text;
                let mut counts = done["job"]["progress"]["counts"].clone();
                counts.as_object_mut().unwrap().retain(|name, _| !name.starts_with("bytes"));
                answers.push((counts, errors.replace(value, "VALUE")));
            }
            let (reached, nothing) = (&answers[0], &answers[1]);
            assert_eq!(reached, nothing, "{query} {file}");
        }
    }
    assert_eq!(test.ann.get(&format!("/api/v1/records/contact/{contact}")).await.text, before);
}
