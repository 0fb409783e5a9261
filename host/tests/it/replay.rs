//! Failed calls, kept by who wants it, and run again by the real binary.

use std::path::Path;
use std::process::Output;

use reqwest::StatusCode;
use serde_json::{Value as Json, json};
use tokio::process::Command;

use crate::encrypted::{new_key_file, pin};
use crate::hostile::variant;
use crate::permissions::user;
use crate::receiver::{Receiver, with_header};
use crate::support::{Actor, On, TestApp, plugin, plugin_with};

both!(
    a_failed_call_comes_to_the_same_end
    who_was_ended_by_a_clock_ends_at_the_same_place
    another_component_is_told_and_where_it_differs
    nothing_is_kept_unasked
    what_is_too_large_is_cut_and_said_to_be
    the_file_holds_no_secrets
    credentials_of_requests_are_taken_out_and_it_runs_all_the_same
    it_is_for_who_may_have_all
);

const HOSTILE: &str = "test.hostile";
const MODULE: &str = "/api/v1/modules/test.hostile";

/// A host whose first tenant keeps failures of the module.
async fn start(on: On) -> TestApp {
    let test = TestApp::with_plugin(on, HOSTILE).await;
    let module = test.ann.put(MODULE, &json!({"keep_failures": true})).await.assert(200).json();
    assert_eq!(module["keep_failures"], true);
    test
}

