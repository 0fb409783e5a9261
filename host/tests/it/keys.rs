//! The operator's keys: rotation while the host runs, a wrong key, and what was there before there was one.

use guildhall::app::{App, Database, Settings};
use guildhall::domain::clock::Clock;
use guildhall::domain::seal::KeyRing;
use serde_json::{Value as Json, json};

use crate::dump::{holds, run};
use crate::encrypted::{new_key_file, new_line, pin};
use crate::receiver::Receiver;
use crate::support::{Actor, On, TestApp};

both!(
    keys_are_rotated_while_the_host_runs
    with_a_wrong_key_nothing_opens_and_nothing_is_told
    webhook_secrets_that_were_plain_are_sealed_and_still_sign
    two_nodes_share_what_they_seal
    the_command_line_makes_and_rotates_keys
);

const CONTACT: &str = "/api/v1/records/contact";

fn settings(key_file: &std::path::Path) -> Settings {
    Settings { allow_private_webhooks: true, key_file: Some(key_file.to_owned()), ..crate::support::settings() }
}

/// Ann at another node of the same database.
async fn at_node(test: &TestApp, key_file: &std::path::Path) -> Actor {
    let app = App::open_with(&test.database, Clock::system(), settings(key_file)).await.unwrap();
    test.ann.at(&TestApp::listen(&app).await)
}

async fn keys_are_rotated_while_the_host_runs(on: On) {
    let (directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&test.ann, "contact", pin()).await;
    crate::schema::add(&test.sam, "contact", pin()).await;
    let one = test.ann.create("contact", json!({"name": "One", "x_pin": "secret-1"})).await;
    test.sam.create("contact", json!({"name": "Far", "x_pin": "secret-far"})).await;
    let path = format!("{CONTACT}/{}", one["id"].as_str().unwrap());
    let old = std::fs::read_to_string(&keys).unwrap();
    let (new, only_new) = (new_line("k2"), directory.path().join("only-new"));
    std::fs::write(&only_new, &new).unwrap();

    // Before the rotation, the new key alone opens nothing.
    at_node(&test, &only_new).await.get(&path).await.problem(500, "cannot_decrypt");
    std::fs::write(&keys, format!("{new}{old}")).unwrap();
    let rotated = test.app.rotate_operator_key().await.unwrap();
    assert_eq!((rotated.key.as_str(), rotated.rewrapped, rotated.left), ("k2", 2, 0));
    assert_eq!(test.app.rotate_operator_key().await.unwrap().rewrapped, 0);
    // The host that runs goes on, and so does one that never knew the old key.
    std::fs::write(&keys, &new).unwrap();
    for ann in [test.ann.clone(), at_node(&test, &keys).await, at_node(&test, &only_new).await] {
        assert_eq!(ann.get(&path).await.assert(200).json()["x_pin"], "secret-1");
        ann.patch(&path, &json!({"x_pin": "secret-2"})).await.assert(200);
        ann.patch(&path, &json!({"x_pin": "secret-1"})).await.assert(200);
    }
    assert_eq!(test.sam.all("contact", &[]).await[0]["x_pin"], "secret-far");
    // With the old key alone, it is over.
    std::fs::write(&only_new, &old).unwrap();
    at_node(&test, &only_new).await.get(&path).await.problem(500, "cannot_decrypt");
}

async fn with_a_wrong_key_nothing_opens_and_nothing_is_told(on: On) {
    let (directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&test.ann, "contact", pin()).await;
    let one = test.ann.create("contact", json!({"name": "One", "x_pin": "secret-1"})).await;
    let path = format!("{CONTACT}/{}", one["id"].as_str().unwrap());
    // A key of the same name, and of another one.
    for id in ["k1", "k9"] {
        let wrong = directory.path().join(id);
        std::fs::write(&wrong, new_line(id)).unwrap();
        let ann = at_node(&test, &wrong).await;
        for reply in [ann.get(&path).await, ann.get(CONTACT).await] {
            assert!(!reply.text.contains("secret") && !reply.text.contains("k1"), "{}", reply.text);
            reply.problem(500, "cannot_decrypt");
        }
        // Nothing is sealed beside what does not open.
        ann.post(CONTACT, &json!({"name": "Two", "x_pin": "x"})).await.problem(500, "no_operator_key");
        ann.create("contact", json!({"name": "Two"})).await;
    }
    // A data key of another tenant opens nothing either.
    crate::schema::add(&test.sam, "contact", pin()).await;
    test.sam.create("contact", json!({"name": "Far", "x_pin": "secret-far"})).await;
    let swap = "update data_key set wrapped = (select other.wrapped from data_key other where other.id <> data_key.id)";
    assert_eq!(run(&test.database, swap).await, 2);
    at_node(&test, &keys).await.get(&path).await.problem(500, "cannot_decrypt");
    // A file that cannot be read is told at the start.
    let bad = directory.path().join("bad");
    std::fs::write(&bad, "k1:AAAA").unwrap();
    let error = App::open_with(&test.database, Clock::system(), settings(&bad)).await.err().unwrap().to_string();
    assert!(error.ends_with("line 1: the key is not 32 bytes"), "{error}");
    assert!(KeyRing::parse(&new_line("k1")).is_ok());
}

