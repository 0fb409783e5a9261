//! Injections that others had, each by its name: values stay values, and names are known ones.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, plugin_with};

both!(
    krayin_2529_having_raw
    cve_2024_36412_suitecrm
    cve_2024_36408_suitecrm
    cve_2024_36409_suitecrm
    cve_2026_73300_budibase
    cve_2026_27702_budibase
    rustsec_2024_0363_sqlx
    identifiers_of_own_fields
    identifiers_of_plugins_schemas
    cve_2026_72898_metabase
);

const ATTACKS: [&str; 8] = [
    "1' or '1'='1",
    "') or 1=1 --",
    "x' union all select hash, 1, 2 from api_key --",
    "1; drop table o_contact; --",
    "\\'; drop table o_contact; --",
    "$1",
    "%' escape '\\",
    "/**/union/**/select/**/1",
];

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn refused(actor: &Actor, body: Json) {
    actor.post("/api/v1/records/contact/aggregate", &body).await.problem(422, "validation_failed");
}

/// What an aggregate is told is a function, a field or a name, never a piece of SQL.
async fn krayin_2529_having_raw(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for attack in ATTACKS {
        refused(&ann, json!({"measures": [{"fn": attack}]})).await;
        refused(&ann, json!({"measures": [{"fn": "count", "field": attack}]})).await;
        refused(&ann, json!({"measures": [{"fn": "count", "as": attack}]})).await;
        refused(&ann, json!({"measures": [{"fn": "count"}], "sort": [attack]})).await;
        refused(&ann, json!({"measures": [{"fn": "count"}], "group_by": [{"field": attack}]})).await;
        refused(&ann, json!({"measures": [{"fn": "count"}], "group_by": [{"field": "created_at", "by": attack}]}))
            .await;
        let body = json!({"measures": [{"fn": "count"}], "having": attack});
        assert!(ann.post("/api/v1/records/contact/aggregate", &body).await.status.is_client_error());
    }
}

/// Without a key nothing gets as far as the database, whatever it says.
async fn cve_2024_36412_suitecrm(on: On) {
    let TestApp { ann, anon, .. } = TestApp::start(on).await;
    ann.create("contact", json!({"name": "Ann"})).await;
    for attack in ATTACKS {
        let text = encoded(attack);
        for path in [
            format!("/api/v1/records/contact?filter[name][_eq]={text}"),
            format!("/api/v1/records/{text}"),
            format!("/api/v1/records/contact/{text}"),
            format!("/api/v1/search?q={text}"),
            format!("/api/v1/events?after={text}"),
        ] {
            anon.get(&path).await.problem(401, "unauthenticated");
            let liar = anon.with("authorization", &format!("Bearer gh_{attack}"));
            liar.get(&path).await.problem(401, "unauthenticated");
        }
    }
}

/// A hostile value is stored as it is, found as it is, and does nothing else.
async fn cve_2024_36408_suitecrm(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (at, attack) in ATTACKS.into_iter().enumerate() {
        let made =
            ann.create("contact", json!({"name": attack, "city": attack, "note": attack, "external_id": attack}));
        let made = made.await;
        assert_eq!((&made["name"], &made["note"]), (&json!(attack), &json!(attack)));
        for field in ["name", "city", "external_id"] {
            let filter = json!({field: {"_eq": attack}}).to_string();
            assert_eq!(ann.all("contact", &[("filter", &filter)]).await, std::slice::from_ref(&made));
        }
        let path = format!("/api/v1/records/contact/{}", made["id"].as_str().unwrap());
        let changed = ann.patch(&path, &json!({"note": format!("{attack}{attack}")})).await.assert(200).json();
        assert_eq!(ann.get(&path).await.json(), changed);
        ann.get(&format!("/api/v1/search?q={}", encoded(attack))).await;
        assert_eq!(ann.all("contact", &[]).await.len(), at + 1);
    }
}

