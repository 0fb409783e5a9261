//! What the host keeps of calls of modules: what they cost, read and sent, what they said, and how they failed.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::clock::Timestamp;

/// One call of a module, and for whom it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Names it.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The extension point.
    pub point: String,
    /// `user`, `key` or `plugin`.
    pub actor_kind: String,
    /// Which.
    pub actor: String,
    /// The request, or `job:` and the id of the job.
    pub request: Option<String>,
}

/// What a call read of one object, or sent to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Records of an object: lists of names of fields, and which of them was read of which record, by place.
    Records {
        /// The object.
        object: String,
        /// Lists of names of fields.
        sets: Vec<Vec<String>>,
        /// Records, each with the place of its list; none for figures.
        records: Vec<(Uuid, usize)>,
    },
    /// Requests to a host.
    Host {
        /// Its name.
        host: String,
        /// How many.
        requests: u64,
        /// Bytes of the requests.
        bytes_out: u64,
        /// Bytes of the answers.
        bytes_in: u64,
    },
}

/// A line that a module wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`; what the module said when it is none of these.
    pub level: String,
    /// What it said.
    pub message: String,
    /// Facts beside it.
    pub fields: Vec<(String, String)>,
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct SpentOf {
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Wall time in microseconds, waiting included.
    pub wall_us: u64,
    /// Most memory in bytes.
    pub memory: u64,
    /// Host calls.
    pub host_calls: u64,
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureNote {
    /// The stable code.
    pub code: String,
    /// What it says.
    pub message: String,
    /// Name of the trap.
    pub trap: Option<String>,
    /// Functions it happened in, innermost first.
    pub frames: Vec<String>,
    /// What it used.
    pub spent: SpentOf,
    /// What it was called with and answered; sealed where there are keys.
    pub transcript: Option<String>,
}

/// Everything that is kept of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallAccount {
    /// The call.
    pub invocation: Invocation,
    /// What it read and where it sent.
    pub reaches: Vec<Reach>,
    /// What it said.
    pub lines: Vec<LogLine>,
    /// How it failed.
    pub failure: Option<FailureNote>,
    /// The call as it was, and how many of the newest of its module are kept.
    pub recording: Option<(String, u32)>,
}

impl CallAccount {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.reaches.is_empty() && self.lines.is_empty() && self.failure.is_none() && self.recording.is_none()
    }
}

/// What calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many.
    pub calls: u64,
    /// Those that failed by the plugin's doing, its refusals not among them.
    pub failures: u64,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// Most memory of one call in bytes.
    pub peak_memory: u64,
    /// Host calls.
    pub host_calls: u64,
    /// Records that were shown.
    pub rows_read: u64,
    /// Bytes that were shown.
    pub bytes_read: u64,
    /// Bytes that were to be written.
    pub bytes_written: u64,
    /// Bytes that were sent to other servers.
    pub bytes_sent: u64,
}

impl Cost {
    /// Adds what other calls came to.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.failures += other.failures;
        self.cpu_us += other.cpu_us;
        self.wall_us += other.wall_us;
        self.peak_memory = self.peak_memory.max(other.peak_memory);
        self.host_calls += other.host_calls;
        self.rows_read += other.rows_read;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        self.bytes_sent += other.bytes_sent;
    }
}

/// Lists of names of fields, and the place of each record's list, as they are kept.
pub fn records_json(records: &[(Uuid, usize)]) -> Json {
    Json::Object(records.iter().map(|(id, set)| (id.to_string(), Json::from(*set))).collect())
}

#[cfg(test)]
mod tests {
    use super::Cost;

    #[test]
    fn costs_add_up_and_the_highest_memory_stays() {
        let mut sum = Cost { calls: 1, cpu_us: 10, peak_memory: 7, ..Cost::default() };
        sum.add(&Cost { calls: 2, cpu_us: 5, peak_memory: 3, bytes_sent: 9, ..Cost::default() });
        assert_eq!(sum, Cost { calls: 3, cpu_us: 15, peak_memory: 7, bytes_sent: 9, ..Cost::default() });
    }
}
