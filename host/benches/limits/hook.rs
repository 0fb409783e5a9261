//! The hook's own share: a fresh instance for every call, through the host's own engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guildhall::domain::plugin::{HookChange, Input, Output};
use guildhall::domain::tenant::PluginLimits;
use guildhall::plugin::{Compiled, Compiler, CompilerOptions, Limits, PluginEngine, Queue, Turn, audit};
use serde_json::{Value, json};

use super::Result;
use super::stub::{ID, Stub, TIME, with_system_fields};

const WARM_UP: usize = 500;
const CALLS: usize = 5_000;

/// A call that takes longer than this on average is made as often as fits here.
const MOST: Duration = Duration::from_secs(10);

/// Prints the times in microseconds: of a call that has nothing to do, and of one that does the work of an order.
pub fn measure(plugin: &Path) -> Result<()> {
    let Ready { engine, compiled, compile, runtime } = ready(plugin)?;
    let (idle, order) = runtime.block_on(async {
        let unchanged = Some(order());
        let idle = HookChange { before: unchanged.clone(), ..change("update", unchanged) };
        let idle = calls(&engine, &compiled, idle).await?;
        let order = calls(&engine, &compiled, change("create", Some(order()))).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((idle, order))
    })?;
    println!("{}", json!({"compile_us": compile.as_secs_f64() * 1e6, "idle": idle, "order": order}));
    Ok(())
}

/// Prints the times in microseconds of a call that trims the name of a contact.
pub fn measure_contact(plugin: &Path) -> Result<()> {
    let Ready { engine, compiled, compile, runtime } = ready(plugin)?;
    let contact = with_system_fields(json!({"name": " Ann Lee "}));
    let change = HookChange { object: "contact".to_owned(), ..change("create", Some(contact)) };
    let call = runtime.block_on(calls(&engine, &compiled, change))?;
    println!("{}", json!({"compile_us": compile.as_secs_f64() * 1e6, "call": call}));
    Ok(())
}

/// A plugin that is ready to run.
struct Ready {
    engine: PluginEngine,
    compiled: Compiled,
    compile: Duration,
    runtime: tokio::runtime::Runtime,
}

fn ready(plugin: &Path) -> Result<Ready> {
    let component = std::fs::read(plugin)?;
    let engine = PluginEngine::new()?;
    let program = Some(env!("CARGO_BIN_EXE_guildhall").into());
    let compiler = Compiler::new(&engine, CompilerOptions { program, ..CompilerOptions::default() })?;
    // A call runs where it is made: one thread shows it best.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let audited = audit(&component)?;
    let artefact = runtime.block_on(compiler.artefact(&component, &audited))?;
    let compiled = engine.load(audited.found, &artefact)?;
    Ok(Ready { engine, compiled, compile: start.elapsed(), runtime })
}

async fn calls(engine: &PluginEngine, plugin: &Compiled, change: HookChange) -> Result<Value> {
    let queue = Queue::default();
    let mut times = Vec::with_capacity(CALLS);
    let began = Instant::now();
    for call in 0..WARM_UP + CALLS {
        if began.elapsed() > MOST && times.len() > 100 {
            break;
        }
        let input = Input::BeforeWrite(vec![change.clone()]);
        let start = Instant::now();
        let limits = Limits::of(&plugin.manifest, None, &input, &PluginLimits::default());
        let turn = Turn { limits: &limits, queue: &queue, is_inner: false };
        let output = engine.call(plugin, turn, Arc::new(Stub), input).await.result?;
        let took = start.elapsed();
        if !matches!(&output, Output::Outcomes(outcomes) if matches!(outcomes.as_slice(), [Ok(_)])) {
            return Err(format!("the hook refused the order: {output:?}").into());
        }
        if call >= WARM_UP {
            times.push(took);
        }
    }
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let at = |share: usize| micros(times[(times.len() - 1) * share / 100]);
    let calls = u32::try_from(times.len()).unwrap_or(u32::MAX);
    Ok(json!({"p50_us": at(50), "p99_us": at(99), "mean_us": micros(times.iter().sum::<Duration>() / calls)}))
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
