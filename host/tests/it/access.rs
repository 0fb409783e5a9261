//! Who may do what: every operation of the document, as everybody.

use guildhall::domain::clock::{Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    every_operation_as_nobody_and_as_a_stranger
    a_viewer_reads_and_changes_nothing
    wrong_keys_are_all_the_same
    a_key_ends
    one_tenant_sees_nothing_of_another
    a_restarted_host_knows_its_keys
);

/// Operations that need no key; may only shrink.
const OPEN: &[&str] = &["livez", "readyz", "openapi"];

/// What to put in for parameters of paths other than `{id}`.
const PARAMETERS: &[(&str, &str)] = &[
    ("{plugin}", "guildhall.retail-loyalty"),
    ("{object}", "contact"),
    ("{field}", "x_level"),
    ("{role}", "helper"),
    ("{provider}", "test"),
    ("{tenant}", MISSING),
    ("{failure}", MISSING),
    ("{letter}", MISSING),
    ("{plan}", "none"),
    ("{plugin_key}", MISSING),
    ("{version}", "0.1.0"),
    ("{screenshot}", "nothing.png"),
    // Actions and views have tests of their own.
    ("{name}", "nothing"),
];
/// Operations that make a credential: their own tests try them with all that is wrong.
pub const ENTRANCES: &[&str] = &["sign_in", "accept_invitation", "oidc_start", "oidc_callback"];
/// Operations on how somebody signs in, which no key does.
pub const OWN_ACCOUNT: &[&str] =
    &["change_password", "begin_second_factor", "confirm_second_factor", "end_second_factor", "renew_recovery_codes"];
/// Operations that read, and that only an admin may.
const ADMINS_ONLY: &[&str] = &[
    "list_webhooks",
    "get_webhook",
    "list_deliveries",
    "list_audit",
    "export_audit",
    "list_roles",
    "get_role",
    "person_export_file",
    "list_certificates",
    "get_certificate",
    "usage",
    "get_tenant_export",
    "tenant_export_file",
    "list_tenants",
    "get_tenant",
    "tenant_usage",
    "operator_export",
    "list_identity_providers",
    "list_plugin_access",
    "module_logs",
    "module_failures",
    "failure_replay",
    "list_dead_letters",
    "metrics",
    "list_plugin_keys",
    "list_plans",
    "plugin_component",
    "plugin_statistics",
];
/// Operations that read, and take their question in a body.
const ASKING: &[&str] = &["create_export"];

/// Everything in the document of this actor: method, path with ids filled in, operation id.
pub async fn operations(actor: &Actor, id_of: impl Fn(&str) -> String) -> Vec<(Method, String, String)> {
    let document = actor.get("/api/v1/openapi.json").await.assert(200).json();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let rest = path.strip_prefix("/api/v1/").unwrap_or_default();
        let object = rest.strip_prefix("records/").unwrap_or(rest).split('/').next().unwrap_or_default();
        let link = match object {
            "company" => "contacts",
            "contact" => "orders",
            "loyalty.entry" | "loyalty.tier_event" | "loyalty.package" | "loyalty.draw_ticket" => "member",
            "loyalty.card_entry" => "card",
            "loyalty.package_entry" => "package",
            "loyalty.referral" => "referrer",
            "loyalty.voucher_use" => "voucher",
            "order_line" => "order",
            "tag" | "segment" | "product" | "file" | "loyalty.campaign" | "loyalty.draw" | "loyalty.operation"
            | "loyalty.voucher" => "nothing",
            _ => "contact",
        };
        let mut path = path.replace("{id}", &id_of(object)).replace("/links/{field}", &format!("/links/{link}"));
        path = path.replace("/api/v1/search", "/api/v1/search?q=ann");
        for (parameter, value) in PARAMETERS {
            path = path.replace(parameter, value);
        }
        for what in ["webhook", "event", "user", "team", "key", "share", "session"] {
            path = path.replace(&format!("{{{what}}}"), &id_of(&format!("#{what}")));
        }
        if path == "/api/v1/imports" {
            path.push_str("?object=contact&format=csv");
        }
        assert!(!path.contains('{'), "a new kind of parameter in {path}: say here what to put in");
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            if ENTRANCES.contains(&operation["operationId"].as_str().unwrap()) {
                continue;
            }
            all.push((method, path.clone(), operation["operationId"].as_str().unwrap().to_owned()));
        }
    }
    assert!(all.len() > 20, "{all:?}");
    all
}

