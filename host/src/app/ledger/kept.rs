//! A call as it was: what it was called with, what the host answered, and how it ended. Failed ones are given out as
//! files.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::accountability::Invocation;
use crate::domain::plugin::{Fault, Input, Output};
use crate::plugin::{Exchange, Failure, Limits, Transcript};

/// Version of the format.
pub const FORMAT: u32 = 1;
/// Most bytes of the input and the host calls together, as JSON.
pub const ROOM: usize = 1 << 20;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct KeptCall {
    /// Version of the format.
    pub format: u32,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Names the call.
    pub invocation: Uuid,
    /// When it was.
    pub at: String,
    /// Where the host called the plugin.
    pub extension_point: String,
    /// What the call might use.
    pub limits: KeptLimits,
    /// Whether there was no room for all of it: then it cannot be run again.
    pub is_cut: bool,
    /// Whether something was taken out: then it may take another way when it is run again.
    pub is_redacted: bool,
    /// What the plugin was called with; none when there was no room.
    pub input: Option<Input>,
    /// The host calls, in their order.
    pub transcript: Vec<Exchange>,
    /// How it ended.
    pub result: KeptResult,
}

/// What a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct KeptLimits {
    cpu_us: u64,
    wall_us: u64,
    memory: usize,
    payload: usize,
    host_calls: u32,
    http_calls: u32,
    log_lines: u32,
    log_bytes: usize,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum KeptResult {
    /// It answered.
    Answered {
        /// What.
        output: Output,
    },
    /// It said no.
    Refused {
        /// Why.
        fault: Fault,
    },
    /// It failed.
    Failed {
        /// The stable code.
        code: String,
        /// What it says.
        message: String,
        /// Name of the trap.
        trap: Option<String>,
        /// Functions it happened in, innermost first.
        frames: Vec<String>,
    },
}

impl From<&Result<Output, Failure>> for KeptResult {
    fn from(result: &Result<Output, Failure>) -> Self {
        match result {
            Ok(output) => Self::Answered { output: output.clone() },
            Err(failure) => failure.into(),
        }
    }
}

impl From<&Failure> for KeptResult {
    fn from(failure: &Failure) -> Self {
        let (trap, frames) = match failure {
            Failure::Fault(fault) => return Self::Refused { fault: fault.clone() },
            Failure::Trap { trap, frames } => (Some(trap.clone()), frames.clone()),
            _ => (None, Vec::new()),
        };
        Self::Failed { code: failure.code().to_owned(), message: failure.to_string(), trap, frames }
    }
}

impl From<&Limits> for KeptLimits {
    fn from(limits: &Limits) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            cpu_us: micros(limits.cpu),
            wall_us: micros(limits.wall),
            memory: limits.memory,
            payload: limits.payload,
            host_calls: limits.host_calls,
            http_calls: limits.http_calls,
            log_lines: limits.log_lines,
            log_bytes: limits.log_bytes,
        }
    }
}

impl From<KeptLimits> for Limits {
    fn from(kept: KeptLimits) -> Self {
        Self {
            cpu: Duration::from_micros(kept.cpu_us),
            wall: Duration::from_micros(kept.wall_us),
            memory: kept.memory,
            payload: kept.payload,
            host_calls: kept.host_calls,
            http_calls: kept.http_calls,
            log_lines: kept.log_lines,
            log_bytes: kept.log_bytes,
        }
    }
}

impl KeptCall {
    /// A call that ended so.
    pub fn new(
        invocation: &Invocation,
        limits: &Limits,
        input: Input,
        transcript: Transcript,
        result: KeptResult,
    ) -> Self {
        let has_room = size_of(&input) <= ROOM;
        Self {
            format: FORMAT,
            plugin: invocation.plugin.clone(),
            version: invocation.version.clone(),
            digest: None,
            invocation: invocation.id,
            at: invocation.at.to_string(),
            extension_point: invocation.point.clone(),
            limits: limits.into(),
            is_cut: transcript.is_cut || !has_room,
            is_redacted: false,
            input: has_room.then_some(input),
            transcript: transcript.exchanges,
            result,
        }
    }
}

/// How large an input is as JSON.
pub fn size_of(input: &Input) -> usize {
    serde_json::to_vec(input).map_or(usize::MAX, |bytes| bytes.len())
}
