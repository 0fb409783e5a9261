//! The slow lane: a guest that has run for more than one tick goes on only on a few threads of its own, for one tick
//! at a time, so that guests that take long leave the machine to those that do not. One whose last calls took long
//! begins there.

use std::future::{Future, poll_fn};
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::domain::formula::STACK;
use crate::domain::plugin::ExtensionPoint;

/// The lane of an engine.
pub struct SlowLane {
    places: Arc<Semaphore>,
    /// There until the lane goes.
    threads: Option<Runtime>,
}

/// The queue of one tenant in front of the lane, for one module: however many guests of the tenant take long, one of
/// them at a time waits with those of other tenants.
#[derive(Clone)]
pub struct Queue {
    turns: Arc<Semaphore>,
    pace: Arc<Pace>,
}

/// How many of the last calls of a module took long, for each extension point: up by one with each that did, down
/// with each that did not.
#[derive(Default)]
struct Pace([AtomicU8; ExtensionPoint::ALL.len()]);

/// With so many, the next one is expected to take long; more are not counted.
const SLOW: u8 = 4;
const SLOWEST: u8 = 8;

/// The ticket of one guest, while it has one.
#[derive(Clone)]
pub struct Ticket {
    places: Arc<Semaphore>,
    queue: Queue,
    is_slow: Arc<AtomicBool>,
    /// One of the places of guests that take long, until this one has ended.
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    held: Arc<Mutex<Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>>>,
}

impl SlowLane {
    /// A lane of half as many threads as the machine has, but one at least.
    pub fn new() -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        let width = (threads / 2).max(1);
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(width).thread_name("slow-plugins").thread_stack_size(STACK).enable_all();
        Ok(Self { places: Arc::new(Semaphore::new(width)), threads: Some(builder.build()?) })
    }

    /// Brings a call to its end: here as long as it is quick, then on a thread of the lane. None when the lane goes
    /// before it has ended.
    pub async fn carry<T: Send + 'static>(
        &self,
        ticket: Ticket,
        mut call: impl Future<Output = T> + Send + Unpin + 'static,
    ) -> Option<T> {
        let here = poll_fn(|context| match call.poll_unpin(context) {
            Poll::Pending if ticket.is_slow.load(Ordering::Relaxed) => Poll::Ready(None),
            poll => poll.map(Some),
        });
        match here.await {
            Some(output) => Some(output),
            None => AbortOnDropHandle::new(self.threads.as_ref()?.spawn(call.in_current_span())).await.ok(),
        }
    }
}

impl Drop for SlowLane {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // Whoever drops it may be a task, which must not wait.
            threads.shutdown_background();
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(1)), pace: Arc::default() }
    }
}

impl Queue {
    /// The same queue, for another module.
    #[must_use]
    pub fn of_another(&self) -> Self {
        Self { turns: Arc::clone(&self.turns), pace: Arc::default() }
    }

    /// Keeps whether a call took long.
    pub fn note(&self, point: ExtensionPoint, is_slow: bool) {
        let next = |pace: u8| Some(if is_slow { (pace + 1).min(SLOWEST) } else { pace.saturating_sub(1) });
        let _ = self.pace.0[point as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// Whether the next call is expected to take long.
    pub fn expects_slow(&self, point: ExtensionPoint) -> bool {
        self.pace.0[point as usize].load(Ordering::Relaxed) >= SLOW
    }
}

impl Ticket {
    /// A guest of this queue that has no ticket.
    pub fn new(lane: &SlowLane, queue: &Queue) -> Self {
        Self {
            places: Arc::clone(&lane.places),
            queue: queue.clone(),
            is_slow: Arc::default(),
            place: Arc::default(),
            held: Arc::default(),
        }
    }

    /// Keeps a place of those that take long.
    pub fn keep_place(&self, place: OwnedSemaphorePermit) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    /// Whether the guest has a place of those that take long, or finds one that is free.
    pub fn finds_place(&self, places: &Arc<Semaphore>) -> bool {
        let mut own = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = Arc::clone(places).try_acquire_owned().ok();
        }
        own.is_some()
    }

    /// Gives the ticket back: the guest waits for something else, or has ended.
    pub fn give_back(&self) {
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Gives the ticket back and waits for the next one.
    pub fn next(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.give_back();
        self.is_slow.store(true, Ordering::Relaxed);
        let own = self.clone();
        Box::pin(async move {
            // Whoever polls the guest has its thread back, though nobody else waits: this is where it can move.
            tokio::task::yield_now().await;
            // Nobody closes these semaphores.
            if let Ok(turn) = own.queue.turns.acquire_owned().await
                && let Ok(place) = own.places.acquire_owned().await
            {
                *own.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((turn, place));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn what_is_slow_goes_on_elsewhere() {
        let lane = SlowLane::new().unwrap();
        let ticket = Ticket::new(&lane, &Queue::default());
        let own = ticket.clone();
        let call = Box::pin(async move {
            tokio::task::yield_now().await;
            let quick = thread();
            own.next().await;
            (quick, thread())
        });
        let (quick, slow) = lane.carry(ticket, call).await.unwrap();
        assert_eq!((quick, slow.as_str()), (thread(), "slow-plugins"));
    }

    #[test]
    fn what_was_slow_most_of_the_time_is_expected_to_be() {
        let (queue, point) = (Queue::default(), ExtensionPoint::BeforeWrite);
        let noted = |calls: &[bool]| {
            for is_slow in calls {
                queue.note(point, *is_slow);
            }
            queue.expects_slow(point)
        };
        assert!(!noted(&[true, true, true, false, true, false]));
        assert!(noted(&[true, true]));
        assert!(!queue.expects_slow(ExtensionPoint::Job) && !queue.of_another().expects_slow(point));
        assert!(noted(&[true; 100]));
        assert!(noted(&[false; 4]));
        assert!(!noted(&[false]));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_ends() {
        struct Told(Option<tokio::sync::oneshot::Sender<()>>);
        impl Drop for Told {
            fn drop(&mut self) {
                let _ = self.0.take().unwrap().send(());
            }
        }
        let lane = SlowLane::new().unwrap();
        let ticket = Ticket::new(&lane, &Queue::default());
        let (told, is_told) = tokio::sync::oneshot::channel();
        let (own, told) = (ticket.clone(), Told(Some(told)));
        let (slow, is_slow) = tokio::sync::oneshot::channel();
        let call = Box::pin(async move {
            own.next().await;
            let _ = slow.send(());
            std::future::pending::<()>().await;
            drop(told);
        });
        tokio::select! {
            _ = lane.carry(ticket, call) => panic!("it has no end"),
            _ = is_slow => {}
        }
        is_told.await.unwrap();
    }
}
