//! Nobody makes more of themselves: the ways in which somebody might try, and the last owner's staying.

use serde_json::{Value as Json, json};

use crate::dump::digest;
use crate::permissions::{User, contact, path, role, team, user};
use crate::support::{Actor, On, TestApp};

both!(
    nobody_promotes_themselves
    roles_are_not_built_in_rings
    the_last_owner_stays_whatever_is_tried
    rights_that_end_end_what_hangs_on_them
    a_partner_sees_nothing_of_another_partner
    a_value_that_is_taken_says_not_by_whom
    a_merge_tells_of_no_record_that_is_not_seen
);

/// Everybody but owners and admins, with everything that a role can give.
async fn everybody_else(ann: &Actor) -> Vec<User> {
    let every = json!(["read", "create", "update", "delete", "merge", "share", "export", "import", "configure"]);
    let rules = json!([
        {"objects": ["*"], "actions": every},
        {"objects": ["#modules", "#schema", "#events", "#jobs", "#audit"], "actions": ["read", "update", "configure"]},
        {"objects": ["#people", "#roles", "#keys", "#webhooks"], "actions": ["read"]},
    ]);
    ann.post("/api/v1/roles", &json!({"name": "everything", "label": "E", "rules": rules})).await.assert(201);
    let mut people = Vec::new();
    for name in ["everything", "manager", "sales", "service", "marketing", "viewer", "partner"] {
        people.push(user(ann, name, json!([name])).await);
    }
    people
}

async fn nobody_promotes_themselves(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    role(ann, "helper", json!([])).await;
    let people = everybody_else(ann).await;
    let top = team(ann, "Top", None, &[]).await;
    let keys = ann.get("/api/v1/api-keys").await.assert(200).json();
    let of_admin = keys["data"].as_array().unwrap().iter().find(|key| key["role"] == "admin").unwrap()["id"].clone();
    let admin = user(ann, "adam", json!(["admin"])).await;
    let before = digest(&test.database).await;
    for User { id, at } in &people {
        let own = at.get("/api/v1/me").await.assert(200).json();
        let role = own["roles"][0].as_str().unwrap();
        let everything = json!([{"objects": ["*"], "actions": ["read", "update"]}, {"objects": ["#people"], "actions": ["configure"]}]);
        let asks: Vec<(&str, String, Json)> = vec![
            ("PATCH", format!("/api/v1/users/{id}"), json!({"roles": ["owner"]})),
            ("PATCH", format!("/api/v1/users/{id}"), json!({"roles": [role, "admin"]})),
            ("PATCH", format!("/api/v1/users/{id}"), json!({"manager": null})),
            ("PATCH", format!("/api/v1/users/{}", admin.id), json!({"manager": id})),
            ("PATCH", format!("/api/v1/users/{}", admin.id), json!({"email": "mine@example.com"})),
            ("PATCH", format!("/api/v1/users/{}", admin.id), json!({"active": false})),
            ("POST", "/api/v1/users".to_owned(), json!({"email": "n@example.com", "name": "N", "roles": [role]})),
            ("POST", "/api/v1/teams".to_owned(), json!({"name": "Mine", "members": [id]})),
            ("PATCH", format!("/api/v1/teams/{top}"), json!({"members": [id]})),
            ("PATCH", format!("/api/v1/teams/{top}"), json!({"parent": null})),
            ("DELETE", format!("/api/v1/teams/{top}"), Json::Null),
            ("POST", "/api/v1/roles".to_owned(), json!({"name": "mine", "label": "M", "rules": everything})),
            ("PUT", format!("/api/v1/roles/{role}"), json!({"name": role, "label": "M", "rules": everything})),
            ("PUT", "/api/v1/roles/helper".to_owned(), json!({"name": "helper", "label": "M", "rules": everything})),
            ("DELETE", "/api/v1/roles/helper".to_owned(), Json::Null),
            ("POST", "/api/v1/webhooks".to_owned(), json!({"url": "https://hooks.example.com/"})),
            ("POST", "/api/v1/api-keys".to_owned(), json!({"name": "k", "user": admin.id})),
            ("POST", "/api/v1/api-keys".to_owned(), json!({"name": "k", "service": true, "role": "admin"})),
            ("POST", "/api/v1/api-keys".to_owned(), json!({"name": "k", "service": true, "role": role})),
        ];
        for (method, path, body) in asks {
            let body = (!body.is_null()).then(|| body.to_string());
            let reply = at.send(method.parse().unwrap(), &path, body).await;
            assert_eq!(reply.status, 403, "{role}: {method} {path}: {}", reply.text);
        }
        // A key in a role that one does not have is none.
        for role in ["admin", "owner"] {
            let reply = at.post("/api/v1/api-keys", &json!({"name": "k", "role": role})).await;
            assert!(reply.status == 403 || reply.status == 422, "{}", reply.text);
        }
        at.delete(&format!("/api/v1/api-keys/{}", of_admin.as_str().unwrap())).await.problem(404, "not_found");
    }
    assert_eq!(digest(&test.database).await, before);
    // A key of one's own reaches no further than the one that makes it, in any number of steps.
    let both = user(ann, "both", json!(["viewer", "sales"])).await;
    let narrow = both.at.post("/api/v1/api-keys", &json!({"name": "n", "role": "viewer"})).await.assert(201).json();
    let narrow = ann.with_key(narrow["key"].as_str().unwrap());
    for body in [json!({"name": "k"}), json!({"name": "k", "role": "*"}), json!({"name": "k", "role": "sales"})] {
        narrow.post("/api/v1/api-keys", &body).await.problem(403, "permission_denied");
    }
    // Who may configure the schema sees through a computed field no more than before.
    let rules = json!([
        {"objects": ["contact"], "actions": ["read", "update"], "except": ["note"]},
        {"objects": ["#schema"], "actions": ["read", "configure"]},
    ]);
    ann.post("/api/v1/roles", &json!({"name": "builder", "label": "B", "rules": rules})).await.assert(201);
    let bob = user(ann, "bob", json!(["builder"])).await;
    let made = ann.create("contact", json!({"name": "Ann", "note": "secret"})).await;
    let field = json!({"name": "x_peek", "label": "P", "type": "formula", "returns": "text", "expression": "note"});
    bob.at.post("/api/v1/schema/contact/fields", &field).await;
    test.app.run_due_jobs().await.unwrap();
    for path in [path(&made), format!("{}/timeline", path(&made)), "/api/v1/records/contact/export".to_owned()] {
        let reply = bob.at.get(&path).await;
        assert!(!reply.text.contains("secret"), "{path}: {}", reply.text);
    }
    bob.at.get("/api/v1/records/contact?filter[x_peek][_eq]=secret").await.problem(422, "validation_failed");
}

