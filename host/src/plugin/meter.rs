//! What one call uses: CPU time of threads while they poll it, memory, host calls.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a call has used so far, for whoever waits for it on another thread.
#[derive(Debug, Default)]
pub struct Meter {
    before: AtomicU64,
    poll_began: AtomicU64,
    memory: AtomicUsize,
    host_calls: AtomicU32,
    instructions: OnceLock<u64>,
}

impl Meter {
    /// Notes what a guest has come to at its end: bytes of memory, and host calls.
    pub fn note_end(&self, memory: usize, host_calls: u32) {
        self.memory.store(memory, Ordering::Relaxed);
        self.host_calls.store(host_calls, Ordering::Relaxed);
    }

    /// Bytes of memory and host calls of a guest that has ended.
    pub fn end(&self) -> (usize, u32) {
        (self.memory.load(Ordering::Relaxed), self.host_calls.load(Ordering::Relaxed))
    }

    /// Notes how many instructions a guest has executed, where they are counted.
    pub fn note_instructions(&self, count: u64) {
        let _ = self.instructions.set(count);
    }

    /// Instructions of a guest that has come to an end by itself, where they are counted.
    pub fn instructions(&self) -> Option<u64> {
        self.instructions.get().copied()
    }

    /// The time used by polls that have ended.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.before.load(Ordering::Relaxed))
    }

    /// The time used, as seen from inside the poll.
    pub fn used(&self) -> Duration {
        let running = thread_time().saturating_sub(self.poll_began.load(Ordering::Relaxed));
        Duration::from_nanos(self.before.load(Ordering::Relaxed) + running)
    }
}

/// A future whose polls are timed.
pub struct Metered<F> {
    meter: Arc<Meter>,
    inner: Pin<Box<F>>,
}

impl<F: Future> Metered<F> {
    /// Times this future by that meter.
    pub fn new(meter: Arc<Meter>, inner: F) -> Self {
        Self { meter, inner: Box::pin(inner) }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_time();
        self.meter.poll_began.store(began, Ordering::Relaxed);
        let poll = self.inner.as_mut().poll(context);
        self.meter.before.fetch_add(thread_time().saturating_sub(began), Ordering::Relaxed);
        poll
    }
}

fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}