/// An id or a parameter that is none is told so before the database is asked.
async fn cve_2024_36409_suitecrm(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let made = ann.create("contact", json!({"name": "Ann"})).await;
    let id = made["id"].as_str().unwrap();
    for attack in ATTACKS {
        let text = encoded(attack).replace('+', "%20");
        for wrong in [text.clone(), format!("{id}{text}")] {
            let path = format!("/api/v1/records/contact/{wrong}");
            ann.get(&path).await.problem(404, "not_found");
            ann.patch(&path, &json!({"name": "x"})).await.problem(404, "not_found");
            ann.delete(&path).await.problem(404, "not_found");
            ann.get(&format!("{path}/timeline")).await.problem(404, "not_found");
            ann.post(&format!("{path}/restore"), &json!({})).await.problem(404, "not_found");
        }
        ann.get(&format!("/api/v1/records/contact/{id}/links/{text}")).await.problem(404, "not_found");
        ann.get(&format!("/api/v1/records/contact?cursor={text}")).await.problem(422, "validation_failed");
    }
    assert_eq!(ann.all("contact", &[]).await, [made]);
}

/// No text is ever more than one statement.
async fn cve_2026_73300_budibase(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let second =
        ["x'; delete from o_contact; select '", "x; update api_key set role = 'admin'", "x\0; drop table tenant"];
    let made = ann.create("contact", json!({"name": "Ann"})).await;
    for attack in second {
        let filter = json!({"filter": {"name": {"_contains": attack}}});
        let found = ann.post("/api/v1/records/contact/search", &filter).await;
        assert!(found.status.as_u16() == 422 || found.json()["data"] == json!([]), "{}", found.text);
        let object = ann.get(&format!("/api/v1/records/{}", encoded(attack).replace('+', "%20"))).await;
        object.problem(404, "unknown_object");
        for body in [json!({"sort": [attack]}), json!({"fields": [attack]}), json!({"expand": [attack]})] {
            ann.post("/api/v1/records/contact/search", &body).await.problem(422, "validation_failed");
        }
    }
    assert_eq!(ann.all("contact", &[]).await, [made]);
}

/// Expressions know fields and the functions of CEL: nothing of the host, and no code.
async fn cve_2026_27702_budibase(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for expression in [
        "process.env.PATH",
        "eval('1')",
        "(function(){return 1})()",
        "this.constructor.constructor('return 1')()",
        "require('fs').readFileSync('/etc/passwd')",
        "name.__proto__",
        "${name}",
        "`id`",
        "name; 1",
        "std::env::var('PATH')",
        "env('PATH')",
    ] {
        let field =
            json!({"name": "x_f", "label": "F", "type": "formula", "returns": "text", "expression": expression});
        let reply = ann.post("/api/v1/schema/contact/fields", &field).await;
        assert!([409, 422].contains(&reply.status.as_u16()), "{expression}: {}", reply.text);
        let filter = json!({"filter": {"name": {"_eq": {"$eval": expression}}}});
        ann.post("/api/v1/records/contact/search", &filter).await.problem(422, "validation_failed");
        let filter = json!({"filter": {expression: {"_eq": "x"}}});
        ann.post("/api/v1/records/contact/search", &filter).await.problem(422, "validation_failed");
    }
    let made = ann.create("contact", json!({"name": "process.env"})).await;
    assert!(made.get("x_f").is_none());
}

