//! Who has signed a plugin, and whether that is enough.

use guildhall::app::Signatures;
use guildhall::domain::clock::Clock;
use guildhall::domain::publisher::{PublisherSecret, Signed};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::artefacts::build::plugin_of;
use crate::artefacts::packages::signed_by;
use crate::artefacts::{COMPONENT, PACKAGE, installed};
use crate::place::Place;
use crate::support::{Actor, On, Reply, TestApp, plugin, settings};

both!(
    each_policy_asks_for_its_signatures
    what_is_wrong_with_a_signature_is_refused_under_every_policy
    keys_are_the_operators
    the_command_line_signs_and_checks
);

const KEYS: &str = "/api/v1/plugin-keys";

/// The keys of everybody: by who they are.
fn secret(who: u8) -> PublisherSecret {
    PublisherSecret::from_random([who; 32])
}

const OLD: u8 = 1;
const NEW: u8 = 2;
const REGISTRY: u8 = 3;
const REVOKED: u8 = 4;
const STRANGER: u8 = 5;

/// A component of this version, and its digest.
fn component(version: &str) -> (Vec<u8>, Signed) {
    let bytes = plugin_of("(component)", &json!({"id": "acme.thing", "namespace": "thing", "version": version}));
    let digest = Sha256::digest(&bytes).into();
    (bytes, Signed::Component(digest))
}

async fn send(operator: &Actor, version: &str, signature: Option<String>) -> Reply {
    let (bytes, _) = component(version);
    let operator = signature.map_or(operator.clone(), |text| operator.with("guildhall-signature", &text));
    operator.post_bytes("/api/v1/plugins", COMPONENT, bytes).await
}

async fn host(on: On, policy: Signatures) -> (TestApp, Actor) {
    let mut settings = settings();
    settings.plugins.signatures = policy;
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    let operator = test.operator().await;
    for (who, publisher) in [(OLD, "acme"), (NEW, "acme"), (REGISTRY, "registry"), (REVOKED, "acme")] {
        let body = json!({"publisher": publisher, "key": secret(who).public().to_string(), "name": publisher});
        let made = operator.post(KEYS, &body).await.assert(201).json();
        if who == REVOKED {
            operator.delete(&format!("{KEYS}/{}", made["id"].as_str().unwrap())).await.assert(204);
        }
    }
    (test, operator)
}

async fn each_policy_asks_for_its_signatures(on: On) {
    let all: [(Option<u8>, &str); 5] = [
        (None, "unsigned"),
        (Some(STRANGER), "unregistered"),
        (Some(REGISTRY), "allow_listed"),
        (Some(OLD), "publisher"),
        (Some(NEW), "publisher"),
    ];
    for (policy, enough) in
        [(Signatures::None, &all[..]), (Signatures::AllowListed, &all[2..]), (Signatures::Publisher, &all[3..])]
    {
        let (_test, operator) = host(on, policy).await;
        let mut count = 0;
        for (at, (who, state)) in all.iter().enumerate() {
            let version = format!("1.0.{at}");
            let signature = who.map(|who| secret(who).sign(component(&version).1).to_string());
            let reply = send(&operator, &version, signature).await;
            if !enough.contains(&(*who, state)) {
                reply.problem(422, "signature_invalid");
                continue;
            }
            let made = reply.assert(201).json();
            assert_eq!(made["signature"]["state"], *state, "{policy:?}");
            assert_eq!(made["signature"]["key"], json!(who.map(|who| secret(who).public().to_string())));
            count += 1;
        }
        // A package has its signature inside.
        for (who, version) in [(OLD, "2.0.0"), (REGISTRY, "2.0.1")] {
            let patch = json!({"id": "acme.thing", "namespace": "thing", "version": version});
            let package = signed_by(&secret(who), &patch);
            let reply = operator.post_bytes("/api/v1/plugins", PACKAGE, package).await;
            if policy == Signatures::Publisher && who == REGISTRY {
                reply.problem(422, "signature_invalid");
            } else {
                assert!(reply.assert(201).json()["package_digest"].as_str().unwrap().starts_with("sha256:"));
                count += 1;
            }
        }
        let listed = installed(&operator).await;
        assert_eq!(listed[0]["versions"].as_array().unwrap().len(), count, "{policy:?}");
        // A key that is revoked takes its worth from what it has signed, and what is installed stays.
        let keys = operator.get(KEYS).await.assert(200).json();
        let old = secret(OLD).public().to_string();
        let old = keys["data"].as_array().unwrap().iter().find(|key| key["key"] == old).unwrap();
        operator.delete(&format!("{KEYS}/{}", old["id"].as_str().unwrap())).await.assert(204);
        let versions = installed(&operator).await[0]["versions"].clone();
        let of = |version: &str| {
            let all = versions.as_array().unwrap();
            all.iter().find(|one| one["version"] == version).unwrap()["signature"]["state"].clone()
        };
        assert_eq!((of("1.0.3"), of("1.0.4")), (json!("revoked"), json!("publisher")));
        let signature = secret(OLD).sign(component("3.0.0").1).to_string();
        send(&operator, "3.0.0", Some(signature)).await.problem(422, "signature_invalid");
    }
}

