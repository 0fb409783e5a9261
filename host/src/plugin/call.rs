//! One call: a fresh instance, the limits around it, its end told apart.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{AcquireError, SemaphorePermit};
use wasmtime::{Store, UpdateDeadline};

use super::answer::Asked;
use super::compile::Compiled;
use super::engine::{Counting, PluginEngine, QUEUE_DEADLINE, TICK};
use super::failure::{Failure, Stop};
use super::host::Guest;
use super::lane::{Queue, Ticket};
use super::limits::Limits;
use super::meter::{Meter, Metered};
use super::port::Port;
use crate::domain::plugin::{ExtensionPoint, Input, Output};

/// Most resources that a guest can hold.
const HANDLES: usize = 10_000;

/// Instructions that a call has where they are counted: more than there is time for.
const FUEL: u64 = u64::MAX;

/// Longest that a call may take beyond its own time: what it waits for the database, and for its turn.
const HOST_TIME: Duration = Duration::from_secs(5);

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// CPU time.
    pub cpu: Duration,
    /// Time until it ended, waiting for its turn included.
    pub wall: Duration,
    /// Most memory, all linear memories together.
    pub memory: usize,
    /// Host calls.
    pub host_calls: u32,
    /// Instructions, where they are counted.
    pub instructions: Option<u64>,
}

/// On which terms a call runs.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    /// What it may use.
    pub limits: &'a Limits,
    /// Where it waits when it takes long.
    pub queue: &'a Queue,
    /// Whether another call waits for it.
    pub is_inner: bool,
}

/// How a call ended, and what it used.
#[derive(Debug)]
pub struct Ended {
    /// What came of it.
    pub result: Result<Output, Failure>,
    /// What it used.
    pub spent: Spent,
}

impl PluginEngine {
    /// Calls a plugin at the extension point that the input is for.
    pub async fn call(&self, plugin: &Compiled, turn: Turn<'_>, port: Arc<dyn Port>, input: Input) -> Ended {
        let (began, point) = (Instant::now(), input.point());
        let meter = Arc::new(Meter::default());
        let result = self.run(plugin, turn, port, input, &meter).await;
        turn.queue.note(point, meter.total() > TICK);
        let (memory, host_calls) = meter.end();
        let (cpu, wall, instructions) = (meter.total(), began.elapsed(), meter.instructions());
        Ended { result, spent: Spent { cpu, wall, memory, host_calls, instructions } }
    }

    async fn run(
        &self,
        plugin: &Compiled,
        turn: Turn<'_>,
        port: Arc<dyn Port>,
        input: Input,
        meter: &Arc<Meter>,
    ) -> Result<Output, Failure> {
        let Turn { limits, queue, is_inner } = turn;
        let (asked, point) = (Asked::of(&input), input.point());
        let is_slow = queue.expects_slow(point);
        let ticket = Ticket::new(&self.lane, queue);
        let place = self.place(point, is_inner, is_slow.then_some(&ticket));
        let place = tokio::time::timeout(QUEUE_DEADLINE, place).await.map_err(|_| Failure::Overloaded)?;
        let _place = place.map_err(|_closed| Failure::HostFault)?;
        let mut store = self.store(limits, port, Arc::clone(meter), ticket.clone());
        let (instance, exports) = (plugin.instance.clone(), Arc::clone(&plugin.exports));
        let (counted, own) = (Arc::clone(meter), ticket.clone());
        let run = async move {
            if is_slow {
                own.next().await;
            }
            let called = match instance.instantiate_async(&mut store).await {
                Ok(instance) => exports.call(&mut store, &instance, input).await,
                Err(error) => Err(error),
            };
            if let Ok(left) = store.get_fuel() {
                counted.note_instructions(FUEL - left);
            }
            called.map_err(|error| Failure::of(&error, store.data().memory.refused))
        };
        // A panic of the host ends this call and nothing else. Whatever the
        // end, the store goes away with the call.
        let run = AssertUnwindSafe(Metered::new(Arc::clone(meter), run)).catch_unwind();
        let ended = tokio::time::timeout(limits.wall + HOST_TIME, self.lane.carry(ticket, run)).await;
        let ended = ended.map_err(|_| Failure::HostSlow)?.ok_or(Failure::HostFault)?;
        let output = ended.map_err(|_panic| Failure::HostFault)??.map_err(|fault| Failure::Fault(fault.into()))?;
        asked.check(&output, &plugin.manifest, limits.payload)?;
        Ok(output)
    }

    /// Waits for a place to run. Calls that may wait for other servers have only some of them, and so have those that
    /// take long, so that quick ones find a place however many of the others there are.
    async fn place(
        &self,
        point: ExtensionPoint,
        is_inner: bool,
        slow: Option<&Ticket>,
    ) -> Result<(Option<SemaphorePermit<'_>>, SemaphorePermit<'_>), AcquireError> {
        if let Some(ticket) = slow {
            ticket.keep_place(Arc::clone(&self.slow_places).acquire_owned().await?);
        }
        if is_inner {
            return Ok((None, self.inner_places.acquire().await?));
        }
        let patient = if point.may_reach_out() { Some(self.patient_places.acquire().await?) } else { None };
        Ok((patient, self.places.acquire().await?))
    }

    fn store(&self, limits: &Limits, port: Arc<dyn Port>, meter: Arc<Meter>, ticket: Ticket) -> Store<Guest> {
        let guest = Guest::new(port, limits, ticket.clone(), Arc::clone(&meter));
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(limits.payload);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(1);
        if self.counting == Counting::On {
            // Fails only for an engine that does not count.
            let _ = store.set_fuel(FUEL);
        }
        let (cpu, wall, slow_places) = (limits.cpu, limits.wall, Arc::clone(&self.slow_places));
        // A guest waits for nothing but the host: its own time is its CPU time, and a slow host is no fault of it.
        store.epoch_deadline_callback(move |_| match meter.used() {
            used if used > cpu => Err(Stop::Cpu.into()),
            used if used > wall => Err(Stop::Wall.into()),
            used if used < TICK => Ok(UpdateDeadline::Continue(1)),
            _ if !ticket.finds_place(&slow_places) => Err(Stop::Crowded.into()),
            _ => Ok(UpdateDeadline::YieldCustom(1, ticket.next())),
        });
        store
    }
}