async fn contact(actor: &Actor, fields: Json) -> crate::support::Reply {
    let mut body = json!({"name": "Ann"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    actor.post("/api/v1/records/contact", &body).await
}

/// The newest failure.
async fn failure(actor: &Actor) -> Json {
    failure_of(actor, MODULE).await
}

async fn failure_of(actor: &Actor, module: &str) -> Json {
    actor.get(&format!("{module}/failures")).await.assert(200).json()["data"][0].clone()
}

fn file_of(failure: &Json) -> String {
    format!("{MODULE}/failures/{}/replay", failure["id"].as_str().unwrap())
}

async fn replay(directory: &Path, file: &str, component: &[u8]) -> (Output, Json) {
    let (kept, wasm) = (directory.join("failure.json"), directory.join("plugin.wasm"));
    std::fs::write(&kept, file).unwrap();
    std::fs::write(&wasm, component).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.args(["plugin", "replay"]).arg(&kept).arg("--component").arg(&wasm);
    let text = command.output().await.unwrap();
    let json = command.arg("--json").output().await.unwrap();
    assert_eq!(text.status, json.status);
    (text, serde_json::from_slice(&json.stdout).unwrap_or_default())
}

async fn a_failed_call_comes_to_the_same_end(on: On) {
    let test = start(on).await;
    let directory = tempfile::tempdir().unwrap();
    for (note, code, calls) in [
        ("write-then-trap", "plugin_trap", 2),
        ("short-answer", "plugin_error", 0),
        ("loop", "cpu_limit", 0),
        ("host-calls", "host_call_limit", 1_000),
    ] {
        contact(&test.ann, json!({"note": note})).await.problem(422, code);
        let failure = failure(&test.ann).await;
        assert_eq!((&failure["code"], &failure["has_replay"]), (&json!(code), &json!(true)));
        let reply = test.ann.get(&file_of(&failure)).await.assert(200);
        assert!(reply.header("content-disposition").starts_with("attachment"));
        let file = reply.json();
        assert_eq!((&file["format"], &file["plugin"], &file["version"]), (&json!(1), &json!(HOSTILE), &json!("0.1.0")));
        assert_eq!((&file["invocation"], &file["is_cut"]), (&failure["id"], &json!(false)));
        assert_eq!(file["transcript"].as_array().unwrap().len(), calls, "{note}");
        let (output, told) = replay(directory.path(), &reply.text, &plugin(HOSTILE)).await;
        assert!(output.status.success(), "{note}: {told}");
        assert_eq!((&told["same"], &told["same_component"]), (&json!(true), &json!(true)), "{note}: {told}");
        assert_eq!((&told["divergence"], &told["got"]["code"]), (&Json::Null, &json!(code)));
        assert!(String::from_utf8_lossy(&output.stdout).contains("the same, to the bit"));
    }
}

async fn who_was_ended_by_a_clock_ends_at_the_same_place(on: On) {
    let test = start(on).await;
    variant(&test, &test.sam, "patient", |manifest| {
        manifest["limits"]["cpu_ms"] = json!(1_000);
        manifest["hooks"]["before-write"][0]["timeout_ms"] = json!(20);
    })
    .await;
    let patient = "/api/v1/modules/test.patient";
    test.sam.put(patient, &json!({"keep_failures": true})).await.assert(200);
    let directory = tempfile::tempdir().unwrap();
    for (actor, module, note, code) in [
        (&test.ann, MODULE, "work-and-call", "cpu_limit"),
        // It has made all its host calls by then, and has to be ended all the same.
        (&test.ann, MODULE, "call-then-loop", "cpu_limit"),
        (&test.sam, patient, "work-and-call", "wall_timeout"),
    ] {
        contact(actor, json!({"note": note})).await.problem(422, code);
        let failure = failure_of(actor, module).await;
        let path = format!("{module}/failures/{}/replay", failure["id"].as_str().unwrap());
        let file = actor.get(&path).await.assert(200);
        let calls = file.json()["transcript"].as_array().unwrap().len();
        assert_eq!(failure["spent"]["host_calls"], calls);
        assert!(calls > 0, "{note}: the machine is too slow for this test");
        let (output, told) = replay(directory.path(), &file.text, &plugin(HOSTILE)).await;
        assert!(output.status.success(), "{note}: {told}");
        assert_eq!((&told["same"], &told["divergence"]), (&json!(true), &Json::Null), "{note}: {told}");
        assert_eq!(told["got"], told["expected"], "{note}");
        // Another way to the same end is another way.
        let mut changed = file.json();
        changed["transcript"][calls - 1]["call"]["id"] = json!("another");
        let (_, told) = replay(directory.path(), &changed.to_string(), &plugin(HOSTILE)).await;
        assert_eq!((&told["same"], &told["divergence"]["call"]), (&json!(false), &json!(calls)), "{note}: {told}");
    }
}

async fn another_component_is_told_and_where_it_differs(on: On) {
    let test = start(on).await;
    let directory = tempfile::tempdir().unwrap();
    contact(&test.ann, json!({"note": "write-then-trap"})).await.problem(422, "plugin_trap");
    let file = test.ann.get(&file_of(&failure(&test.ann).await)).await.assert(200).text;
    // The same code under another manifest is another component, and does the same.
    let other = plugin_with(HOSTILE, |manifest| manifest["version"] = json!("0.2.0"));
    let (output, told) = replay(directory.path(), &file, &other).await;
    assert!(output.status.success());
    assert_eq!((&told["same"], &told["same_component"]), (&json!(true), &json!(false)), "{told}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("another one than the one that failed"));
    // Another module goes another way.
    let (output, told) = replay(directory.path(), &file, &plugin("guildhall.retail-loyalty")).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((&told["same"], &told["divergence"]["call"]), (&json!(false), &json!(1)), "{told}");
    assert_eq!(told["divergence"]["expected"]["call"], "create");
    assert!(String::from_utf8_lossy(&output.stdout).contains("host call 1 is another one"));
    // So does the same one, when the host had answered otherwise.
    let mut changed: Json = serde_json::from_str(&file).unwrap();
    changed["transcript"][1]["call"]["level"] = json!("debug");
    let (output, told) = replay(directory.path(), &changed.to_string(), &plugin(HOSTILE)).await;
    assert_eq!((output.status.code(), &told["divergence"]["call"]), (Some(1), &json!(2)), "{told}");
    for nonsense in ["{}", "nothing", &file.replacen("\"format\": 1", "\"format\": 9", 1)] {
        let (output, _) = replay(directory.path(), nonsense, &plugin(HOSTILE)).await;
        assert_eq!(output.status.code(), Some(1), "{nonsense}");
        assert!(output.stdout.is_empty());
    }
}

async fn nothing_is_kept_unasked(on: On) {
    let test = TestApp::with_plugin(on, HOSTILE).await;
    contact(&test.ann, json!({"note": "trap"})).await.problem(422, "plugin_trap");
    let failure = failure(&test.ann).await;
    assert_eq!(failure["has_replay"], false);
    test.ann.get(&file_of(&failure)).await.problem(404, "not_found");
    // What was chosen stays when something else is said.
    test.ann.put(MODULE, &json!({"keep_failures": true})).await.assert(200);
    let module = test.ann.put(MODULE, &json!({"enabled": true})).await.assert(200).json();
    assert_eq!(module["keep_failures"], true);
    // A refusal is no breakage.
    contact(&test.ann, json!({"note": "refuse-all"})).await.problem(422, "plugin_error");
    let failures = test.ann.get(&format!("{MODULE}/failures")).await.assert(200).json();
    assert_eq!(failures["data"].as_array().unwrap().len(), 1);
    test.ann.put(MODULE, &json!({"keep_failures": "yes"})).await.problem(422, "validation_failed");
}

async fn what_is_too_large_is_cut_and_said_to_be(on: On) {
    let test = start(on).await;
    let directory = tempfile::tempdir().unwrap();
    let text = "x".repeat(60_000);
    let create = |at: usize| json!({"op": "create", "fields": {"name": format!("C{at}"), "note": if at == 0 { "trap" } else { &text }}});
    let operations: Vec<Json> = (0..20).map(create).collect();
    let body = json!({"mode": "atomic", "operations": operations});
    test.ann.post("/api/v1/records/contact/batch", &body).await.problem(422, "plugin_trap");
    let file = test.ann.get(&file_of(&failure(&test.ann).await)).await.assert(200);
    assert_eq!((&file.json()["is_cut"], &file.json()["input"]), (&json!(true), &Json::Null));
    assert!(file.text.len() < 1 << 20);
    let (output, _) = replay(directory.path(), &file.text, &plugin(HOSTILE)).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("too large"));
}

async fn the_file_holds_no_secrets(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    test.app.install_plugin(&plugin(HOSTILE)).await.unwrap();
    test.ann.put(MODULE, &json!({"consent": ["*"], "keep_failures": true})).await.assert(200);
    crate::schema::add(&test.ann, "contact", pin()).await;
    let fields = json!({"note": "trap", "x_pin": "4711-sealed", "city": "Quitzow"});
    contact(&test.ann, fields).await.problem(422, "plugin_trap");
    let file = test.ann.get(&file_of(&failure(&test.ann).await)).await.assert(200).text;
    assert!(file.contains("Quitzow") && !file.contains("4711-sealed") && !file.contains("x_pin"), "{file}");
    // It is sealed where it lies.
    assert!(!crate::dump::holds(&test.database, "Quitzow").await);
}

async fn credentials_of_requests_are_taken_out_and_it_runs_all_the_same(on: On) {
    let test = crate::workshop::start(on).await;
    let module = "/api/v1/modules/test.workshop";
    crate::workshop::enable(&test.ann, "test.workshop", &json!({"keep_failures": true})).await;
    let receiver = Receiver::start().await;
    receiver.answer(|_, _| with_header(200, "set-cookie", "session=out-of-the-oven"));
    let url = receiver.named_url("/");
    let headers = json!({"Authorization": "Bearer not-to-be-kept", "x-plain": "stays"});
    let steps = json!([{"do": "http", "url": url, "headers": headers}, {"do": "trap"}]);
    test.ann.post(crate::workshop::ACTION, &json!({"steps": steps})).await.problem(422, "plugin_trap");
    assert_eq!(receiver.got()[0].headers["authorization"], "Bearer not-to-be-kept");
    let failure = failure_of(&test.ann, module).await;
    let path = format!("{module}/failures/{}/replay", failure["id"].as_str().unwrap());
    let file = test.ann.get(&path).await.assert(200);
    let transcript = file.json()["transcript"].to_string();
    assert!(transcript.contains("stays") && transcript.contains("[redacted]"), "{transcript}");
    assert!(!transcript.contains("not-to-be-kept") && !transcript.contains("out-of-the-oven"), "{transcript}");
    assert_eq!(file.json()["is_redacted"], true);
    let directory = tempfile::tempdir().unwrap();
    let (output, told) = replay(directory.path(), &file.text, &plugin("test.workshop")).await;
    assert!(output.status.success(), "{told}");
}

async fn it_is_for_who_may_have_all(on: On) {
    let test = start(on).await;
    contact(&test.ann, json!({"note": "trap"})).await.problem(422, "plugin_trap");
    let path = file_of(&failure(&test.ann).await);
    let rules = json!([{"objects": ["#modules"], "actions": ["read", "configure"]}]);
    test.ann.post("/api/v1/roles", &json!({"name": "keeper", "label": "K", "rules": rules})).await.assert(201);
    let keeper = user(&test.ann, "kai", json!(["keeper"])).await.at;
    keeper.get(&format!("{MODULE}/failures")).await.assert(200);
    for actor in [&keeper, &test.vic] {
        actor.get(&path).await.problem(403, "permission_denied");
    }
    assert_eq!(test.sam.get(&path).await.status, StatusCode::NOT_FOUND);
    test.anon.get(&path).await.problem(401, "unauthenticated");
    test.ann.get(&path).await.assert(200);
    let trail = test.ann.get("/api/v1/audit?action=export&object=%23modules").await.assert(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{trail}");
    test.ann.get(&format!("{MODULE}/failures/nonsense/replay")).await.problem(404, "not_found");
}
