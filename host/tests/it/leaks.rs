//! Nothing of a call is there in another one: instances take turns in the same memory, and each must find it as new.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use guildhall::domain::plugin::{Fault, HostAnswer, HostCall, Input};
use guildhall::domain::tenant::PluginLimits;
use guildhall::plugin::{Compiled, Compiler, CompilerOptions, Failure, Limits, PluginEngine, Port, Queue, Turn, audit};
use serde_json::json;

use crate::artefacts::build::plugin_of;

/// Calls, in as many fresh instances.
const CALLS: usize = 10_000;
/// Calls at the same time.
const AT_ONCE: usize = 4;

/// Looks for what others may have left behind (memory, grown memory, a global, a table), and then leaves its mark
/// everywhere. When it is called with two events, it leaves the mark first: then it has to find it.
const SPY: &str = r#"
(component
  (core module $m
    (memory (export "memory") 3 64)
    (table $table 4 4 funcref)
    (global $mark (mut i64) (i64.const 0))
    (global $next (mut i32) (i32.const 1024))
    (elem declare func $leave)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    ;; Whether anything from here to there is not zero.
    (func $is_marked (param $at i32) (param $end i32) (result i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
      (i32.const 0))
    (func $leave
      (drop (memory.grow (i32.const 2)))
      (memory.fill (i32.const 65536) (i32.const MARK) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
      (table.set $table (i32.const 3) (ref.func $leave))
      (global.set $mark (i64.const MARK)))
    (func $fault (param $letter i32) (result i32)
      ;; error(fault { code: one letter, message: "", retryable: false, details: none })
      (i32.store8 (i32.const 512) (local.get $letter))
      (i32.store (i32.const 256) (i32.const 1))
      (i32.store (i32.const 260) (i32.const 512))
      (i32.store (i32.const 264) (i32.const 1))
      (i32.store (i32.const 268) (i32.const 512))
      (i32.const 256))
    (func (export "run") (param $events i32) (param $count i32) (result i32)
      (if (i32.eq (local.get $count) (i32.const 2)) (then (call $leave)))
      (if (call $is_marked (i32.const 65536) (i32.const 196608)) (then (return (call $fault (i32.const 109)))))
      (if (i32.ne (memory.size) (i32.const 3)) (then (return (call $fault (i32.const 115)))))
      (if (i64.ne (global.get $mark) (i64.const 0)) (then (return (call $fault (i32.const 103)))))
      (if (i32.eqz (ref.is_null (table.get $table (i32.const 3)))) (then (return (call $fault (i32.const 116)))))
      (drop (memory.grow (i32.const 2)))
      (if (call $is_marked (i32.const 196608) (i32.const 327680)) (then (return (call $fault (i32.const 119)))))
      (call $leave)
      (i32.const 256)))
  (core instance $i (instantiate $m))
  (type $fault (record (field "code" string) (field "message" string) (field "retryable" bool)
    (field "details" (option string))))
  (func $run (param "events" (list string)) (result (result (error $fault)))
    (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc"))))
  (component $shape
    (type $own (record (field "code" string) (field "message" string) (field "retryable" bool)
      (field "details" (option string))))
    (import "fault" (type $fault (eq $own)))
    (import "run" (func $run (param "events" (list string)) (result (result (error $fault)))))
    (export $out "fault" (type $fault))
    (export "run" (func $run) (func (param "events" (list string)) (result (result (error $out))))))
  (instance $hook (instantiate $shape (with "fault" (type $fault)) (with "run" (func $run))))
  (export "guildhall:hooks/on-events@1.1.0" (instance $hook)))
"#;

/// What it looks at, in the order in which it looks, and the letter that says that there was something.
const PLACES: [(&str, &str); 5] = [
    ("(i32.const 109)", "m"),
    ("(i32.const 115)", "s"),
    ("(i32.const 103)", "g"),
    ("(i32.const 116)", "t"),
    ("(i32.const 119)", "w"),
];

/// Answers nothing: a spy asks for nothing.
pub struct Nobody;

#[async_trait]
impl Port for Nobody {
    async fn answer(&self, _: HostCall) -> Result<HostAnswer, Fault> {
        Err(Fault::new("nobody", "nobody answers"))
    }
}

/// An engine, with what compiles for it.
pub struct Bench {
    pub engine: PluginEngine,
    compiler: Compiler,
}

impl Bench {
    pub fn new() -> Self {
        let engine = PluginEngine::new().unwrap();
        let options = CompilerOptions { program: Some(env!("CARGO_BIN_EXE_guildhall").into()), ..Default::default() };
        let compiler = Compiler::new(&engine, options).unwrap();
        Self { engine, compiler }
    }

    async fn spy(&self, text: &str, mark: u8) -> Compiled {
        let manifest = json!({"api": "1.1", "hooks": {"on-events": {"types": ["contact.*"]}}});
        self.compiled(&plugin_of(&text.replace("MARK", &mark.to_string()), &manifest)).await
    }

    /// A component that can be called.
    pub async fn compiled(&self, component: &[u8]) -> Compiled {
        let audited = audit(component).unwrap();
        let artefact = self.compiler.artefact(component, &audited).await.unwrap();
        self.engine.load(audited.found, &artefact).unwrap()
    }

    /// Calls a spy with so many events; the letter of what it found.
    async fn call(&self, spy: &Compiled, events: usize) -> Option<String> {
        let input = Input::OnEvents(vec!["{}".to_owned(); events]);
        let limits = Limits::of(&spy.manifest, None, &input, &PluginLimits::default());
        let queue = Queue::default();
        let turn = Turn { limits: &limits, queue: &queue, is_inner: false };
        match self.engine.call(spy, turn, Arc::new(Nobody), input).await.result {
            Ok(_) => None,
            Err(Failure::Fault(fault)) => Some(fault.code),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_leave_nothing_to_each_other() {
    let bench = Bench::new();
    let spies = [bench.spy(SPY, 0x5a).await, bench.spy(SPY, 0xa5).await];
    let workers = (0..AT_ONCE).map(async |worker| {
        for at in 0..CALLS / AT_ONCE {
            let found = bench.call(&spies[(worker + at) % 2], 1).await;
            assert_eq!(found, None, "call {at} of {worker} found what another one has left");
        }
    });
    join_all(workers).await;
}

/// The spies see what they look for: each place, with those before it left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_is_there_is_found() {
    let bench = Bench::new();
    let mut text = SPY.to_owned();
    for (number, letter) in PLACES {
        let found = bench.call(&bench.spy(&text, 0x5a).await, 2).await;
        assert_eq!(found.as_deref(), Some(letter));
        // From here on, this place is not looked at.
        let looks = format!("(then (return (call $fault {number})))");
        assert!(text.contains(&looks));
        text = text.replace(&looks, "(then)");
    }
    assert_eq!(bench.call(&bench.spy(&text, 0x5a).await, 2).await, None);
}