async fn webhook_secrets_that_were_plain_are_sealed_and_still_sign(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let receiver = Receiver::start().await;
    let secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2Vj";
    let hook = json!({"url": receiver.url("/"), "secret": secret});
    let made = test.ann.post("/api/v1/webhooks", &hook).await.assert(201).json();
    assert_eq!(made["secret"], secret);
    assert!(!holds(&test.database, "c2VjcmV0c2Vjc").await);
    // As rows are that were written before there was a key.
    run(&test.database, &format!("update webhook set secret = '{secret}'")).await;
    assert!(holds(&test.database, "c2VjcmV0c2Vjc").await);
    test.ann.create("contact", json!({"name": "One"})).await;
    test.app.deliver_due().await.unwrap();
    let again = App::open_with(&test.database, Clock::system(), settings(&keys)).await.unwrap();
    let sealed = run(&test.database, "update webhook set description = 'sealed' where secret like 'sealed:%'").await;
    assert_eq!(sealed, 1);
    test.ann.create("contact", json!({"name": "Two"})).await;
    again.deliver_due().await.unwrap();
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    let turned = test.ann.post(&format!("{path}/rotate"), &json!({})).await.assert(200).json();
    test.ann.create("contact", json!({"name": "Three"})).await;
    test.app.deliver_due().await.unwrap();
    let got = receiver.got();
    assert_eq!(got.len(), 3);
    let now = Clock::system().now().micros() / 1_000_000;
    assert!(got.iter().all(|message| message.is_signed(secret, now)));
    assert!(got[2].is_signed(turned["secret"].as_str().unwrap(), now));
    assert!(!holds(&test.database, turned["secret"].as_str().unwrap()).await);
}

async fn two_nodes_share_what_they_seal(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&test.ann, "contact", pin()).await;
    let other = at_node(&test, &keys).await;
    // Each makes the tenant's first data key, if both are quick enough; what either seals, both open.
    let make = async |actor: &Actor, name: &str| actor.create("contact", json!({"name": name, "x_pin": name})).await;
    let (one, two) = tokio::join!(make(&test.ann, "one"), make(&other, "two"));
    for actor in [&test.ann, &other] {
        for record in [&one, &two] {
            let path = format!("{CONTACT}/{}", record["id"].as_str().unwrap());
            assert_eq!(actor.get(&path).await.assert(200).json()["x_pin"], record["name"]);
        }
    }
}

/// What the command prints.
fn command(words: &[&str]) -> String {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_guildhall")).args(words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

async fn the_command_line_makes_and_rotates_keys(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&test.ann, "contact", pin()).await;
    test.ann.create("contact", json!({"name": "One", "x_pin": "secret-1"})).await;
    let old = std::fs::read_to_string(&keys).unwrap();
    let new = command(&["key", "new"]);
    assert!(KeyRing::parse(&new).is_ok() && new != command(&["key", "new"]), "{new}");
    std::fs::write(&keys, format!("{new}{old}")).unwrap();
    let place = match &test.database {
        Database::Sqlite(path) => ["--data-dir", path.parent().unwrap().to_str().unwrap()],
        Database::Postgres(url) => ["--database-url", url],
    };
    let rotate = [&["key", "rotate", "--json", "--key-file", keys.to_str().unwrap()][..], &place].concat();
    let rotated: Json = serde_json::from_str(&command(&rotate)).unwrap();
    let id = new.split_once(':').unwrap().0;
    assert_eq!(rotated, json!({"key": id, "rewrapped": 1, "left": 0}));
    // What the old key alone wrapped is told, once it is gone.
    std::fs::write(&keys, new_line("k9")).unwrap();
    let rotated: Json = serde_json::from_str(&command(&rotate)).unwrap();
    assert_eq!(rotated, json!({"key": "k9", "rewrapped": 0, "left": 1}));
}