/// Whether it only reads, although it has a body.
pub fn is_question(path: &str) -> bool {
    ["/search", "/aggregate", "/duplicates", "/proposal"].iter().any(|end| path.ends_with(end))
}

/// Fields of a new record of each object; `ids` are records to link to.
pub fn fields_of(object: &str, ids: &Json) -> Json {
    let total = json!({"amount": "5.00", "currency": "EUR"});
    match object {
        "order" => json!({"contact": ids["contact"], "placed_at": "2026-01-01", "total": total}),
        "order_line" => json!({"order": ids["order"], "unit_price": total}),
        "activity" => json!({"kind": "call", "happened_at": "2026-01-01"}),
        "task" => json!({"title": "Call"}),
        "segment" => json!({"name": "All", "object": "contact", "filter": {}}),
        "contact_identity" => json!({"contact": ids["contact"], "channel": "wechat", "external_id": "1"}),
        "conversation" => json!({"channel": "wechat"}),
        "message" => {
            json!({"conversation": ids["conversation"], "direction": "inbound", "sent_at": "2026-01-01"})
        }
        _ => json!({"name": "New"}),
    }
}

/// Objects that callers write, those that others link to first.
pub const WRITABLE: &[&str] = &[
    "company",
    "contact",
    "order",
    "order_line",
    "product",
    "tag",
    "segment",
    "file",
    "task",
    "activity",
    "contact_identity",
    "conversation",
    "message",
];

const MISSING: &str = "01a20031-9c4a-7239-8605-04c662a595e1";
const OTHER: &str = "01a20031-9c4a-7239-8605-04c662a595e2";

pub fn body_for(method: &Method, path: &str, ids: &Json) -> Option<String> {
    let object = path.strip_prefix("/api/v1/records/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let body = match method.as_str() {
        "POST" if path.ends_with("/schema") => {
            json!({"name": "x.thing", "label": "Thing", "plural": "Things", "fields": []})
        }
        "POST" if path.ends_with("/fields") => json!({"name": "x_level", "label": "Level", "type": "text"}),
        "POST" if path.ends_with("/batch") => {
            json!({"mode": "atomic", "operations": [{"op": "create", "fields": fields_of(object, ids)}]})
        }
        "POST" if path.ends_with("/upsert") => {
            json!({"match": "external_id", "fields": {"external_id": "new", "name": "New"}})
        }
        "POST" if path.ends_with("/search") || path.ends_with("/aggregate") => json!({}),
        "POST" if path.ends_with("/duplicates") => json!({"fields": {}}),
        "POST" if path.ends_with("/merge") => json!({"into": MISSING, "from": [OTHER]}),
        "POST" if path.ends_with("/unmerge") => json!({"merge": MISSING}),
        "POST" if path.ends_with("/change") => json!({"filter": {}, "all": true, "fields": {"note": "changed"}}),
        "POST" if path.ends_with("/delete") => json!({"filter": {}, "all": true}),
        "POST" if path.ends_with("/webhooks") => json!({"url": "https://hooks.example.com/"}),
        "POST" if path.ends_with("/replay") && !path.contains("/deliveries/") => json!({"since": "2020-01-01"}),
        "POST" if path.ends_with("/proposal") => json!({"answers": {"industry": "retail"}}),
        "POST" if path.ends_with("/accept") => json!({"modules": ["guildhall.retail-loyalty"]}),
        "POST" if path.ends_with("/exports") => json!({"object": "contact"}),
        "POST" if path.contains("/imports") || path.contains("/jobs") => json!({}),
        "POST" if path.ends_with("/invitation") => json!({}),
        "POST" if path.ends_with("/second-factor/confirm") => json!({"code": "123456"}),
        "POST" if path.starts_with("/api/v1/me/") => json!({"current_password": "x"}),
        "PUT" if path.ends_with("/me/password") => json!({"current_password": "x", "password": "y"}),
        "POST" => fields_of(object, ids),
        "PATCH" if path.contains("/schema/") => json!({"label": "changed"}),
        "PATCH" if path.contains("/webhooks/") => json!({"enabled": false}),
        "PATCH" | "PUT" => json!({}),
        _ => return None,
    };
    Some(body.to_string())
}

