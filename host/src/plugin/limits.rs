//! The limits of one call, and the watch over its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::domain::plugin::caps::{
    BACKGROUND_CPU_MS, HOOK_CPU_MS, HOOK_TIMEOUT_MS, HOST_CALLS as HOST_CALLS_CAP, HTTP_CALLS as HTTP_CALLS_CAP,
    REQUEST_CPU_MS,
};
use crate::domain::plugin::{ExtensionPoint, Input, Manifest};
use crate::domain::tenant::PluginLimits;

const MIB: usize = 1 << 20;
/// Most memory that a plan can give.
pub const MEMORY_CAP: usize = 64 * MIB;
const _: () = assert!(MEMORY_CAP as u64 == crate::domain::plugin::caps::MEMORY_MB << 20);
/// Memory that is given when nothing else is asked for.
const MEMORY: usize = 32 * MIB;
/// Host calls, and requests to other servers: what is given when nothing else is said.
const HOST_CALLS: u32 = 1_000;
const HTTP_CALLS: u32 = 10;
/// What each further change of one call of a hook adds, and what they may add together.
const MORE_HOST_CALLS: (u32, u32) = (10, 10_000);
const MORE_CPU: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(3));
const MORE_WALL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(10));
const MORE_PAYLOAD: (usize, usize) = (4 << 10, 4 * MIB);

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
    /// Requests to other servers.
    pub http_calls: u32,
    /// Log lines that are kept.
    pub log_lines: u32,
    /// Log bytes that are kept.
    pub log_bytes: usize,
}

/// CPU and wall time of an extension point: what is given, and what can be asked for.
struct Times {
    cpu: Duration,
    cpu_cap: Duration,
    wall: Duration,
    wall_cap: Duration,
}

impl Times {
    fn of(point: ExtensionPoint, allowed: &PluginLimits) -> Self {
        let (cpu, cpu_cap, wall, wall_cap, own) = match point {
            ExtensionPoint::BeforeWrite | ExtensionPoint::Validate | ExtensionPoint::ComputedField => {
                (50, HOOK_CPU_MS, 200, HOOK_TIMEOUT_MS, allowed.hook_cpu_ms)
            }
            ExtensionPoint::HttpRoute | ExtensionPoint::Action | ExtensionPoint::View | ExtensionPoint::Channel => {
                (500, REQUEST_CPU_MS, 5_000, 30_000, allowed.request_cpu_ms)
            }
            ExtensionPoint::OnEvents | ExtensionPoint::Scheduled | ExtensionPoint::Lifecycle | ExtensionPoint::Job => {
                (1_000, BACKGROUND_CPU_MS, 60_000, 300_000, allowed.background_cpu_ms)
            }
        };
        let cpu_cap = own.map_or(cpu_cap, |own| u64::from(own.get()).min(cpu_cap));
        Self {
            cpu: Duration::from_millis(cpu),
            cpu_cap: Duration::from_millis(cpu_cap),
            wall: Duration::from_millis(wall),
            wall_cap: Duration::from_millis(wall_cap),
        }
    }
}

impl Limits {
    /// The limits of a call with this input: the defaults, or what the manifest and the hook ask for up to the
    /// caps, and for hooks something more for each change after the first.
    pub fn of(manifest: &Manifest, timeout_ms: Option<u64>, input: &Input, allowed: &PluginLimits) -> Self {
        let point = input.point();
        let times = Times::of(point, allowed);
        let further = if point.is_hook() { input.size().saturating_sub(1) } else { 0 };
        let many = u32::try_from(further).unwrap_or(u32::MAX);
        let millis = |asked: Option<u64>, default, cap: Duration| asked.map_or(default, Duration::from_millis).min(cap);
        let memory_cap = allowed.memory_mb.map_or(MEMORY_CAP, |mb| (mb.get() as usize).saturating_mul(MIB));
        let memory = manifest.limits.memory_mb.and_then(|mb| usize::try_from(mb).ok());
        Self {
            cpu: millis(manifest.limits.cpu_ms, times.cpu, times.cpu_cap)
                + MORE_CPU.0.saturating_mul(many).min(MORE_CPU.1),
            wall: millis(timeout_ms, times.wall, times.wall_cap) + MORE_WALL.0.saturating_mul(many).min(MORE_WALL.1),
            memory: memory.map_or(MEMORY, |mb| mb.saturating_mul(MIB)).min(memory_cap).min(MEMORY_CAP),
            payload: MIB + MORE_PAYLOAD.0.saturating_mul(further).min(MORE_PAYLOAD.1),
            host_calls: allowed.host_calls.map_or(HOST_CALLS, |most| most.get().min(HOST_CALLS_CAP))
                + MORE_HOST_CALLS.0.saturating_mul(many).min(MORE_HOST_CALLS.1),
            http_calls: allowed.http_calls.map_or(HTTP_CALLS, |most| most.min(HTTP_CALLS_CAP)),
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
    /// What is used now: memories of a guest never shrink.
    pub used: usize,
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
