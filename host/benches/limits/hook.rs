//! The hook's own share: a fresh instance for every call, through the host's own engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guildhall::domain::plugin::{HookChange, Input, Output};
use guildhall::domain::tenant::PluginLimits;
use guildhall::plugin::{Compiled, Compiler, CompilerOptions, Limits, PluginEngine, Queue, Turn, audit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Result;
use super::stub::{ID, Stub, TIME, with_system_fields};

const WARM_UP: usize = 500;
const CALLS: usize = 5_000;
/// Times that a plugin is taken from the disk.
const LOADS: usize = 200;

/// A call that takes longer than this on average is made as often as fits here.
const MOST: Duration = Duration::from_secs(10);

/// Prints the times in microseconds: of a call that has nothing to do, of one that does the work of an order, and of
/// taking the plugin from the disk and calling it for the first time.
pub fn measure(plugin: &Path) -> Result<()> {
    let ready = ready(plugin)?;
    let cold = ready.runtime.block_on(cold(&ready, plugin))?;
    let Ready { engine, compiled, compile, runtime, .. } = ready;
    let (idle, order) = runtime.block_on(async {
        let unchanged = Some(order());
        let idle = HookChange { before: unchanged.clone(), ..change("update", unchanged) };
        let idle = calls(&engine, &compiled, idle).await?;
        let order = calls(&engine, &compiled, change("create", Some(order()))).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((idle, order))
    })?;
    println!("{}", json!({"compile_us": compile.as_secs_f64() * 1e6, "idle": idle, "order": order, "cold": cold}));
    Ok(())
}

/// Prints the times in microseconds of a call that trims the name of a contact.
pub fn measure_contact(plugin: &Path) -> Result<()> {
    let Ready { engine, compiled, compile, runtime, .. } = ready(plugin)?;
    let contact = with_system_fields(json!({"name": " Ann Lee "}));
    let change = HookChange { object: "contact".to_owned(), ..change("create", Some(contact)) };
    let call = runtime.block_on(calls(&engine, &compiled, change))?;
    println!("{}", json!({"compile_us": compile.as_secs_f64() * 1e6, "call": call}));
    Ok(())
}

/// A plugin that is ready to run.
struct Ready {
    engine: PluginEngine,
    compiler: Compiler,
    /// Where the compiler keeps it.
    _kept: tempfile::TempDir,
    compiled: Compiled,
    compile: Duration,
    runtime: tokio::runtime::Runtime,
}

fn ready(plugin: &Path) -> Result<Ready> {
    let component = std::fs::read(plugin)?;
    let engine = PluginEngine::new()?;
    let program = Some(env!("CARGO_BIN_EXE_guildhall").into());
    let kept = tempfile::tempdir()?;
    let cache = Some((kept.path().to_owned(), [7; 32]));
    let compiler = Compiler::new(&engine, CompilerOptions { program, cache, ..CompilerOptions::default() })?;
    // A call runs where it is made: one thread shows it best.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let audited = audit(&component)?;
    let artefact = runtime.block_on(compiler.artefact(&component, &audited))?;
    let compiled = engine.load(audited.found, &artefact)?;
    Ok(Ready { engine, compiler, _kept: kept, compiled, compile: start.elapsed(), runtime })
}

/// Takes the plugin from the disk and calls it, again and again.
async fn cold(ready: &Ready, plugin: &Path) -> Result<Value> {
    let digest = Sha256::digest(std::fs::read(plugin)?).into();
    let change = change("update", Some(order()));
    let change = HookChange { before: change.after.clone(), ..change };
    let (mut times, queue) = (Vec::with_capacity(LOADS), Queue::default());
    for _ in 0..LOADS {
        let start = Instant::now();
        let (artefact, found) = ready.compiler.kept(digest).await.ok_or("a compiled plugin is not kept")?;
        let compiled = ready.engine.load(found, &artefact)?;
        call(&ready.engine, &compiled, &queue, change.clone()).await?;
        times.push(start.elapsed());
    }
    Ok(summary(times))
}

/// Calls a hook once; says how long it took.
async fn call(engine: &PluginEngine, plugin: &Compiled, queue: &Queue, change: HookChange) -> Result<Duration> {
    let input = Input::BeforeWrite(vec![change]);
    let start = Instant::now();
    let limits = Limits::of(&plugin.manifest, None, &input, &PluginLimits::default());
    let turn = Turn { limits: &limits, queue, is_inner: false };
    let output = engine.call(plugin, turn, Arc::new(Stub), input).await.result?;
    let took = start.elapsed();
    if !matches!(&output, Output::Outcomes(outcomes) if matches!(outcomes.as_slice(), [Ok(_)])) {
        return Err(format!("the hook refused the order: {output:?}").into());
    }
    Ok(took)
}

async fn calls(engine: &PluginEngine, plugin: &Compiled, change: HookChange) -> Result<Value> {
    let queue = Queue::default();
    let mut times = Vec::with_capacity(CALLS);
    let began = Instant::now();
    for number in 0..WARM_UP + CALLS {
        if began.elapsed() > MOST && times.len() > 100 {
            break;
        }
        let took = call(engine, plugin, &queue, change.clone()).await?;
        if number >= WARM_UP {
            times.push(took);
        }
    }
    Ok(summary(times))
}

/// Times in microseconds.
fn summary(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let at = |share: usize| micros(times[(times.len() - 1) * share / 100]);
    let calls = u32::try_from(times.len()).unwrap_or(u32::MAX);
    json!({"p50_us": at(50), "p99_us": at(99), "mean_us": micros(times.iter().sum::<Duration>() / calls)})
}

fn change(operation: &str, after: Option<String>) -> HookChange {
    HookChange { operation: operation.to_owned(), object: "order".to_owned(), id: ID.to_owned(), before: None, after }
}

fn order() -> String {
    with_system_fields(json!({
        "contact": ID,
        "placed_at": TIME,
        "total": {"amount": "29.33", "currency": "USD"},
        "status": "placed",
    }))
}
