//! The slow lane: a guest that has run for more than one tick goes on only with
//! one of few tickets, for one tick at a time, so that guests that take long
//! leave the other threads to those that do not.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The lane of an engine.
#[derive(Clone)]
pub struct SlowLane(Arc<Semaphore>);

/// The queue of one tenant in front of the lane: however many of its guests
/// take long, one of them at a time waits with those of other tenants.
#[derive(Clone)]
pub struct Queue(Arc<Semaphore>);

/// The ticket of one guest, while it has one.
#[derive(Clone)]
pub struct Ticket {
    lane: SlowLane,
    queue: Queue,
    held: Arc<Mutex<Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>>>,
}

impl SlowLane {
    /// A lane that leaves at least half of the threads free, but one is always slow.
    pub fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self(Arc::new(Semaphore::new((threads / 2).max(1))))
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Ticket {
    /// A guest of this queue that has no ticket.
    pub fn new(lane: &SlowLane, queue: &Queue) -> Self {
        Self { lane: lane.clone(), queue: queue.clone(), held: Arc::default() }
    }

    /// Gives the ticket back: the guest waits for something else, or has ended.
    pub fn give_back(&self) {
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Gives the ticket back and waits for the next one.
    pub fn next(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.give_back();
        let own = self.clone();
        Box::pin(async move {
            // Nobody closes these semaphores.
            if let Ok(turn) = own.queue.0.acquire_owned().await
                && let Ok(place) = own.lane.0.acquire_owned().await
            {
                *own.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((turn, place));
            }
        })
    }
}
