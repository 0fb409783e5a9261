//! Users, teams, roles and keys through the API, and who may make what of whom.

use serde_json::{Value as Json, json};

use crate::permissions::{User, contact, path, role, team, user};
use crate::support::{On, TestApp};

both!(
    governors_and_the_governed
    two_owners_do_not_remove_each_other
    keys_are_made_and_ended
    people_bad_input
    every_change_is_in_the_audit_trail
);

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
    // An owner's mail, and an owner who is away, are no admin's business.
    adam.at.patch(&own, &json!({"email": "adam2@example.com"})).await.problem(403, "permission_denied");
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

async fn two_owners_do_not_remove_each_other(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let (_, key) = app.create_key("first", "owner", "Otto", None).await.unwrap();
    let otto = ann.with_key(&key);
    let mut owners = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"email": format!("{name}@example.com"), "name": name, "roles": ["owner"]});
        let made = otto.post("/api/v1/users", &body).await.assert(201).json();
        owners.push(format!("/api/v1/users/{}", made["id"].as_str().unwrap()));
    }
    let (gone, back) = (json!({"active": false}), json!({"active": true}));
    for _ in 0..10 {
        let (one, other) = tokio::join!(otto.patch(&owners[0], &gone), otto.patch(&owners[1], &gone));
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
        for owner in &owners {
            otto.patch(owner, &back).await.assert(200);
        }
    }
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
        ("id", json!({"email": "a@example.com", "name": "A", "id": top})),
        ("email", json!({"email": 7, "name": "A"})),
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
        // The operator made the tenant with its first key, and another one.
        ("#keys", json!(["key"])),
        ("#keys", json!(["key"])),
    ];
    assert_eq!(told.len(), expected.len(), "{trail}");
    for ((object, fields), (at, names)) in told.iter().zip(&expected) {
        assert_eq!((*object, *fields), (*at, names), "{trail}");
    }
    // A user is named as such, whatever key they use.
    let told = ann.patch(&path(&made), &json!({"owner": mona.id})).await.assert(200);
    let own = format!("/api/v1/users/{}", mona.id);
    ann.patch(&own, &json!({"roles": ["admin"]})).await.assert(200);
    mona.at.patch(&path(&told.json()), &json!({"city": "Rom"})).await.assert(200);
    mona.at.post("/api/v1/teams", &json!({"name": "T"})).await.assert(201);
    let entry = ann.get("/api/v1/audit?limit=1").await.assert(200).json()["data"][0].clone();
    assert_eq!((&entry["subject"]["kind"], &entry["subject"]["id"]), (&json!("user"), &json!(mona.id)), "{entry}");
    ann.patch(&own, &json!({"roles": ["manager"]})).await.assert(200);
    mona.at.get("/api/v1/audit").await.problem(403, "permission_denied");
}
