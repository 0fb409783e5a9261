//! Faults of the host itself while it runs a plugin: the call ends as `host_fault`, and the host goes on.

use std::sync::Arc;

use async_trait::async_trait;
use guildhall::domain::plugin::{Fault, HostAnswer, HostCall, Input};
use guildhall::domain::tenant::PluginLimits;
use guildhall::plugin::{Compiled, Failure, Limits, Port, Queue, Turn};
use serde_json::json;

use crate::abuse::framed;
use crate::artefacts::build::plugin_of;
use crate::leaks::Bench;

/// Writes one line into the log, and answers `null`.
const ONE_LINE: &str = r#"(module
  (import "host" "memory" (memory 256))
  (import "host" "write" (func $write (param i32 i32 i32 i32 i32 i32)))
  (data (i32.const 512) "null")
  (func (export "run") (param i32 i32 i32 i32) (result i32)
    (call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (i32.store (i32.const 260) (i32.const 512))
    (i32.store (i32.const 264) (i32.const 4))
    (i32.const 256)))"#;

/// What answers the line.
enum Host {
    Good,
    Panics,
    AnswersWrongly,
}

#[async_trait]
impl Port for Host {
    async fn answer(&self, _: HostCall) -> Result<HostAnswer, Fault> {
        match self {
            Self::Good => Ok(HostAnswer::Done),
            Self::Panics => panic!("a fault of the host"),
            Self::AnswersWrongly => Ok(HostAnswer::Flag(true)),
        }
    }
}

async fn call(bench: &Bench, plugin: &Compiled, host: Host) -> (Result<(), &'static str>, u32) {
    let input = Input::Action { name: "run".to_owned(), input: "{}".to_owned() };
    let limits = Limits::of(&plugin.manifest, None, &input, &PluginLimits::default());
    let queue = Queue::default();
    let turn = Turn { limits: &limits, queue: &queue, is_inner: false };
    let ended = bench.engine.call(plugin, turn, Arc::new(host), input).await;
    let is_breakage = ended.result.as_ref().is_err_and(Failure::is_breakage);
    assert!(!is_breakage, "it is no fault of the plugin");
    (ended.result.map(drop).map_err(|failure| failure.code()), ended.spent.host_calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_host_ends_one_call() {
    let bench = Bench::new();
    let manifest = json!({"api": "1.1", "actions": [{"name": "run", "title": "Run"}]});
    let plugin = bench.compiled(&plugin_of(&framed(ONE_LINE), &manifest)).await;
    // More often than there are places for calls: each has given its own back.
    for _ in 0..100 {
        assert_eq!(call(&bench, &plugin, Host::Panics).await, (Err("host_fault"), 1));
    }
    assert_eq!(call(&bench, &plugin, Host::AnswersWrongly).await, (Err("host_fault"), 1));
    assert_eq!(call(&bench, &plugin, Host::Good).await, (Ok(()), 1));
    assert_eq!(bench.engine.occupancy().map(|(taken, _)| taken), [0, 0]);
}