/// One record of each object of the first tenant.
pub async fn one_of_each(test: &TestApp) -> Json {
    let mut ids = json!({});
    for object in WRITABLE {
        ids[*object] = test.ann.create(object, fields_of(object, &ids)).await["id"].clone();
    }
    for object in ["loyalty.member", "loyalty.entry"] {
        ids[object] = test.ann.all(object, &[]).await[0]["id"].clone();
    }
    let contact = ids["contact"].clone();
    crate::loyalty::one_of_each(&test.ann, &contact, &mut ids).await;
    crate::privacy::exported_and_erased(test, &mut ids).await;
    let webhook = test.ann.post("/api/v1/webhooks", &json!({"url": "https://hooks.example.com/"})).await;
    ids["#webhook"] = webhook.assert(201).json()["id"].clone();
    let timeline = format!("/api/v1/records/contact/{}/timeline", ids["contact"].as_str().unwrap());
    ids["#event"] = test.ann.get(&timeline).await.assert(200).json()["data"][0]["id"].clone();
    let user = json!({"email": "u@example.com", "name": "U", "roles": ["sales"]});
    ids["#user"] = test.ann.post("/api/v1/users", &user).await.assert(201).json()["id"].clone();
    ids["#team"] = test.ann.post("/api/v1/teams", &json!({"name": "T"})).await.assert(201).json()["id"].clone();
    test.ann.post("/api/v1/roles", &json!({"name": "helper", "label": "Helper"})).await.assert(201);
    let key = json!({"name": "k", "user": ids["#user"]});
    ids["#key"] = test.ann.post("/api/v1/api-keys", &key).await.assert(201).json()["id"].clone();
    let invitation = format!("/api/v1/users/{}/invitation", ids["#user"].as_str().unwrap());
    let token = test.ann.post(&invitation, &json!({})).await.assert(201).json()["token"].clone();
    let accepted = json!({"token": token, "password": crate::browser::PASSWORD});
    let signed_in = test.anon.post("/api/v1/invitations/accept", &accepted).await.assert(201).json();
    ids["#session"] = signed_in["session"]["id"].clone();
    let shares = format!("/api/v1/records/contact/{}/shares", ids["contact"].as_str().unwrap());
    let share = json!({"with": "team", "subject": ids["#team"]});
    ids["#share"] = test.ann.post(&shares, &share).await.assert(201).json()["id"].clone();
    ids["imports"] =
        test.ann.upload("object=contact", "text/csv", "name\nBob\n").await.assert(202).json()["id"].clone();
    let export = test.ann.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202).json();
    ids["exports"] = export["id"].clone();
    ids["files"] = ids["file"].clone();
    ids["tenant"] = test.ann.post("/api/v1/tenant/export", &json!({})).await.assert(202).json()["id"].clone();
    let content = format!("/api/v1/files/{}/content", ids["file"].as_str().unwrap());
    test.ann.put_bytes(&content, "text/plain", "x").await.assert(200);
    ids["jobs"] = export["id"].clone();
    test.app.run_due_jobs().await.unwrap();
    ids
}

/// Everything that the first tenant has.
async fn state(ann: &Actor) -> Vec<Vec<Json>> {
    let mut all = Vec::new();
    let of_module = ["loyalty.member", "loyalty.entry"].into_iter().chain(crate::loyalty::MODULES_OWN);
    for object in WRITABLE.iter().copied().chain(of_module) {
        all.push(ann.all(object, &[]).await);
    }
    for path in ["modules", "schema", "webhooks", "users", "teams", "roles", "sessions", "identity-providers"]
        .map(|path| format!("/api/v1/{path}"))
    {
        all.push(vec![ann.get(&path).await.assert(200).json()]);
    }
    all
}

async fn every_operation_as_nobody_and_as_a_stranger(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    test.sam.put("/api/v1/modules/guildhall.retail-loyalty", &json!({"consent": ["*"]})).await.assert(200);
    let ids = one_of_each(&test).await;
    let before = state(&test.ann).await;
    let missing = "01a20031-9c4a-7239-8605-04c662a595e1";
    for (method, path, operation) in
        operations(&test.ann, |object| ids[object].as_str().unwrap_or_default().to_owned()).await
    {
        let nobody = test.anon.send(method.clone(), &path, body_for(&method, &path, &ids)).await;
        if OPEN.contains(&operation.as_str()) {
            nobody.assert(200);
            continue;
        }
        assert_eq!(nobody.header("www-authenticate"), "Bearer", "{operation}");
        nobody.problem(401, "unauthenticated");

        // For a stranger, another tenant's record is what a missing one is.
        let mut own_ids = ids.as_object().unwrap().values().filter_map(Json::as_str);
        // A webhook stands before the event in a path: a stranger has neither.
        let own_id = own_ids.find(|id| path.contains(id));
        let Some(own_id) = own_id else { continue };
        let stranger = test.sam.send(method.clone(), &path, body_for(&method, &path, &ids)).await;
        let path = path.replace(own_id, missing);
        let nothing = test.sam.send(method.clone(), &path, body_for(&method, &path, &ids)).await;
        assert_eq!(stranger.status, nothing.status, "{operation}");
        let same = |mut problem: Json, id: &str| {
            assert_eq!(problem["status"], 404, "{operation}");
            problem["request_id"] = json!(null);
            problem.to_string().replace(id, "ID")
        };
        assert_eq!(same(stranger.json(), own_id), same(nothing.json(), missing), "{operation}");
    }
    assert_eq!(state(&test.ann).await, before);
}

