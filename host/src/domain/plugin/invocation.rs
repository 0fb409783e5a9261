//! What the host calls a plugin with, and what it gets back.

use serde::{Deserialize, Serialize};

use super::extension::ExtensionPoint;
use super::fault::Fault;

/// A change as a hook sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HookChange {
    /// `create`, `update` or `delete`.
    pub operation: String,
    /// Name of the object.
    pub object: String,
    /// Id of the record.
    pub id: String,
    /// The record as it is stored.
    pub before: Option<String>,
    /// The record as it would be stored.
    pub after: Option<String>,
}

/// What a hook says to a change: nothing, fields to amend (a JSON object), or no.
pub type HookOutcome = Result<Option<String>, Fault>;

/// A request to a plugin's own route, or of a messaging platform to its channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RouteRequest {
    /// The method.
    pub method: String,
    /// Path below the plugin's own; empty for a channel.
    pub path: String,
    /// The query string.
    pub query: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RouteResponse {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a plugin is called with. JSON travels as text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "point", content = "input", rename_all = "kebab-case")]
pub enum Input {
    /// Changes to amend or refuse.
    BeforeWrite(Vec<HookChange>),
    /// Changes to judge.
    Validate(Vec<HookChange>),
    /// Records whose fields are computed.
    ComputedField { object: String, fields: Vec<String>, records: Vec<String> },
    /// Events to handle.
    OnEvents(Vec<String>),
    /// A task that is due.
    Scheduled { name: String, due: String },
    /// A request to answer.
    HttpRoute(RouteRequest),
    /// It is switched on.
    Enable,
    /// It comes from another version.
    Upgrade { from: String, to: String },
    /// It is switched off.
    Disable,
    /// A job to do.
    Job { name: String, payload: String },
    /// An action to do.
    Action { name: String, input: String },
    /// A view to draw.
    View { name: String, input: String },
    /// A request of the messaging platform.
    ChannelReceive(RouteRequest),
    /// A message to send.
    ChannelSend(String),
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "output", content = "value", rename_all = "snake_case")]
pub enum Output {
    /// Outcomes of changes, in their order.
    Outcomes(Vec<HookOutcome>),
    /// Verdicts over changes, in their order.
    Verdicts(Vec<Result<(), Fault>>),
    /// JSON objects, in the order of the records.
    Computed(Vec<String>),
    /// It is done.
    Done,
    /// An answer to a request.
    Response(RouteResponse),
    /// A JSON text.
    Json(String),
    /// An answer to the platform, and what it said.
    Received(RouteResponse, Vec<String>),
}

impl Input {
    /// Where the plugin is called.
    pub const fn point(&self) -> ExtensionPoint {
        match self {
            Self::BeforeWrite(_) => ExtensionPoint::BeforeWrite,
            Self::Validate(_) => ExtensionPoint::Validate,
            Self::ComputedField { .. } => ExtensionPoint::ComputedField,
            Self::OnEvents(_) => ExtensionPoint::OnEvents,
            Self::Scheduled { .. } => ExtensionPoint::Scheduled,
            Self::HttpRoute(_) => ExtensionPoint::HttpRoute,
            Self::Enable | Self::Upgrade { .. } | Self::Disable => ExtensionPoint::Lifecycle,
            Self::Job { .. } => ExtensionPoint::Job,
            Self::Action { .. } => ExtensionPoint::Action,
            Self::View { .. } => ExtensionPoint::View,
            Self::ChannelReceive(_) | Self::ChannelSend(_) => ExtensionPoint::Channel,
        }
    }

    /// The objects of the records that it may amend, in their order.
    pub fn objects(&self) -> Vec<String> {
        match self {
            Self::BeforeWrite(changes) => changes.iter().map(|change| change.object.clone()).collect(),
            Self::ComputedField { object, records, .. } => vec![object.clone(); records.len()],
            _ => Vec::new(),
        }
    }

    /// How many things one call is about.
    pub fn size(&self) -> usize {
        match self {
            Self::BeforeWrite(changes) | Self::Validate(changes) => changes.len(),
            Self::ComputedField { records, .. } => records.len(),
            Self::OnEvents(events) => events.len(),
            _ => 1,
        }
    }
}
