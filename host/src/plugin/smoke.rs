//! The first run of a new component: it is brought to life once, with nobody to talk to.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Store, Trap, UpdateDeadline};

use super::compile::Compiled;
use super::engine::{Counting, PluginEngine, QUEUE_DEADLINE};
use super::limits::{MEMORY_CAP, MemoryWatch};
use super::meter::{Meter, Metered};
use super::{CompileError, Invalid};

/// CPU time of it.
const CPU: Duration = Duration::from_secs(1);
/// Longest that it may take on a busy machine.
const WALL: Duration = Duration::from_secs(30);
/// Why it is stopped.
#[derive(Debug, thiserror::Error)]
#[error("it takes more than {} s of CPU time", CPU.as_secs())]
struct TooLong;

impl PluginEngine {
    /// Makes an instance under limits, in which every import is a trap: who needs the host to begin cannot be called.
    pub async fn try_out(&self, plugin: &Compiled) -> Result<(), CompileError> {
        let busy = |_| CompileError::Busy;
        let _place = tokio::time::timeout(QUEUE_DEADLINE, self.places.acquire()).await.map_err(busy)?;
        let component = plugin.instance.component();
        let mut linker = Linker::new(&self.engine);
        let host = |error: wasmtime::Error| CompileError::Host(format!("{error:#}"));
        linker.define_unknown_imports_as_traps(component).map_err(host)?;
        let megabytes = plugin.manifest.limits.memory_mb.and_then(|mb| usize::try_from(mb).ok()).unwrap_or(32);
        let memory = megabytes.saturating_mul(1 << 20).min(MEMORY_CAP);
        let mut store = Store::new(&self.engine, MemoryWatch::new(memory));
        store.limiter(|watch| watch);
        store.set_epoch_deadline(1);
        if self.counting == Counting::On {
            store.set_fuel(u64::MAX).map_err(host)?;
        }
        let meter = Arc::new(Meter::default());
        let seen = Arc::clone(&meter);
        store.epoch_deadline_callback(move |_| {
            if seen.used() > CPU { Err(TooLong.into()) } else { Ok(UpdateDeadline::Yield(1)) }
        });
        let run = Metered::new(meter, async { linker.instantiate_async(&mut store, component).await });
        let done = tokio::time::timeout(WALL, run).await.map_err(busy)?;
        let error = match done {
            Ok(instance) => {
                return plugin.exports.check(&mut store, &instance).map_err(|error| {
                    let text = format!("the component exports something in another form than this host has: {error:#}");
                    CompileError::Refused(Invalid::Api(text))
                });
            }
            Err(error) => error,
        };
        if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
            return Err(CompileError::Busy);
        }
        let why = match error.downcast_ref::<Trap>() {
            _ if store.data().refused => format!("it asks for more than {megabytes} MiB of memory"),
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        Err(CompileError::Refused(Invalid::Component(format!("the component does not come to life: {why}"))))
    }
}
