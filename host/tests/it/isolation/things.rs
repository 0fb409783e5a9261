//! What somebody has: a live and a deleted one of every kind of thing, by the names that templates use.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::access::{WRITABLE, fields_of};
use crate::support::{Actor, TestApp};

/// Things by kind; a deleted one has `!` behind its kind.
#[derive(Clone, Debug, Default)]
pub struct Things(BTreeMap<String, String>);

/// The text field of objects that have one.
const TEXTS: &[(&str, &str)] = &[
    ("company", "name"),
    ("contact", "name"),
    ("order", "note"),
    ("order_line", "description"),
    ("product", "name"),
    ("tag", "name"),
    ("segment", "name"),
    ("file", "name"),
    ("task", "title"),
    ("activity", "subject"),
    ("contact_identity", "display_name"),
    ("conversation", "subject"),
    ("message", "body"),
];

impl Things {
    pub fn get(&self, kind: &str) -> Option<&str> {
        self.0.get(kind).map(String::as_str)
    }

    pub fn put(&mut self, kind: &str, value: &str) {
        self.0.insert(kind.to_owned(), value.to_owned());
    }

    /// Everything by which one of the things that are hidden could be known.
    pub fn telling(&self, hides: fn(&str) -> bool) -> impl Iterator<Item = &str> {
        let is_telling = move |kind: &str| !matches!(kind, "role" | "role!" | "event" | "retry") && hides(kind);
        self.0.iter().filter(move |(kind, _)| is_telling(kind)).map(|(_, value)| value.as_str())
    }

    fn take(&mut self, kind: &str, made: &Json) {
        if let Some(id) = made.get("id").and_then(Json::as_str) {
            self.put(kind, id);
        }
    }
}

/// Makes one of everything: records, jobs and shares by the maker, as far as that one may; the rest by an admin.
/// All texts hold the mark.
pub async fn make(test: &TestApp, admin: &Actor, maker: &Actor, mark: &str) -> Things {
    let mut things = Things::default();
    let mut ids = json!({});
    for object in WRITABLE {
        for kind in [(*object).to_owned(), format!("{object}#2"), format!("{object}!")] {
            let mut fields = fields_of(object, &ids);
            let text = TEXTS.iter().find(|(name, _)| name == object).unwrap().1;
            fields[text] = json!(format!("{mark} {}", kind.replace(['#', '!'], " ")));
            if *object == "contact_identity" {
                fields["external_id"] = json!(kind);
            }
            let made = maker.post(&format!("/api/v1/records/{object}"), &fields).await;
            if !made.status.is_success() {
                continue;
            }
            let made = made.json();
            things.take(&kind, &made);
            let path = format!("/api/v1/records/{object}/{}", made["id"].as_str().unwrap());
            if kind.ends_with('!') {
                maker.delete(&path).await.assert(204);
            } else if !kind.ends_with('2') {
                ids[*object] = made["id"].clone();
                // Its version is 2, and its timeline has two events.
                maker.patch(&path, &json!({text: format!("{mark} {object} changed")})).await.assert(200);
            }
            if kind == "file" {
                maker
                    .put_bytes(&format!("/api/v1/files/{}/content", made["id"].as_str().unwrap()), "text/plain", "x")
                    .await
                    .assert(200);
            }
        }
    }
    // What everybody who works here may know has another mark.
    let known: String = mark.chars().rev().collect();
    people(admin, &known, &mut things).await;
    shares(maker, &mut things).await;
    let hook = json!({"url": "https://hooks.example.com/"});
    for kind in ["webhook", "webhook!"] {
        things.take(kind, &admin.post("/api/v1/webhooks", &hook).await.assert(201).json());
    }
    admin.delete(&format!("/api/v1/webhooks/{}", things.get("webhook!").unwrap())).await.assert(204);
    merged(maker, mark, &mut things).await;
    whole(test, admin, maker, mark, &mut things).await;
    jobs(test, maker, mark, &mut things).await;
    places(maker, mark, &mut things).await;
    schema(admin, &known, &mut things).await;
    things.put("word", mark);
    things.put("known", &known);
    things
}

async fn people(admin: &Actor, mark: &str, things: &mut Things) {
    let email = format!("{mark}@example.com");
    let user = json!({"email": email, "name": mark, "roles": ["sales"]});
    things.take("user", &admin.post("/api/v1/users", &user).await.assert(201).json());
    things.put("email", &email);
    for kind in ["team", "team!"] {
        things.take(
            kind,
            &admin.post("/api/v1/teams", &json!({"name": format!("{mark} {kind}")})).await.assert(201).json(),
        );
    }
    admin.delete(&format!("/api/v1/teams/{}", things.get("team!").unwrap())).await.assert(204);
    for kind in ["role", "role!"] {
        let name = format!("{mark}_{}", if kind == "role" { "helper" } else { "gone" });
        admin.post("/api/v1/roles", &json!({"name": name, "label": "Helper"})).await.assert(201);
        things.put(kind, &name);
    }
    admin.delete(&format!("/api/v1/roles/{}", things.get("role!").unwrap())).await.assert(204);
    for kind in ["key", "key!"] {
        let key = json!({"name": mark, "user": things.get("user").unwrap()});
        things.take(kind, &admin.post("/api/v1/api-keys", &key).await.assert(201).json());
    }
    admin.delete(&format!("/api/v1/api-keys/{}", things.get("key!").unwrap())).await.assert(204);
}

