//! The registry: publishers publish their own plugins, people see what a plugin is, and vendors how it does.

use std::time::Duration;

use guildhall::app::{AppError, ShowcaseFiles};
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::artefacts::{COMPONENT, PACKAGE, packages};
use crate::support::{Actor, On, TestApp, plugin, plugin_with, settings};

both!(
    a_publisher_publishes_its_own_and_does_nothing_else
    people_see_what_a_plugin_is
    a_component_is_fetched_and_counted
    a_vendor_sees_how_its_versions_do
);

const LOYALTY: &str = "guildhall.retail-loyalty";
const HOSTILE: &str = "test.hostile";
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nand what a picture has";

/// A publisher, by a key that the operator has made for it.
async fn publisher(test: &TestApp, name: &str) -> Actor {
    let (_, key) = test.app.create_operator_key("A vendor", Some(name), None).await.unwrap();
    test.anon.with_key(&key)
}

fn package(component: &[u8]) -> Vec<u8> {
    let readme = Some("# Loyalty\n\nPoints for *orders*.".as_bytes().to_vec());
    let screenshots = vec![("board.png".to_owned(), PICTURE.to_vec())];
    guildhall::app::pack(component, ShowcaseFiles { readme, screenshots }, None).unwrap()
}

async fn a_publisher_publishes_its_own_and_does_nothing_else(on: On) {
    let test = TestApp::start(on).await;
    let (ours, acme) = (publisher(&test, "guildhall").await, publisher(&test, "acme").await);
    let package = package(&plugin(LOYALTY));
    let refused = acme.post_bytes("/api/v1/plugins", PACKAGE, package.clone()).await.problem(403, "permission_denied");
    assert!(refused["detail"].as_str().unwrap().contains("the plugins of `acme`"), "{refused}");
    assert_eq!(test.ann.get("/api/v1/plugins").await.assert(200).json(), json!({"data": []}));
    let made = ours.post_bytes("/api/v1/plugins", PACKAGE, package.clone()).await.assert(201).json();
    assert_eq!((&made["has_readme"], &made["screenshots"]), (&json!(true), &json!(["board.png"])), "{made}");
    // The same again changes nothing, and another content of the same version is refused.
    let again = ours.post_bytes("/api/v1/plugins", PACKAGE, package).await.assert(200).json();
    assert_eq!((&again["digest"], &again["changes"]), (&made["digest"], &json!([])));
    let other = plugin_with(LOYALTY, |manifest| manifest["description"] = json!("Another"));
    let taken = ours.post_bytes("/api/v1/plugins", COMPONENT, other).await;
    assert!(taken.text.contains("give the new one a new version"), "{}", taken.text);
    taken.problem(409, "refused");
    // What else an operator does is not for this key, and what tenants do neither.
    for path in ["tenants", "plans", "plugin-keys", "tenants/first", "tenants/first/usage"] {
        ours.get(&format!("/api/v1/{path}")).await.problem(403, "permission_denied");
    }
    for path in [format!("plugins/{LOYALTY}/rollout"), format!("plugins/{LOYALTY}/versions/0.1.0/revoke")] {
        ours.post(&format!("/api/v1/{path}"), &json!({})).await.problem(403, "permission_denied");
    }
    ours.post("/api/v1/plugin-keys", &json!({"publisher": "guildhall"})).await.problem(403, "permission_denied");
    ours.get("/api/v1/records/contact").await.problem(401, "unauthenticated");
    // Each publisher knows of its own plugins alone.
    assert_eq!(acme.get("/api/v1/plugins").await.assert(200).json(), json!({"data": []}));
    acme.get(&format!("/api/v1/plugins/{LOYALTY}")).await.problem(404, "not_found");
    assert_eq!(ours.get("/api/v1/plugins").await.assert(200).json()["data"][0]["id"], LOYALTY);
    let wrong = test.app.create_operator_key("A vendor", Some("../acme"), None).await.unwrap_err();
    assert!(matches!(wrong, AppError::Invalid(ref faults) if faults[0].field == "publisher"), "{wrong}");
}

