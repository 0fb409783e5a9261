//! One call: a fresh instance, the limits around it, its end told apart.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use wasmtime::{Store, UpdateDeadline};

use super::bindings::before_write::exports::guildhall::hooks::before_write::Change;
use super::compile::Compiled;
use super::engine::{PluginEngine, QUEUE_DEADLINE};
use super::failure::{Failure, Stop};
use super::host::Guest;
use super::limits::Limits;
use super::meter::{CpuClock, Metered};
use super::port::Port;
use crate::domain::plugin::Fault;

/// Most resources that a guest can hold.
const HANDLES: usize = 10_000;

/// Longest that a call may take beyond its own time: what it waits for the database, and for its turn.
const HOST_TIME: Duration = Duration::from_secs(5);

/// A change as a hook sees it.
#[derive(Clone, Debug)]
pub struct HookChange {
    /// `create`, `update` or `delete`.
    pub operation: &'static str,
    /// Name of the object.
    pub object: String,
    /// Id of the record.
    pub id: String,
    /// The record as it is stored.
    pub before: Option<String>,
    /// The record as it would be stored.
    pub after: Option<String>,
}

/// What a hook says to a change: nothing, fields to amend (a JSON object), or no.
pub type HookOutcome = Result<Option<String>, Fault>;

impl PluginEngine {
    /// Runs the `before-write` hook of a plugin over the changes.
    pub async fn before_write(
        &self,
        plugin: &Compiled,
        limits: &Limits,
        port: Arc<dyn Port>,
        changes: Vec<HookChange>,
    ) -> Result<Vec<HookOutcome>, Failure> {
        let Some(hook) = &plugin.before_write else {
            return Ok(changes.iter().map(|_| Ok(None)).collect());
        };
        let _place = tokio::time::timeout(QUEUE_DEADLINE, self.places.acquire())
            .await
            .map_err(|_| Failure::Overloaded)?
            .map_err(|_| Failure::HostFault)?;
        let clock = Arc::new(CpuClock::default());
        let mut store = self.store(limits, port, Arc::clone(&clock));
        let expected = changes.len();
        let changes: Vec<Change> = changes.into_iter().map(Change::from).collect();
        let run = async {
            let instance = plugin.instance.instantiate_async(&mut store).await?;
            let world = hook.load(&mut store, &instance)?;
            world.guildhall_hooks_before_write().call_run(&mut store, &changes).await
        };
        // A panic of the host ends this call and nothing else. Whatever the
        // end, the store goes away with the call.
        let run = AssertUnwindSafe(Metered::new(clock, run)).catch_unwind();
        let ended = tokio::time::timeout(limits.wall + HOST_TIME, run).await.map_err(|_| Failure::HostSlow)?;
        let ended = ended.map_err(|_panic| Failure::HostFault)?;
        let outcomes = ended
            .map_err(|error| Failure::of(&error, store.data().memory.refused))?
            .map_err(|fault| Failure::Fault(fault.into()))?;
        if outcomes.len() != expected {
            return Err(Failure::BadAnswer(format!("{} outcomes for {expected} changes", outcomes.len())));
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(Into::into)).collect())
    }

    fn store(&self, limits: &Limits, port: Arc<dyn Port>, clock: Arc<CpuClock>) -> Store<Guest> {
        let mut store = Store::new(&self.engine, Guest::new(port, limits));
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(limits.payload);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(1);
        let (cpu, wall) = (limits.cpu, limits.wall);
        // A guest waits for nothing but the host: its own time is its CPU time, and a slow host is no fault of it.
        store.epoch_deadline_callback(move |_| match clock.used() {
            used if used > cpu => Err(Stop::Cpu.into()),
            used if used > wall => Err(Stop::Wall.into()),
            _ => Ok(UpdateDeadline::Yield(1)),
        });
        store
    }
}

impl From<HookChange> for Change {
    fn from(change: HookChange) -> Self {
        Self {
            operation: change.operation.to_owned(),
            object: change.object,
            id: change.id,
            before: change.before,
            after: change.after,
        }
    }
}
