//! What of calls of modules is shown, and what is asked for.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::audit::SubjectView;
use crate::domain::accountability::{Cost, Invocation, Reach, SpentOf};
use crate::store::{AccessRow, FailureRow, LogRow, UsageRow};

/// Which reads and sendings a caller wants to see, as it was written.
#[derive(Clone, Debug, Default)]
pub struct AccessRequest {
    /// Only of this record: `object/id`.
    pub record: Option<String>,
    /// Only of this plugin.
    pub plugin: Option<String>,
    /// Only to this host.
    pub host: Option<String>,
    /// Only from then on.
    pub from: Option<String>,
    /// Page size.
    pub limit: Option<u64>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// Which lines or failures of a module a caller wants to see, as it was written.
#[derive(Clone, Debug, Default)]
pub struct CallsRequest {
    /// Only of this level, or with this code.
    pub word: Option<String>,
    /// Only of this call.
    pub invocation: Option<String>,
    /// Only from then on.
    pub from: Option<String>,
    /// Page size.
    pub limit: Option<u64>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// What one call of a module read of one object, or sent to one host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccessView {
    /// When.
    pub at: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Where the host called it.
    pub extension_point: String,
    /// Names the call.
    pub invocation: Uuid,
    /// For whom it was made; the plugin itself, when nobody asked it to.
    pub actor: SubjectView,
    /// The `X-Request-Id`, or `job:` and the id of the job.
    pub request: Option<String>,
    /// The object that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What was read of it: never values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<Vec<FieldsOfRecords>>,
    /// The host that was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How many requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Bytes of the requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// Bytes of the answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
}

/// Fields, and the records of which they were read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldsOfRecords {
    /// Names of the fields.
    pub fields: Vec<String>,
    /// The records; none when they went into figures over many. With `record`, that one alone.
    pub records: Vec<Uuid>,
}

/// A page of reads and sendings, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccessPage {
    /// The entries.
    pub data: Vec<AccessView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

/// A line that a module wrote.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogLineView {
    /// When.
    pub at: String,
    /// The version of the plugin.
    pub version: String,
    /// Where the host called it.
    pub extension_point: String,
    /// Names the call.
    pub invocation: Uuid,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What it said.
    pub message: String,
    /// Facts beside it.
    pub fields: BTreeMap<String, String>,
}

/// A page of lines, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// The lines.
    pub data: Vec<LogLineView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

/// A call that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FailureView {
    /// Names the failure: the call.
    pub id: Uuid,
    /// When.
    pub at: String,
    /// The version of the plugin.
    pub version: String,
    /// Where the host called it.
    pub extension_point: String,
    /// For whom.
    pub actor: SubjectView,
    /// The `X-Request-Id`, or `job:` and the id of the job.
    pub request: Option<String>,
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
    /// Whether it can be taken out, to be run again.
    pub has_replay: bool,
}

/// A page of failures, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FailurePage {
    /// The failures.
    pub data: Vec<FailureView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

/// What a module cost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModuleUsageView {
    /// The plugin.
    pub plugin: String,
    /// The first day, in UTC.
    pub from: String,
    /// The last day.
    pub to: String,
    /// By day, version and extension point.
    pub data: Vec<UsageDay>,
    /// All of it together.
    pub total: UsageSum,
}

/// What calls at one extension point came to on one day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsageDay {
    /// The day, in UTC.
    pub day: String,
    /// The version of the plugin.
    pub version: String,
    /// Where the host called it.
    pub extension_point: String,
    /// What they came to.
    #[serde(flatten)]
    pub sum: UsageSum,
}

/// What calls came to.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct UsageSum {
    /// How many.
    pub calls: u64,
    /// Those that failed by the plugin's doing, its refusals not among them.
    pub failures: u64,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Wall time in microseconds, waiting included.
    pub wall_us: u64,
    /// Most memory of one call in bytes.
    pub peak_memory: u64,
    /// Host calls.
    pub host_calls: u64,
    /// Records that it was shown.
    pub rows_read: u64,
    /// Bytes that it was shown.
    pub bytes_read: u64,
    /// Bytes that it wanted to have written.
    pub bytes_written: u64,
    /// Bytes that it sent to other servers.
    pub bytes_sent: u64,
}

fn subject(call: &Invocation) -> SubjectView {
    SubjectView { kind: call.actor_kind.clone(), id: call.actor.clone() }
}

/// What a call read or sent; of its records only one, when one was asked for.
pub fn access_view(row: AccessRow, asked: Option<Uuid>) -> AccessView {
    let AccessRow { invocation: call, reach, .. } = row;
    let actor = subject(&call);
    let mut view = AccessView {
        at: call.at.to_string(),
        plugin: call.plugin,
        version: call.version,
        extension_point: call.point,
        invocation: call.id,
        actor,
        request: call.request,
        object: None,
        reads: None,
        host: None,
        requests: None,
        bytes_sent: None,
        bytes_received: None,
    };
    match reach {
        Reach::Records { object, sets, records } => {
            let of_set = |place: usize| {
                let own = records.iter().filter(|(_, set)| *set == place).map(|(id, _)| *id);
                own.filter(|id| asked.is_none_or(|asked| asked == *id)).collect::<Vec<_>>()
            };
            let figures = records.is_empty();
            let reads = sets.into_iter().enumerate().map(|(place, fields)| (fields, of_set(place)));
            let reads = reads.filter(|(_, records)| figures || !records.is_empty());
            view.object = Some(object);
            view.reads = Some(reads.map(|(fields, records)| FieldsOfRecords { fields, records }).collect());
        }
        Reach::Host { host, requests, bytes_out, bytes_in } => {
            (view.host, view.requests) = (Some(host), Some(requests));
            (view.bytes_sent, view.bytes_received) = (Some(bytes_out), Some(bytes_in));
        }
    }
    view
}

/// A line.
pub fn log_view(row: LogRow) -> LogLineView {
    LogLineView {
        at: row.at.to_string(),
        version: row.version,
        extension_point: row.point,
        invocation: row.invocation,
        level: row.line.level,
        message: row.line.message,
        fields: row.line.fields.into_iter().collect(),
    }
}

/// A failure.
pub fn failure_view(row: FailureRow) -> FailureView {
    let FailureRow { invocation: call, note, has_transcript } = row;
    FailureView {
        actor: subject(&call),
        id: call.id,
        at: call.at.to_string(),
        version: call.version,
        extension_point: call.point,
        request: call.request,
        code: note.code,
        message: note.message,
        trap: note.trap,
        frames: note.frames,
        spent: note.spent,
        has_replay: has_transcript,
    }
}

/// What was counted on a day.
pub fn usage_day(row: UsageRow) -> UsageDay {
    UsageDay { day: row.day, version: row.version, extension_point: row.point, sum: sum(&row.cost) }
}

/// What calls came to.
pub fn sum(cost: &Cost) -> UsageSum {
    UsageSum {
        calls: cost.calls,
        failures: cost.failures,
        cpu_us: cost.cpu_us,
        wall_us: cost.wall_us,
        peak_memory: cost.peak_memory,
        host_calls: cost.host_calls,
        rows_read: cost.rows_read,
        bytes_read: cost.bytes_read,
        bytes_written: cost.bytes_written,
        bytes_sent: cost.bytes_sent,
    }
}