/// A length that overflows the protocol's prefix would need a value of 4 GiB: bodies end long before.
async fn rustsec_2024_0363_sqlx(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for path in ["", "/search", "/batch", "/upsert", "/aggregate", "/merge", "/duplicates"] {
        // A little over the limit: what is far over may be cut off before the answer is read.
        let huge = "x".repeat(if path == "/batch" { 16 << 20 } else { 1 << 20 });
        let body = format!("{{\"name\":\"{huge}\"}}");
        let reply = ann.send(Method::POST, &format!("/api/v1/records/contact{path}"), Some(body)).await;
        reply.problem(413, "payload_too_large");
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}

/// Names that tenants make are letters of SQL names, and few.
async fn identifiers_of_own_fields(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let long = format!("x_{}", "a".repeat(200));
    let before = ann.get("/api/v1/schema/contact").await.assert(200).json();
    for name in [
        "x_a\"; drop table o_contact; --",
        "x_a\"",
        "x_a'",
        "x_a`",
        "x_a]",
        "x_a b",
        "x_a.b",
        "x_a\0",
        "x_ä",
        "x_a\n",
        "x_a)",
        "x_a,b",
        "x_$1",
        "x_a--",
        "x_a/*",
        "X_a",
        "x_",
        "x",
        "",
        "id",
        "tenant_id",
        "t0.x_a",
        &long,
    ] {
        let field = json!({"name": name, "label": "L", "type": "text"});
        ann.post("/api/v1/schema/contact/fields", &field).await.problem(422, "validation_failed");
        let object = json!({"name": format!("x.{name}"), "label": "L", "plural": "L", "fields": [field]});
        let reply = ann.post("/api/v1/schema", &object).await;
        assert!(reply.status.is_client_error(), "{name}: {}", reply.text);
    }
    for option in ATTACKS {
        let name = format!("x_o{}", option.len());
        let field = json!({"name": name, "label": option, "type": "select", "options": [option]});
        let reply = ann.post("/api/v1/schema/company/fields", &field).await;
        assert!(reply.status.is_success() || reply.status.is_client_error(), "{}", reply.text);
    }
    assert_eq!(ann.get("/api/v1/schema/contact").await.assert(200).json(), before);
    ann.create("company", json!({"name": "still here"})).await;
}

/// Names that plugins bring are checked before any of them becomes a table.
async fn identifiers_of_plugins_schemas(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    for attack in ["a\"; drop table o_contact; --", "a'b", "a b", "a.b.c", "A", "\u{e4}", "a__b", "", "a\0", "select\n"]
    {
        for place in ["/objects/0/name", "/objects/0/fields/0/name"] {
            let plugin = plugin_with("guildhall.retail-loyalty", |manifest| {
                let name = manifest.pointer_mut(place).expect("the manifest names objects and fields");
                let namespace = name.as_str().unwrap().split_once('.').map(|(namespace, _)| namespace.to_owned());
                *name = json!(namespace.map_or(attack.to_owned(), |namespace| format!("{namespace}.{attack}")));
            });
            assert!(app.install_plugin(&plugin).await.is_err(), "{attack} at {place}");
        }
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}

/// Nothing that is there before anybody has a key takes a value to the database: there is no way to
/// set up, sign in or reset, and every operation asks for the key first.
async fn cve_2026_72898_metabase(on: On) {
    let TestApp { ann, anon, .. } = TestApp::start(on).await;
    let before = ann.create("contact", json!({"name": "Ann"})).await;
    let paths = [
        "setup",
        "api/setup",
        "api/session",
        "api/session/reset_password",
        "api/session/forgot_password",
        "login",
        "reset",
        "admin",
        "api/v1/setup",
        "api/v1/login",
        "api/v1/password/reset",
        "api/v1/tenants",
        "api/v1/keys",
    ];
    for path in paths {
        for attack in ATTACKS {
            let body = json!({"token": attack, "password": attack, "email": attack, "slug": attack});
            let reply = anon.post(&format!("/{path}?token={}", encoded(attack)), &body).await;
            assert!([401, 404, 405].contains(&reply.status.as_u16()), "{path}: {}", reply.text);
        }
    }
    for attack in ATTACKS {
        let body = json!({"name": attack, "filter": {"name": {"_eq": attack}}, "token": attack});
        for path in ["contact", "contact/search", "contact/batch", "contact/upsert", "contact/aggregate"] {
            anon.post(&format!("/api/v1/records/{path}"), &body).await.problem(401, "unauthenticated");
        }
    }
    assert_eq!(ann.all("contact", &[]).await, [before]);
}