async fn shares(maker: &Actor, things: &mut Things) {
    let Some(contact) = things.get("contact").map(str::to_owned) else { return };
    let path = format!("/api/v1/records/contact/{contact}/shares");
    for (kind, subject) in [("share", "user"), ("share!", "team")] {
        let body = json!({"with": subject, "subject": things.get(subject).unwrap()});
        let made = maker.post(&path, &body).await;
        if made.status.is_success() {
            things.take(kind, &made.json());
        }
    }
    if let Some(gone) = things.get("share!") {
        maker.delete(&format!("{path}/{gone}")).await.assert(204);
    }
}

async fn merged(maker: &Actor, mark: &str, things: &mut Things) {
    for kind in ["merge", "merge!"] {
        let mut ids = Vec::new();
        for at in 0..2 {
            let made = maker.post("/api/v1/records/contact", &json!({"name": format!("{mark} {kind} {at}")})).await;
            if !made.status.is_success() {
                return;
            }
            ids.push(made.json()["id"].as_str().unwrap().to_owned());
        }
        let body = json!({"into": ids[0], "from": [ids[1]]});
        let done = maker.post("/api/v1/records/contact/merge", &body).await.assert(200).json();
        things.put(kind, done["merge"].as_str().unwrap());
        things.put(&format!("contact#merged{kind}"), &ids[1]);
    }
    let body = json!({"merge": things.get("merge!").unwrap()});
    maker.post("/api/v1/records/contact/unmerge", &body).await.assert(200);
}

/// What only those have who may see all of it: a person, and the tenant, in a file; what was signed of an erasure.
async fn whole(test: &TestApp, admin: &Actor, maker: &Actor, mark: &str, things: &mut Things) {
    things.put("tenant", admin.get("/api/v1/me").await.assert(200).json()["tenant"].as_str().unwrap());
    if admin.key() != maker.key() {
        return;
    }
    // A module that failed once; its failure is the tenant's own.
    let hostile = "/api/v1/modules/test.hostile";
    test.app.install_plugin(&crate::support::plugin("test.hostile")).await.unwrap();
    admin.put(hostile, &json!({"consent": ["*"], "keep_failures": true})).await.assert(200);
    let trap = json!({"name": mark, "note": "trap"});
    admin.post("/api/v1/records/contact", &trap).await.assert(422);
    admin.put(hostile, &json!({"enabled": false})).await.assert(200);
    things.take("failure", &admin.get(&format!("{hostile}/failures")).await.assert(200).json()["data"][0]);
    things.take("tenant_export", &admin.post("/api/v1/tenant/export", &json!({})).await.assert(202).json());
    let gone = admin.create("contact", json!({"name": format!("{mark} gone")})).await["id"].clone();
    let path = format!("/api/v1/records/contact/{}/person", gone.as_str().unwrap());
    let export = admin.post(&format!("{path}/export"), &json!({})).await.assert(202).json();
    things.take("person_export", &export["job"]);
    test.app.run_due_jobs().await.unwrap();
    admin.post(&format!("{path}/erase"), &json!({"confirm": gone})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    things.take("certificate", &admin.get("/api/v1/certificates").await.assert(200).json()["data"][0]);
}

async fn jobs(test: &TestApp, maker: &Actor, mark: &str, things: &mut Things) {
    let import = maker.upload("object=contact&start=true", "text/csv", format!("name\n{mark} imported\n,\n")).await;
    if import.status.is_success() {
        things.take("import", &import.json());
        things.take("import.job", &import.json()["job"]);
    }
    let export = maker.post("/api/v1/exports", &json!({"object": "contact"})).await;
    if export.status.is_success() {
        things.take("export", &export.json());
        things.take("job", &export.json());
    }
    test.app.run_due_jobs().await.unwrap();
}

/// What others could send as the place of a page, or as the key of a retry.
async fn places(maker: &Actor, mark: &str, things: &mut Things) {
    for object in WRITABLE {
        let page = maker.get(&format!("/api/v1/records/{object}?limit=1")).await;
        let next = if page.status.is_success() { page.json()["next_cursor"].clone() } else { Json::Null };
        if let Some(next) = next.as_str() {
            things.put(&format!("cursor:list:{object}"), next);
        }
    }
    if let Some(contact) = things.get("contact").map(str::to_owned) {
        let page = maker.get(&format!("/api/v1/records/contact/{contact}/timeline?limit=1")).await.assert(200).json();
        things.put("cursor:timeline:contact", page["next_cursor"].as_str().unwrap());
        things.put("event", page["data"][0]["id"].as_str().unwrap());
        let new = json!({"name": format!("{mark} retried")});
        maker.with("idempotency-key", mark).post("/api/v1/records/contact", &new).await.assert(201);
        things.put("retry", mark);
    }
    let page = maker.get("/api/v1/events?limit=1").await;
    if page.status.is_success() {
        things.put("place", page.json()["next"].as_str().unwrap());
    }
}

/// What only this tenant's schema has.
async fn schema(admin: &Actor, mark: &str, things: &mut Things) {
    let field = json!({"name": format!("x_{mark}"), "label": mark, "type": "text"});
    if admin.post("/api/v1/schema/contact/fields", &field).await.status.is_success() {
        things.put("field", &format!("x_{mark}"));
    }
    let object = json!({"name": format!("x.{mark}"), "label": mark, "plural": mark, "fields": [field]});
    if admin.post("/api/v1/schema", &object).await.status.is_success() {
        things.put("object", &format!("x.{mark}"));
        things.put("type", &format!("x.{mark}.*"));
    }
}