async fn what_is_wrong_with_a_signature_is_refused_under_every_policy(on: On) {
    for policy in [Signatures::None, Signatures::AllowListed, Signatures::Publisher] {
        let (test, operator) = host(on, policy).await;
        let (_, signed) = component("1.0.0");
        let good = secret(OLD).sign(signed).to_string();
        let (key, bytes) = good.rsplit_once(':').unwrap();
        let Signed::Component(digest) = signed else { unreachable!() };
        let flipped = if bytes.starts_with('A') { 'B' } else { 'A' };
        for wrong in [
            String::new(),
            "ed25519".to_owned(),
            "nonsense".to_owned(),
            key.to_owned(),
            format!("{key}:"),
            format!("{key}:{}", &bytes[..bytes.len() - 2]),
            format!("{key}:{bytes}AA"),
            format!("{key}:{flipped}{}", &bytes[1..]),
            format!("{}:{bytes}", secret(NEW).public()),
            format!("rsa{}", &good[7..]),
            "x".repeat(5_000),
            secret(OLD).sign(Signed::Package(digest)).to_string(),
            secret(OLD).sign(component("1.0.1").1).to_string(),
            secret(REVOKED).sign(signed).to_string(),
        ] {
            let reply = send(&operator, "1.0.0", Some(wrong.clone())).await;
            assert_eq!(reply.status, 422, "{policy:?} {wrong}: {}", reply.text);
            reply.problem(422, "signature_invalid");
            assert_eq!(installed(&operator).await, json!([]), "{wrong}");
        }
        test.sam.create("contact", json!({"name": "Sam"})).await;
        send(&operator, "1.0.0", Some(good)).await.assert(201);
    }
}