async fn roles_are_not_built_in_rings(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let put = async |name: &str, extends: &[&str]| {
        ann.put(&format!("/api/v1/roles/{name}"), &json!({"name": name, "label": name, "extends": extends})).await
    };
    for at in 0..12 {
        let name = format!("r{at}");
        ann.post("/api/v1/roles", &json!({"name": name, "label": name})).await.assert(201);
    }
    put("r1", &["r0"]).await.assert(200);
    put("r2", &["r1", "viewer"]).await.assert(200);
    let before = digest(&test.database).await;
    for (name, extends) in [
        ("r0", vec!["r0"]),
        ("r0", vec!["r1"]),
        ("r0", vec!["r2"]),
        ("r1", vec!["r0", "r2"]),
        ("r0", vec!["viewer", "r2", "sales"]),
    ] {
        let problem = put(name, &extends).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "cycle", "{name} {extends:?}: {problem}");
    }
    for governing in ["owner", "admin"] {
        put("r0", &[governing]).await.problem(422, "validation_failed");
        put("r2", &["r1", governing]).await.problem(422, "validation_failed");
    }
    assert_eq!(digest(&test.database).await, before);
    // A chain has an end, whichever link of it is made last.
    let mut refused = 0;
    for at in (3..12).rev() {
        let reply = put(&format!("r{at}"), &[&format!("r{}", at - 1)]).await;
        refused += usize::from(reply.status == 422);
    }
    assert!(refused > 0, "a chain of twelve");
    // Two changes that make a ring together: one of them is refused.
    for _ in 0..5 {
        for name in ["r10", "r11"] {
            put(name, &[]).await.assert(200);
        }
        let (one, other) = tokio::join!(put("r10", &["r11"]), put("r11", &["r10"]));
        let fine = [&one, &other].iter().filter(|reply| reply.status == 200).count();
        assert_eq!(fine, 1, "{} {}", one.text, other.text);
    }
}

