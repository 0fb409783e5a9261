//! One call: a fresh instance, the limits around it, its end told apart.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use wasmtime::{Store, UpdateDeadline};

use super::compile::Compiled;
use super::engine::{Counting, PluginEngine, QUEUE_DEADLINE, TICK};
use super::failure::{Failure, Stop};
use super::host::Guest;
use super::lane::{Queue, Ticket};
use super::limits::Limits;
use super::meter::{Meter, Metered};
use super::port::Port;
use crate::domain::plugin::{Input, Output};

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
        let places = if is_inner { &self.inner_places } else { &self.places };
        let _place = tokio::time::timeout(QUEUE_DEADLINE, places.acquire())
            .await
            .map_err(|_| Failure::Overloaded)?
            .map_err(|_| Failure::HostFault)?;
        let (expected, is_slow) = (input.size(), queue.expects_slow(input.point()));
        let ticket = Ticket::new(&self.lane, queue);
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
        check(output, expected, limits.payload)
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
        let (cpu, wall) = (limits.cpu, limits.wall);
        // A guest waits for nothing but the host: its own time is its CPU time, and a slow host is no fault of it.
        store.epoch_deadline_callback(move |_| match meter.used() {
            used if used > cpu => Err(Stop::Cpu.into()),
            used if used > wall => Err(Stop::Wall.into()),
            used if used < TICK => Ok(UpdateDeadline::Continue(1)),
            _ => Ok(UpdateDeadline::YieldCustom(1, ticket.next())),
        });
        store
    }
}

/// Whether there is one answer for each thing that was asked about, and none is too large.
fn check(output: Output, expected: usize, payload: usize) -> Result<Output, Failure> {
    let counted = |count: usize, what: &str| {
        if count == expected {
            Ok(())
        } else {
            Err(Failure::BadAnswer(format!("{count} {what} for {expected} asked about")))
        }
    };
    match &output {
        Output::Outcomes(outcomes) => counted(outcomes.len(), "outcomes")?,
        Output::Verdicts(verdicts) => counted(verdicts.len(), "verdicts")?,
        Output::Computed(computed) => counted(computed.len(), "results")?,
        Output::Response(response) | Output::Received(response, _) => {
            if !(200..600).contains(&response.status) {
                return Err(Failure::BadAnswer(format!("{} is no status of an answer", response.status)));
            }
            if response.body.len() > payload {
                return Err(Failure::PayloadLimit);
            }
        }
        Output::Done | Output::Json(_) => {}
    }
    Ok(output)
}
