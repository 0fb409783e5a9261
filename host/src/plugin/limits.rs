//! The limits of one call, and the watch over its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::domain::plugin::{BeforeWrite, Manifest};

const MIB: usize = 1 << 20;
/// Most memory that a plan can give.
pub const MEMORY_CAP: usize = 64 * MIB;
/// Most CPU time of a hook that a plan can give.
const CPU_CAP: Duration = Duration::from_secs(1);
/// Longest wall time of a hook that a plan can give.
const WALL_CAP: Duration = Duration::from_secs(5);
/// Host calls of a hook that sees one change.
const HOST_CALLS: u32 = 1_000;
/// What each further change of one call adds.
const MORE_HOST_CALLS: u32 = 10;
const MORE_CPU: Duration = Duration::from_millis(2);
const MORE_WALL: Duration = Duration::from_millis(5);
const MORE_PAYLOAD: usize = 4 << 10;
/// What the changes together may add at most.
const MOST_MORE_HOST_CALLS: u32 = 10_000;
const MOST_MORE_CPU: Duration = Duration::from_secs(3);
const MOST_MORE_WALL: Duration = Duration::from_secs(10);
const MOST_MORE_PAYLOAD: usize = 4 * MIB;

/// What one call may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// CPU time.
    pub cpu: Duration,
    /// Its own time: wall time without what it waits for the host, or for its turn.
    pub wall: Duration,
    /// Memory, all linear memories together.
    pub memory: usize,
    /// Bytes that cross the border in one host call or as the result.
    pub payload: usize,
    /// Host calls.
    pub host_calls: u32,
    /// Log lines that are kept.
    pub log_lines: u32,
    /// Log bytes that are kept.
    pub log_bytes: usize,
}

impl Limits {
    /// The limits of a hook that sees so many changes: the defaults, or what the
    /// manifest asks for up to the caps, and something more for each change after the first.
    pub fn of_hook(manifest: &Manifest, hook: &BeforeWrite, changes: usize) -> Self {
        let further = u32::try_from(changes.saturating_sub(1)).unwrap_or(u32::MAX);
        let more = |each: Duration, most: Duration| each.saturating_mul(further).min(most);
        let more_payload = MORE_PAYLOAD.saturating_mul(changes.saturating_sub(1)).min(MOST_MORE_PAYLOAD);
        let millis = |asked: Option<u64>, default, cap: Duration| asked.map_or(default, Duration::from_millis).min(cap);
        let memory = manifest.limits.memory_mb.and_then(|mb| usize::try_from(mb).ok()).unwrap_or(32);
        Self {
            cpu: millis(manifest.limits.cpu_ms, Duration::from_millis(50), CPU_CAP) + more(MORE_CPU, MOST_MORE_CPU),
            wall: millis(hook.timeout_ms, Duration::from_millis(200), WALL_CAP) + more(MORE_WALL, MOST_MORE_WALL),
            memory: memory.saturating_mul(MIB).min(MEMORY_CAP),
            payload: MIB + more_payload,
            host_calls: HOST_CALLS + MORE_HOST_CALLS.saturating_mul(further).min(MOST_MORE_HOST_CALLS),
            log_lines: 100,
            log_bytes: 16 << 10,
        }
    }
}

/// Counts the memory of one call, and remembers a refusal: the guest itself
/// only shows that its allocator gave up.
#[derive(Debug)]
pub struct MemoryWatch {
    allowed: usize,
    used: usize,
    /// Whether more was asked for than allowed.
    pub refused: bool,
}

impl MemoryWatch {
    /// A watch that allows so many bytes.
    pub fn new(allowed: usize) -> Self {
        Self { allowed, used: 0, refused: false }
    }
}

impl ResourceLimiter for MemoryWatch {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.allowed {
            self.refused = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= super::engine::TABLE_ELEMENTS)
    }
}