async fn the_last_owner_stays_whatever_is_tried(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let (_, key) = app.create_key("first", "owner", "Otto", None).await.unwrap();
    let otto = ann.with_key(&key);
    let mut paths = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"email": format!("{name}@example.com"), "name": name, "roles": ["owner"]});
        let made = otto.post("/api/v1/users", &body).await.assert(201).json();
        paths.push(format!("/api/v1/users/{}", made["id"].as_str().unwrap()));
    }
    let away = [
        json!({"active": false}),
        json!({"roles": []}),
        json!({"roles": ["admin"]}),
        json!({"roles": ["admin", "viewer"], "active": true}),
        json!({"active": false, "roles": ["owner"]}),
        json!({"active": false, "roles": []}),
    ];
    let back = json!({"active": true, "roles": ["owner"]});
    // Every way, with the other owner gone already, or going at the same time in every other way.
    for first in &away {
        for second in &away {
            otto.patch(&paths[0], first).await.assert(200);
            otto.patch(&paths[1], second).await.problem(409, "refused");
            otto.patch(&paths[0], &back).await.assert(200);
            let (one, other) = tokio::join!(otto.patch(&paths[0], first), otto.patch(&paths[1], second));
            let mut statuses = [one.status.as_u16(), other.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409], "{first} {second}: {} {}", one.text, other.text);
            let left = otto.get("/api/v1/users").await.assert(200).json();
            let is_owner = |user: &&Json| user["active"] == true && user["roles"] == json!(["owner"]);
            assert_eq!(left["data"].as_array().unwrap().iter().filter(is_owner).count(), 1, "{left}");
            for path in &paths {
                otto.patch(path, &back).await.assert(200);
            }
        }
    }
    // An admin does none of it, to the last one or another.
    for change in &away {
        ann.patch(&paths[0], change).await.problem(403, "permission_denied");
    }
}

async fn rights_that_end_end_what_hangs_on_them(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let every = json!(["read", "export", "update"]);
    role(ann, "wide", json!([{"objects": ["contact"], "actions": every}])).await;
    role(ann, "narrow", json!([{"objects": ["contact"], "actions": every, "scope": "own", "except": ["note"]}])).await;
    let olga = user(ann, "olga", json!(["wide"])).await;
    let gone = user(ann, "gone", json!(["wide"])).await;
    contact(ann, "Own", Some(&olga.id)).await;
    let other = ann.create("contact", json!({"name": "Other", "note": "secret"})).await;
    let export = json!({"object": "contact"});
    let (own, lost) = (
        olga.at.post("/api/v1/exports", &export).await.assert(202).json(),
        gone.at.post("/api/v1/exports", &export).await.assert(202).json(),
    );
    let change = json!({"filter": {"city": {"_null": true}}, "fields": {"city": "Rom"}});
    let changing = olga.at.post("/api/v1/records/contact/change", &change).await.assert(202).json();
    // Between the request and the job: one has less, the other nothing.
    ann.patch(&format!("/api/v1/users/{}", olga.id), &json!({"roles": ["narrow"]})).await.assert(200);
    ann.patch(&format!("/api/v1/users/{}", gone.id), &json!({"active": false})).await.assert(200);
    gone.at.get("/api/v1/me").await.problem(401, "unauthenticated");
    test.app.run_due_jobs().await.unwrap();
    let id = |made: &Json| made["id"].as_str().unwrap().to_owned();
    let file = olga.at.get(&format!("/api/v1/exports/{}/file", id(&own))).await.assert(200).text;
    assert!(
        file.contains("Own") && !file.contains("Other") && !file.contains("secret") && !file.contains("note"),
        "{file}"
    );
    let job = ann.get(&format!("/api/v1/jobs/{}", id(&lost))).await.assert(200).json();
    assert_eq!((&job["state"], &job["error"]["code"]), (&json!("failed"), &json!("unauthenticated")), "{job}");
    olga.at.get(&format!("/api/v1/jobs/{}", id(&changing))).await.assert(200);
    assert_eq!(ann.get(&path(&other)).await.json()["city"], Json::Null);
    // Brought back, the same key works again, in the roles of then; ended, it never does.
    ann.patch(&format!("/api/v1/users/{}", gone.id), &json!({"active": true, "roles": ["narrow"]})).await.assert(200);
    assert!(gone.at.all("contact", &[]).await.is_empty());
}