async fn a_viewer_reads_and_changes_nothing(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let ids = one_of_each(&test).await;
    let before = state(&test.ann).await;
    for (method, path, operation) in
        operations(&test.vic, |object| ids[object].as_str().unwrap_or_default().to_owned()).await
    {
        let reply = test.vic.send(method.clone(), &path, body_for(&method, &path, &ids)).await;
        let is_read = method == Method::GET || is_question(&path);
        if ASKING.contains(&operation.as_str()) {
            reply.assert(202);
        } else if OWN_ACCOUNT.contains(&operation.as_str()) {
            reply.problem(403, "session_required");
        } else if ["/links/nothing", "/views/nothing", "/readme", "/screenshots/nothing.png"]
            .iter()
            .any(|missing| path.ends_with(missing))
        {
            reply.problem(404, "not_found");
        } else if is_read && !ADMINS_ONLY.contains(&operation.as_str()) {
            reply.assert(200);
        } else {
            let problem = reply.problem(403, "permission_denied");
            assert!(problem["detail"].as_str().unwrap().contains("viewer"), "{operation}: {problem}");
        }
    }
    assert_eq!(state(&test.ann).await, before);
}

async fn wrong_keys_are_all_the_same(on: On) {
    let TestApp { ann, anon, .. } = TestApp::start(on).await;
    let right = ann.key();
    let almost = format!("{}{}", &right[..right.len() - 1], if right.ends_with('A') { 'B' } else { 'A' });
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {almost}"),
        format!("Bearer {}", &right[..20]),
        format!("Basic {right}"),
        right.to_owned(),
        format!("Bearer {}", "x".repeat(5_000)),
    ] {
        let reply = anon.with("authorization", &header).get("/api/v1/records/contact").await;
        let problem = reply.problem(401, "unauthenticated");
        assert_eq!(problem["detail"], "the API key or session is missing, unknown or expired");
    }
    // The document is open, but a wrong key is still wrong there.
    ann.with_key("gh_wrong").get("/api/v1/openapi.json").await.problem(401, "unauthenticated");
    anon.with("authorization", &format!("bearer {right}")).get("/api/v1/records/contact").await.assert(200);
}

async fn a_key_ends(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let past = Timestamp::parse("2020-01-01T00:00:00Z");
    let (_, ended) = app.create_key("first", "admin", "ended", past).await.unwrap();
    ann.with_key(&ended).get("/api/v1/records/contact").await.problem(401, "unauthenticated");
    let future = Timestamp::parse("9999-01-01T00:00:00Z");
    let (_, holds) = app.create_key("first", "admin", "holds", future).await.unwrap();
    ann.with_key(&holds).get("/api/v1/records/contact").await.assert(200);
}

async fn one_tenant_sees_nothing_of_another(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "external_id": "1"})).await;
    assert!(sam.all("contact", &[]).await.is_empty());
    assert!(
        sam.all("contact", &[("filter", r#"{"_or":[{"external_id":{"_eq":"1"}},{"_not":{"name":{"_eq":"x"}}}]}"#)])
            .await
            .is_empty()
    );
    let by_id = json!({"id": {"_eq": contact["id"]}}).to_string();
    assert!(sam.all("contact", &[("filter", by_id.as_str())]).await.is_empty());
    sam.create("contact", json!({"name": "Sam", "external_id": "1"})).await;
    assert_eq!(ann.all("contact", &[]).await, [contact]);
}

async fn a_restarted_host_knows_its_keys(on: On) {
    let test = TestApp::start(on).await;
    let again = crate::support::open(&test.database, Clock::system()).await.unwrap();
    let (first, second) = (test.app.authenticate(test.ann.key()).await, again.authenticate(test.ann.key()).await);
    assert_eq!(first.unwrap(), second.unwrap());
}
