//! Plugins in other languages: they do what the same plugin in Rust does, and the same limits end them.

use std::path::PathBuf;
use std::time::Duration;

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, settings};

both!(
    the_same_plugin_does_the_same_in_every_language
    every_misdeed_has_its_code
    what_a_plugin_calls_and_is_called_with_crosses_the_border
);

const TIDY: [&str; 3] = ["acme.tidy-names-rust", "acme.tidy-names-js", "acme.tidy-names-python"];
const TROUBLE: [&str; 2] = ["test.trouble-js", "test.trouble-python"];

/// A plugin built by `cargo xtask languages`.
fn built(id: &str) -> Vec<u8> {
    let directory = std::env::var("GUILDHALL_LANGUAGES_DIR")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/plugins-languages"), PathBuf::from);
    let path = directory.join(format!("{id}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask test`", path.display()))
}

/// A host on which the first tenant has this plugin enabled.
async fn with(on: On, id: &str, clock: Clock) -> TestApp {
    let test = TestApp::start_with(on, clock, settings()).await;
    test.app.install_plugin(&built(id)).await.unwrap();
    test.ann.put(&format!("/api/v1/modules/{id}"), &json!({"consent": ["*"]})).await.assert(200);
    test
}

async fn contact(actor: &Actor, note: &str) -> crate::support::Reply {
    actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
}

async fn run(actor: &Actor, plugin: &str, action: &str, input: Json) -> Json {
    actor.post(&format!("/api/v1/modules/{plugin}/actions/{action}"), &input).await.assert(200).json()["result"].clone()
}

async fn the_same_plugin_does_the_same_in_every_language(on: On) {
    let mut answers = Vec::new();
    for id in TIDY {
        let TestApp { ann, .. } = with(on, id, Clock::system()).await;
        let mut said = Vec::new();
        for name in ["Ann", "  Ann  ", "\u{a0}Zoë 😀\t", "  Ann \"A\"\\ B.\t"] {
            let made = ann.post("/api/v1/records/contact", &json!({ "name": name })).await.assert(201);
            let path = made.header("location").to_owned();
            said.push(made.json()["name"].clone());
            let changed = ann.patch(&path, &json!({"name": format!(" {name} again ")})).await.assert(200);
            said.push(changed.json()["name"].clone());
            // Without the field, there is nothing to tidy.
            said.push(ann.patch(&path, &json!({"city": "Bern"})).await.assert(200).json()["name"].clone());
        }
        let operations: Vec<Json> =
            (0..100).map(|at| json!({"op": "create", "fields": {"name": format!(" {at} ")}})).collect();
        let body = json!({ "mode": "atomic", "operations": operations });
        let batch = ann.post("/api/v1/records/contact/batch", &body).await.assert(200);
        let records = ann.all("contact", &[]).await;
        let is_tidy = |record: &Json| record["name"].as_str().is_some_and(|name| name == name.trim());
        assert!(records.iter().all(is_tidy), "{}", batch.text);
        assert_eq!(records.len(), 104);
        answers.push(said);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

async fn every_misdeed_has_its_code(on: On) {
    for id in TROUBLE {
        let clock = Clock::manual(Clock::system().now());
        let TestApp { ann, .. } = with(on, id, clock.clone()).await;
        for (misdeed, code, said) in [
            ("loop", "cpu_limit", json!(null)),
            ("trap", "plugin_trap", json!(null)),
            ("refuse", "plugin_error", json!("not_welcome")),
            ("refuse-all", "plugin_error", json!("nobody_welcome")),
            ("amend-unknown", "plugin_error", json!("permission_denied")),
            ("denied", "plugin_error", json!("permission_denied")),
        ] {
            let problem = contact(&ann, misdeed).await.problem(422, code);
            assert_eq!((&problem["plugin"], &problem["plugin_code"]), (&json!(id), &said), "{misdeed}");
            assert!(ann.all("contact", &[]).await.is_empty(), "{misdeed}");
            // And the next call works; as long as it does not fail too often, it is called.
            clock.advance(Duration::from_mins(1));
            let fine = contact(&ann, "fine").await.assert(201);
            ann.delete(fine.header("location")).await.assert(204);
        }
        // Their engines catch what Rust does not: it ends as a crash, or at the limit that is reached first.
        for misdeed in ["allocate", "recurse"] {
            let problem = contact(&ann, misdeed).await.assert(422).json();
            let codes = ["plugin_trap", "memory_limit", "cpu_limit"];
            assert!(codes.iter().any(|code| problem["code"] == *code), "{misdeed}: {problem}");
            clock.advance(Duration::from_mins(1));
            contact(&ann, "fine").await.assert(201);
        }
        let problem = contact(&ann, "refuse").await.problem(422, "plugin_error");
        assert_eq!(problem["plugin_details"], json!({"by": "trouble"}));
        // A crash tells the log where it was.
        let lines = ann.get(&format!("/api/v1/modules/{id}/logs")).await.assert(200).json();
        let line = |line: &Json| line["level"] == "error" && line["fields"]["place"].is_string();
        assert!(lines["data"].as_array().unwrap().iter().any(line), "{lines}");
    }
}

async fn what_a_plugin_calls_and_is_called_with_crosses_the_border(on: On) {
    for id in TROUBLE {
        let TestApp { ann, .. } = with(on, id, Clock::system()).await;
        // Exact: neither language's own numbers would be.
        let numbers = json!({"numbers": ["0.1", "0.2", "123456789012345678901234567890.123456789"]});
        assert_eq!(run(&ann, id, "sum", numbers).await, json!({"sum": "123456789012345678901234567890.423456789"}));
        // `enable` wrote a key; each call is an instance of its own, and what it kept is there.
        for count in 1..=2 {
            let counted = run(&ann, id, "count", json!({})).await;
            assert_eq!(counted, json!({"count": count, "keys": ["count", "enabled"]}));
        }
        ann.create("contact", json!({"name": "Zoë"})).await;
        ann.create("contact", json!({"name": "Bob"})).await;
        assert_eq!(run(&ann, id, "find", json!({"name": "Zoë"})).await, json!({"found": ["Zoë"]}));
        let told = [run(&ann, id, "clock", json!({})).await, run(&ann, id, "clock", json!({})).await];
        assert!(told.iter().all(|told| told["same"] == true), "{told:?}");
        assert_ne!(told[0]["chance"], told[1]["chance"]);
        let path = format!("/api/v1/x/{id}/echo/a?b=%20c");
        let echo = ann.post_bytes(&path, "application/octet-stream", "Zoë 😀\0\u{7f}").await.assert(202);
        assert_eq!(echo.text, "Zoë 😀\0\u{7f}");
        assert_eq!(echo.header("x-asked"), "POST /echo/a?b=%20c");
        let view = ann.get(&format!("/api/v1/modules/{id}/views/hello?name=Ann")).await.assert(200).json();
        assert!(view.to_string().contains("Hello, Ann"), "{view}");
    }
}