async fn people_see_what_a_plugin_is(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    operator.post_bytes("/api/v1/plugins", PACKAGE, package(&plugin(LOYALTY))).await.assert(201);
    let bare = packages::displaying(&json!({"name": "Plain thing"}), &[]);
    operator.post_bytes("/api/v1/plugins", PACKAGE, bare).await.assert(201);
    let found = |actor: Actor, words: &'static str| async move {
        let page = actor.get(&format!("/api/v1/plugins?search={words}")).await.assert(200).json();
        let ids = page["data"].as_array().unwrap().iter().map(|plugin| plugin["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(found(test.ann.clone(), "").await, [LOYALTY, "test.case"]);
    assert_eq!(found(test.ann.clone(), "LOYALTY+retail").await, [LOYALTY]);
    assert_eq!(found(test.ann.clone(), "plain").await, ["test.case"]);
    assert_eq!(found(test.ann.clone(), "loyalty+plain").await, [""; 0]);
    test.ann.get("/api/v1/plugins?q=x").await.problem(400, "unknown_parameter");
    let of = format!("/api/v1/plugins/{LOYALTY}/versions/0.1.0");
    for actor in [&test.ann, &test.vic, &test.sam, &operator] {
        let readme = actor.get(&format!("{of}/readme")).await.assert(200);
        assert_eq!(
            (readme.header("content-type"), readme.text.as_str()),
            ("text/markdown; charset=utf-8", "# Loyalty\n\nPoints for *orders*.")
        );
        let picture = actor.open(&format!("{of}/screenshots/board.png")).await;
        for (name, value) in [("content-type", "image/png"), ("x-content-type-options", "nosniff")] {
            assert_eq!(picture.headers()[name], value);
        }
        assert_eq!(picture.bytes().await.unwrap(), PICTURE);
    }
    for missing in ["screenshots/other.png", "screenshots/..%2Fboard.png"] {
        test.ann.get(&format!("{of}/{missing}")).await.problem(404, "not_found");
    }
    test.ann.get("/api/v1/plugins/test.case/versions/1.0.0/readme").await.problem(404, "not_found");
    test.ann.get(&format!("/api/v1/plugins/{LOYALTY}/versions/9.9.9/readme")).await.problem(404, "not_found");
    publisher(&test, "acme").await.get(&format!("{of}/readme")).await.problem(404, "not_found");
    test.anon.get(&format!("{of}/readme")).await.problem(401, "unauthenticated");
    // What they have seen they enable.
    test.ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
}

async fn a_component_is_fetched_and_counted(on: On) {
    let test = TestApp::start(on).await;
    let component = plugin(LOYALTY);
    test.app.install_plugin(&component).await.unwrap();
    let path = format!("/api/v1/plugins/{LOYALTY}/versions/0.1.0/component");
    let downloads = || async {
        let plugin = test.vic.get(&format!("/api/v1/plugins/{LOYALTY}")).await.assert(200).json();
        plugin["versions"][0]["downloads"].as_i64().unwrap()
    };
    test.vic.get(&path).await.problem(403, "permission_denied");
    publisher(&test, "acme").await.get(&path).await.problem(404, "not_found");
    assert_eq!(downloads().await, 0);
    let fetchers = [test.ann.clone(), test.operator().await, publisher(&test, "guildhall").await];
    for (before, actor) in fetchers.iter().enumerate() {
        let fetched = actor.open(&path).await;
        let digest = format!("sha-256=:{}:", data_encoding::BASE64.encode(&Sha256::digest(&component)));
        assert_eq!(fetched.headers()["content-digest"], digest);
        assert_eq!(fetched.headers()["content-type"], COMPONENT);
        assert_eq!(fetched.bytes().await.unwrap(), component);
        assert_eq!(downloads().await, i64::try_from(before).unwrap() + 1);
    }
    test.ann.get(&path.replace("0.1.0", "0.2.0")).await.problem(404, "not_found");
}

async fn a_vendor_sees_how_its_versions_do(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-25T23:59:00Z").unwrap());
    let test = TestApp::start_with(on, clock.clone(), settings()).await;
    let newer = plugin_with(HOSTILE, |manifest| manifest["version"] = json!("0.10.0"));
    test.app.install_plugin(&plugin(HOSTILE)).await.unwrap();
    test.app.install_plugin(&newer).await.unwrap();
    let module = format!("/api/v1/modules/{HOSTILE}");
    test.ann.put(&module, &json!({"consent": ["*"], "version": "0.1.0"})).await.assert(200);
    test.sam.put(&module, &json!({"consent": ["*"], "version": "0.10.0"})).await.assert(200);
    let contact = |actor: Actor, note: &'static str| async move {
        actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
    };
    contact(test.ann.clone(), "fine").await.assert(201);
    contact(test.ann.clone(), "trap").await.problem(422, "plugin_trap");
    clock.advance(Duration::from_mins(2));
    contact(test.sam.clone(), "fine").await.assert(201);
    let vendor = publisher(&test, "test").await;
    let path = format!("/api/v1/plugins/{HOSTILE}/statistics");
    let all = vendor.get(&format!("{path}?from=2026-11-25&to=2026-11-26")).await.assert(200).json();
    let figures =
        |version: &Json| ["version", "tenants", "downloads", "calls", "failures"].map(|name| version[name].clone());
    // The newest first, which is not the order of letters.
    assert_eq!(figures(&all["versions"][0]), [json!("0.10.0"), json!(1), json!(0), json!(1), json!(0)], "{all}");
    assert_eq!(figures(&all["versions"][1]), [json!("0.1.0"), json!(1), json!(0), json!(2), json!(1)], "{all}");
    assert!(all["versions"][1]["cpu_us"].as_u64().unwrap() > 0, "{all}");
    // Nothing names a tenant.
    assert!(!all.to_string().contains("first"), "{all}");
    let day = vendor.get(&format!("{path}?from=2026-11-26&to=2026-11-26")).await.assert(200).json();
    assert_eq!((&day["versions"][0]["calls"], &day["versions"][1]["calls"]), (&json!(1), &json!(0)), "{day}");
    test.sam.put(&module, &json!({"enabled": false})).await.assert(200);
    let off = test.operator().await.get(&path).await.assert(200).json();
    assert_eq!((&off["versions"][0]["tenants"], &off["versions"][1]["tenants"]), (&json!(0), &json!(1)), "{off}");
    publisher(&test, "acme").await.get(&path).await.problem(403, "permission_denied");
    test.ann.get(&path).await.problem(403, "permission_denied");
    test.anon.get(&path).await.problem(401, "unauthenticated");
    vendor.get(&format!("{path}?from=yesterday")).await.problem(422, "validation_failed");
    vendor.get("/api/v1/plugins/test.missing/statistics").await.problem(404, "not_found");
}