async fn a_partner_sees_nothing_of_another_partner(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let mut sides = Vec::new();
    for name in ["alba", "bruma"] {
        let company = ann.create("company", json!({"name": name})).await;
        let who = user(ann, name, json!(["partner"])).await;
        ann.patch(&format!("/api/v1/users/{}", who.id), &json!({"company": company["id"]})).await.assert(200);
        let made = ann
            .create("contact", json!({"name": format!("{name} contact"), "city": "Bern", "company": company["id"]}))
            .await;
        let share = json!({"with": "company", "subject": company["id"], "access": "update"});
        for record in [path(&made), format!("/api/v1/records/company/{}", company["id"].as_str().unwrap())] {
            ann.post(&format!("{record}/shares"), &share).await.assert(201);
        }
        sides.push((name, who, made, company));
    }
    // One contact is shared with both: neither learns of the other by it.
    let common = ann.create("contact", json!({"name": "common", "city": "Bern"})).await;
    for (_, _, _, company) in &sides {
        let share = json!({"with": "company", "subject": company["id"]});
        ann.post(&format!("{}/shares", path(&common)), &share).await.assert(201);
    }
    for (mine, theirs) in [(0, 1), (1, 0)] {
        let ((name, who, own, company), (other, _, hidden, others)) = (&sides[mine], &sides[theirs]);
        let at = &who.at;
        let (hidden_id, others_id) = (hidden["id"].as_str().unwrap(), others["id"].as_str().unwrap());
        for ask in [
            "/api/v1/records/contact?count=exact",
            "/api/v1/records/contact?expand=company&sort=name",
            "/api/v1/records/company?count=exact",
            "/api/v1/records/contact?deleted=true",
            &format!("/api/v1/records/contact?filter[company][name][_eq]={other}"),
            &format!("/api/v1/records/contact?filter[id][_eq]={hidden_id}"),
            &format!("/api/v1/search?q={other}"),
            "/api/v1/search?q=bern",
            &format!("{}/profile", path(own)),
            &format!("{}/timeline", path(own)),
            &format!("{}/shares", path(own)),
            &format!("{}/shares", path(&common)),
            &format!("{}/links/company", path(own)),
            &format!("/api/v1/records/company/{}/links/contacts", company["id"].as_str().unwrap()),
            &format!("/api/v1/records/company/{}/profile", company["id"].as_str().unwrap()),
        ] {
            let reply = at.get(ask).await.assert(200);
            assert!(
                !reply.text.contains(*other) || ask.contains(&format!("={other}")),
                "{name}: {ask}: {}",
                reply.text
            );
            let tells = [hidden_id, others_id].iter().any(|id| !ask.contains(*id) && reply.text.contains(*id));
            assert!(!tells, "{name}: {ask}: {}", reply.text);
        }
        let listed = at.get("/api/v1/records/contact?count=exact").await.assert(200).json();
        assert_eq!(listed["total"], 2, "{listed}");
        for body in [json!({}), json!({"filter": {"company": {"_eq": others_id}}}), json!({"group_by": ["company"]})] {
            let figures = at.post("/api/v1/records/contact/aggregate", &body).await.assert(200);
            assert!(!figures.text.contains(others_id), "{}", figures.text);
        }
        let like = at
            .post(
                "/api/v1/records/contact/duplicates",
                &json!({"fields": {"name": format!("{other} contact"), "city": "Bern"}}),
            )
            .await;
        assert!(!like.assert(200).text.contains(hidden_id));
        for refused in
            ["/api/v1/users", "/api/v1/teams", "/api/v1/events", "/api/v1/jobs", "/api/v1/records/contact/export"]
        {
            at.get(refused).await.problem(403, "permission_denied");
        }
        at.get(&path(hidden)).await.problem(404, "not_found");
        at.patch(&path(hidden), &json!({"city": "Rom"})).await.problem(404, "not_found");
        at.patch(&path(own), &json!({"company": others_id})).await.problem(422, "validation_failed");
        at.patch(&path(&common), &json!({"city": "Rom"})).await.problem(403, "permission_denied");
    }
}

