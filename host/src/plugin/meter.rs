//! The CPU clock of one call: what its thread used while it was being polled.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of a call so far.
#[derive(Debug, Default)]
pub struct CpuClock {
    before: AtomicU64,
    poll_began: AtomicU64,
}

impl CpuClock {
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
    clock: Arc<CpuClock>,
    inner: Pin<Box<F>>,
}

impl<F: Future> Metered<F> {
    /// Times this future by that clock.
    pub fn new(clock: Arc<CpuClock>, inner: F) -> Self {
        Self { clock, inner: Box::pin(inner) }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_time();
        self.clock.poll_began.store(began, Ordering::Relaxed);
        let poll = self.inner.as_mut().poll(context);
        self.clock.before.fetch_add(thread_time().saturating_sub(began), Ordering::Relaxed);
        poll
    }
}

fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}
