//! The most that a call of a plugin can be given, whatever its manifest and the plan of a tenant say.

/// CPU milliseconds of a hook that sees one change.
pub const HOOK_CPU_MS: u64 = 1_000;
/// CPU milliseconds of a route, an action, a view, a channel.
pub const REQUEST_CPU_MS: u64 = 2_000;
/// CPU milliseconds of a job, a schedule, a batch of events, a lifecycle call.
pub const BACKGROUND_CPU_MS: u64 = 10_000;
/// Milliseconds of a hook's own time.
pub const HOOK_TIMEOUT_MS: u64 = 5_000;
/// Milliseconds of a request's own time, with what it waits for other servers.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;
/// Milliseconds of the time of what nobody waits for, likewise.
pub const BACKGROUND_TIMEOUT_MS: u64 = 300_000;
/// KiB that cross the border in one host call or as the result, for one change.
pub const PAYLOAD_KB: u32 = 4_096;
/// Log lines of one call.
pub const LOG_LINES: u32 = 1_000;
/// Memory in MiB.
pub const MEMORY_MB: u32 = 64;
/// Host calls.
pub const HOST_CALLS: u32 = 10_000;
/// Requests to other servers.
pub const HTTP_CALLS: u32 = 100;
/// Calls of one module of one tenant at the same time.
pub const MODULE_AT_ONCE: u32 = 32;
/// Calls of all modules of one tenant at the same time.
pub const AT_ONCE: u32 = 64;
/// Bytes of keys and values of one plugin in one tenant.
pub const KV_BYTES: u64 = 100 << 20;
/// Events of one call.
pub const EVENTS: u32 = 500;