/// That a value is taken cannot be kept from who writes it; who has it can.
async fn a_value_that_is_taken_says_not_by_whom(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let every = json!(["read", "create", "update"]);
    role(&ann, "own_role", json!([{"objects": ["contact"], "actions": every, "scope": "own"}])).await;
    role(&ann, "writer", json!([{"objects": ["contact"], "actions": ["create"]}])).await;
    let olga = user(&ann, "olga", json!(["own_role"])).await;
    let will = user(&ann, "will", json!(["writer"])).await;
    let theirs = ann.create("contact", json!({"name": "Theirs", "email": "t@example.com"})).await;
    let own = olga.at.create("contact", json!({"name": "Own", "email": "o@example.com"})).await;
    let body = json!({"name": "New", "email": "t@example.com"});
    for actor in [olga.at.clone(), olga.at.with("prefer", "dry-run"), will.at.clone()] {
        let problem = actor.post("/api/v1/records/contact", &body).await.problem(409, "duplicate");
        assert_eq!(problem["errors"][0]["field"], "email", "{problem}");
        assert!(problem.get("existing_id").is_none_or(Json::is_null), "{problem}");
        assert!(!problem.to_string().contains(theirs["id"].as_str().unwrap()), "{problem}");
    }
    let upsert = json!({"match": "email", "fields": body});
    let problem = olga.at.post("/api/v1/records/contact/upsert", &upsert).await;
    assert!(problem.status == 409 && !problem.text.contains(theirs["id"].as_str().unwrap()), "{}", problem.text);
    let change = json!({"email": "t@example.com"});
    assert!(
        olga.at
            .patch(&path(&own), &change)
            .await
            .problem(409, "duplicate")
            .get("existing_id")
            .is_none_or(Json::is_null)
    );
    // Who sees the record is told.
    assert_eq!(ann.post("/api/v1/records/contact", &body).await.problem(409, "duplicate")["existing_id"], theirs["id"]);
    let problem = olga.at.post("/api/v1/records/contact", &json!({"name": "N", "email": "o@example.com"})).await;
    assert_eq!(problem.problem(409, "duplicate")["existing_id"], own["id"]);
}

/// A merge moves every link, and counts and names those of records that whoever merges sees.
async fn a_merge_tells_of_no_record_that_is_not_seen(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let every = json!(["read", "create", "update", "delete", "merge"]);
    let rules = json!([{"objects": ["contact"], "actions": every}, {"objects": ["activity"], "actions": ["read"], "filter": {"subject": {"_eq": "seen"}}}]);
    role(&ann, "merger", rules).await;
    let mia = user(&ann, "mia", json!(["merger"])).await;
    let (into, from) = (contact(&ann, "Into", None).await, contact(&ann, "From", None).await);
    let mut unseen = Vec::new();
    for subject in ["seen", "unseen", "unseen"] {
        let body = json!({"kind": "note", "happened_at": "2026-01-01", "subject": subject, "contact": from["id"]});
        let made = ann.create("activity", body).await;
        if subject == "unseen" {
            unseen.push(made["id"].as_str().unwrap().to_owned());
        }
    }
    let total = json!({"amount": "1.00", "currency": "EUR"});
    let order = ann.create("order", json!({"contact": from["id"], "placed_at": "2026-01-01", "total": total})).await;
    unseen.push(order["id"].as_str().unwrap().to_owned());
    let merge = json!({"into": into["id"], "from": [from["id"]]});
    let planned = mia.at.with("prefer", "dry-run").post("/api/v1/records/contact/merge", &merge).await.assert(200);
    let done = mia.at.post("/api/v1/records/contact/merge", &merge).await.assert(200);
    for reply in [&planned, &done] {
        assert!(!unseen.iter().any(|id| reply.text.contains(id)), "{}", reply.text);
    }
    assert_eq!((&done.json()["moved"], &planned.json()["result"]["moved"]), (&json!(1), &json!(1)));
    let moved = |reply: Json| reply["contact"] == into["id"];
    assert!(moved(ann.get(&format!("/api/v1/records/order/{}", order["id"].as_str().unwrap())).await.json()));
    // Nor does taking it back; and who does not see the records knows of no merge.
    role(&ann, "own_role", json!([{"objects": ["contact"], "actions": every, "scope": "own"}])).await;
    let olga = user(&ann, "olga", json!(["own_role"])).await;
    let back = json!({"merge": done.json()["merge"]});
    olga.at.post("/api/v1/records/contact/unmerge", &back).await.problem(404, "not_found");
    ann.patch(&format!("/api/v1/records/order/{}", order["id"].as_str().unwrap()), &json!({"contact": null}))
        .await
        .assert(200);
    let undone = mia.at.post("/api/v1/records/contact/unmerge", &back).await.assert(200);
    assert!(!unseen.iter().any(|id| undone.text.contains(id)), "{}", undone.text);
    assert_eq!((&undone.json()["moved"], &undone.json()["not_put_back"]), (&json!(1), &json!([])));
    assert_eq!(ann.get(&path(&from)).await.assert(200).json()["name"], "From");
}