async fn keys_are_the_operators(on: On) {
    let test = TestApp::start(on).await;
    let operator = test.operator().await;
    let key = secret(OLD).public().to_string();
    let body = json!({"publisher": "acme", "key": key});
    for actor in [&test.ann, &test.vic] {
        actor.post(KEYS, &body).await.problem(403, "permission_denied");
        actor.get(KEYS).await.problem(403, "permission_denied");
    }
    test.anon.post(KEYS, &body).await.problem(401, "unauthenticated");
    for (wrong, field) in [
        (json!({"publisher": "acme", "key": "ed25519:AAAA"}), "key"),
        (json!({"publisher": "acme", "key": "ssh-ed25519 AAAA"}), "key"),
        (json!({"publisher": "Acme Ltd", "key": key}), "publisher"),
        (json!({"publisher": "acme.thing", "key": key}), "publisher"),
        (json!({"publisher": "", "key": key}), "publisher"),
        (json!({"publisher": "acme", "key": key, "name": "x".repeat(300)}), "name"),
        (json!({"publisher": "acme", "key": key, "surprise": 1}), "surprise"),
        (json!({"publisher": "acme"}), "key"),
    ] {
        let problem = operator.post(KEYS, &wrong).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let made = operator.post(KEYS, &body).await.assert(201).json();
    assert_eq!((&made["name"], &made["revoked_at"]), (&json!("acme"), &Json::Null));
    // A key is one publisher's, and comes back to nobody.
    let other = json!({"publisher": "evil", "key": key});
    operator.post(KEYS, &other).await.problem(409, "refused");
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    test.ann.delete(&path).await.problem(403, "permission_denied");
    operator.delete(&path).await.assert(204);
    operator.delete(&path).await.problem(404, "not_found");
    operator.delete(&format!("{KEYS}/nonsense")).await.problem(404, "not_found");
    operator.post(KEYS, &body).await.problem(409, "refused");
    let listed = operator.get(KEYS).await.assert(200).json();
    assert!(listed["data"][0]["revoked_at"].is_string() && listed["data"].as_array().unwrap().len() == 1, "{listed}");
}

async fn the_command_line_signs_and_checks(on: On) {
    let place = Place::make(on).await;
    let at = |name: &str| place.directory.path().join(name).to_str().unwrap().to_owned();
    let (file, package, secret) = (at("loyalty.wasm"), at("loyalty.tar"), at("secret"));
    std::fs::write(&file, plugin("guildhall.retail-loyalty")).unwrap();
    let key = Place::alone(&["plugin", "keygen", "--to", &secret]).await["key"].as_str().unwrap().to_owned();
    let seen = Place::alone(&["plugin", "inspect", &file]).await;
    assert_eq!(seen["id"], "guildhall.retail-loyalty");
    assert!(seen["largest_function"].as_str().unwrap().contains("of core module"), "{seen}");
    let install = ["plugin", "install", &file, "--plugin-signatures", "publisher"];
    assert!(place.refused(&install).await.contains("it is not signed"));
    Place::alone(&["plugin", "sign", &file, "--key", &secret]).await;
    assert!(place.refused(&install).await.contains("not registered here"));
    let added = place.run(&["plugin", "key", "add", "--publisher", "guildhall", "--name", "Ours", &key]).await;
    let made = place.run(&install).await;
    // What was compiled is kept, whichever the database.
    assert_eq!(std::fs::read_dir(place.directory.path().join("plugin-cache")).unwrap().count(), 1);
    assert_eq!((&made["signature"]["state"], &made["signature"]["key"]), (&json!("publisher"), &json!(key)));
    assert_eq!(place.run(&["plugin", "list"]).await["data"][0]["versions"][0]["digest"], seen["digest"]);
    Place::alone(&["plugin", "pack", &file, "--to", &package, "--key", &secret]).await;
    let packed = Place::alone(&["plugin", "inspect", &package]).await;
    assert_eq!((&packed["digest"], packed["signatures"].as_array().unwrap().len()), (&seen["digest"], 1));
    // The same component in a package is the same plugin.
    let again = place.run(&["plugin", "install", &package, "--plugin-signatures", "publisher"]).await;
    assert_eq!(again["changes"], json!([]));
    place.run(&["plugin", "key", "revoke", added["id"].as_str().unwrap()]).await;
    assert!(place.run(&["plugin", "key", "list"]).await["data"][0]["revoked_at"].is_string());
    assert!(place.refused(&install).await.contains("was revoked"));
    // Whether it runs and what its signature is worth are told apart: here the key was revoked, and it still runs.
    let listed = place.command(&["plugin", "list"]).output().await.unwrap();
    let line = String::from_utf8(listed.stdout).unwrap();
    let digest = seen["digest"].as_str().unwrap();
    assert!(line.contains(&format!("{digest} available, signature: revoked: ")), "{line}");
}
