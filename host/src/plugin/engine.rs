//! The engine: wasmtime set up for many short calls of strangers' code.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm,
    WasmBacktraceDetails,
};

use super::bindings;
use super::compiler::Effort;
use super::host::Guest;
use super::lane::SlowLane;
use super::limits::MEMORY_CAP;

/// Calls that run at the same time; more wait.
const CALLS: u32 = 96;
/// Of those, calls that may wait for other servers, and calls that take long: neither leaves too few places to hooks
/// that are quick.
const PATIENT_CALLS: usize = 32;
const SLOW_CALLS: usize = 32;
/// Calls of calls that run at the same time.
const INNER_CALLS: u32 = 16;
/// Most elements of one table.
pub const TABLE_ELEMENTS: usize = 20_000;
/// Bytes of a memory that stay with the pool from one call to the next.
const KEEP_RESIDENT: usize = 256 << 10;
/// How often running guests are looked at.
pub(super) const TICK: Duration = Duration::from_millis(2);
/// Longest wait for a place to run.
pub(super) const QUEUE_DEADLINE: Duration = Duration::from_secs(2);

/// Whether instructions are counted. That takes time, and code that is compiled for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Not: a call ends by the time that it takes.
    Off,
    /// They are: for what has to be the same on every machine.
    On,
}

/// Compiles and runs plugins.
pub struct PluginEngine {
    pub(super) engine: Engine,
    pub(super) linker: Linker<Guest>,
    pub(super) places: Semaphore,
    /// For calls that other calls make: whoever waits for one holds a place already.
    pub(super) inner_places: Semaphore,
    /// For calls that may wait for other servers.
    pub(super) patient_places: Semaphore,
    /// For calls that take long.
    pub(super) slow_places: Arc<Semaphore>,
    pub(super) lane: SlowLane,
    /// Whether it counts instructions.
    pub(super) counting: Counting,
    stop: Arc<AtomicBool>,
}

impl PluginEngine {
    /// Sets wasmtime up. Where the machine has no room for the pool, instances
    /// are allocated one by one.
    pub fn new() -> Result<Self, wasmtime::Error> {
        Self::with(Counting::Off)
    }

    /// One that counts the instructions of calls.
    pub fn counting() -> Result<Self, wasmtime::Error> {
        Self::with(Counting::On)
    }

    fn with(counting: Counting) -> Result<Self, wasmtime::Error> {
        let engine = match Engine::new(&config(true, counting)) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(%error, "no pool for instances; they are allocated on demand");
                Engine::new(&config(false, counting))?
            }
        };
        let mut linker = Linker::new(&engine);
        bindings::Imports::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        let stop = Arc::new(AtomicBool::new(false));
        tick(&engine, Arc::clone(&stop))?;
        Ok(Self {
            engine,
            linker,
            places: Semaphore::new(CALLS as usize),
            inner_places: Semaphore::new(INNER_CALLS as usize),
            patient_places: Semaphore::new(PATIENT_CALLS),
            slow_places: Arc::new(Semaphore::new(SLOW_CALLS)),
            lane: SlowLane::new()?,
            counting,
            stop,
        })
    }
}

impl PluginEngine {
    /// Calls that run now, those of other calls among them, and how many may.
    pub fn occupancy(&self) -> [(u32, u32); 2] {
        let taken =
            |places: &Semaphore, all: u32| all.saturating_sub(u32::try_from(places.available_permits()).unwrap_or(all));
        [(taken(&self.places, CALLS), CALLS), (taken(&self.inner_places, INNER_CALLS), INNER_CALLS)]
    }
}

impl Drop for PluginEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// An engine that compiles what the others load. It runs nothing, and uses one thread, so that the limit of its CPU
/// time is one of time.
pub(super) fn compiling(effort: Effort, counting: Counting) -> Result<Engine, wasmtime::Error> {
    let mut config = config(false, counting);
    config.parallel_compilation(false);
    if effort == Effort::Little {
        // Neither is part of what makes an artefact loadable.
        config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    Engine::new(&config)
}

fn config(pooling: bool, counting: Counting) -> Config {
    let mut config = Config::new();
    if pooling {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(CALLS + INNER_CALLS)
            // As many as calls can have at once: a component in Python is made of 38, one in JavaScript has 3 memories.
            .total_core_instances((CALLS + INNER_CALLS) * 40)
            .total_memories((CALLS + INNER_CALLS) * 3)
            .total_tables((CALLS + INNER_CALLS) * 4)
            .total_stacks(CALLS + INNER_CALLS)
            .max_core_instances_per_component(200)
            .max_memories_per_component(8)
            .max_tables_per_component(32)
            .max_memory_size(MEMORY_CAP)
            .table_elements(TABLE_ELEMENTS)
            // A guest writes to few pages, anywhere in its memory. Where the kernel can say which, those are put back
            // and stay; elsewhere these are the first ones, and the rest goes back to the kernel and faults again.
            .pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(KEEP_RESIDENT)
            .table_keep_resident(16 << 10)
            .max_unused_warm_slots(CALLS);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
        .memory_init_cow(true)
        .epoch_interruption(true)
        .consume_fuel(counting == Counting::On)
        .concurrency_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_memory64(false)
        // The same call comes to the same end on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .gc_support(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config
}

/// A thread of its own moves the epoch: a task on a busy runtime would not.
fn tick(engine: &Engine, stop: Arc<AtomicBool>) -> Result<(), wasmtime::Error> {
    let engine = engine.weak();
    std::thread::Builder::new().name("plugin-epoch".to_owned()).spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
    })?;
    Ok(())
}
