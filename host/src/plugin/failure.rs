//! How a call can fail: the stable codes that callers and vendors see.

use wasmtime::{Error, Trap, WasmBacktrace};

use crate::domain::plugin::Fault;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The plugin said no.
    #[error("{}", .0.message)]
    Fault(Fault),
    /// The plugin crashed.
    #[error("the module stopped: {trap}")]
    Trap {
        /// Name of the trap.
        trap: String,
        /// Names of the functions it happened in, innermost first; for the log.
        frames: Vec<String>,
    },
    /// It used more CPU time than it may.
    #[error("the module used more CPU time than it may")]
    CpuLimit,
    /// It asked for more memory than it may.
    #[error("the module asked for more memory than it may")]
    MemoryLimit,
    /// It sent or returned more than it may.
    #[error("the module sent more data than it may")]
    PayloadLimit,
    /// It took longer than it may.
    #[error("the module took longer than it may")]
    WallTimeout,
    /// It asked the host more often than it may.
    #[error("the module made more host calls than it may")]
    HostCallLimit,
    /// It answered in a form that is none.
    #[error("the module answered wrongly: {0}")]
    BadAnswer(String),
    /// Too many calls are running.
    #[error("too many module calls are running")]
    Overloaded,
    /// It failed so often that it is not called for a while.
    #[error("the module failed too often and is not called for now")]
    Suspended {
        /// How long.
        wait: std::time::Duration,
    },
    /// It waited for the host, or for its turn, longer than a caller can be kept waiting.
    #[error("the host was too slow for the module")]
    HostSlow,
    /// The host itself failed; details are in the log.
    #[error("the host failed while it ran the module")]
    HostFault,
}

/// Why the host stops a running guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// CPU time is used up.
    #[error("CPU time is used up")]
    Cpu,
    /// Its own time is used up.
    #[error("its time is used up")]
    Wall,
    /// Host calls are used up.
    #[error("host calls are used up")]
    HostCalls,
    /// Too many calls take long.
    #[error("too many calls take long")]
    Crowded,
    /// The host gave an answer of another kind than was asked for.
    #[error("the host answered wrongly")]
    Host,
}

impl Failure {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fault(_) | Self::BadAnswer(_) => "plugin_error",
            Self::Trap { .. } => "plugin_trap",
            Self::CpuLimit => "cpu_limit",
            Self::MemoryLimit => "memory_limit",
            Self::PayloadLimit => "payload_limit",
            Self::WallTimeout => "wall_timeout",
            Self::HostCallLimit => "host_call_limit",
            Self::Overloaded | Self::HostSlow => "overloaded",
            Self::HostFault => "host_fault",
            Self::Suspended { .. } => "module_suspended",
        }
    }

    /// Whether it is the plugin's doing, and no answer that it meant to give.
    pub fn is_breakage(&self) -> bool {
        match self {
            Self::Trap { .. }
            | Self::CpuLimit
            | Self::MemoryLimit
            | Self::PayloadLimit
            | Self::WallTimeout
            | Self::HostCallLimit
            | Self::BadAnswer(_) => true,
            Self::Fault(_) | Self::Overloaded | Self::HostSlow | Self::HostFault | Self::Suspended { .. } => false,
        }
    }

    /// Tells what a failed call means. `memory_refused` is what the memory
    /// watch saw, because the guest only shows that its allocator gave up.
    pub(super) fn of(error: &Error, memory_refused: bool) -> Self {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return match stop {
                Stop::Cpu => Self::CpuLimit,
                Stop::Wall => Self::WallTimeout,
                Stop::HostCalls => Self::HostCallLimit,
                Stop::Crowded => Self::Overloaded,
                Stop::Host => Self::HostFault,
            };
        }
        if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
            return Self::Overloaded;
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            if memory_refused {
                return Self::MemoryLimit;
            }
            let frames = error.downcast_ref::<WasmBacktrace>().map(|trace| {
                let names = trace.frames().iter().map(|frame| frame.func_name().unwrap_or("?").to_owned());
                names.collect()
            });
            return Self::Trap { trap: trap.to_string(), frames: frames.unwrap_or_default() };
        }
        // wasmtime keeps the type of this error to itself; the text is all there is.
        if format!("{error:#}").contains("too much data") {
            return Self::PayloadLimit;
        }
        if memory_refused {
            return Self::MemoryLimit;
        }
        // Our host functions raise nothing but `Stop`; what is left is a guest that broke the rules of
        // the border: text that is no UTF-8, a list outside of its memory.
        tracing::warn!(error = %format!("{error:#}"), "a module broke the rules of the component model");
        Self::Trap { trap: "it broke the rules of the component model".to_owned(), frames: Vec::new() }
    }
}
