//! What a plugin says of itself: the manifest, as it travels inside the component.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::object::ObjectDef;
use super::permission::Action;

/// Version of the manifest format that this host reads.
pub const SCHEMA: u32 = 1;

/// The manifest of a plugin.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the manifest.
    pub schema: u32,
    /// `publisher.name`, for ever the same.
    pub id: String,
    /// First part of the names of its objects.
    pub namespace: String,
    /// What people read.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Its version.
    pub version: String,
    /// The oldest host API that it works with.
    pub api: String,
    /// Where the host calls it.
    #[serde(default)]
    pub hooks: Hooks,
    /// What it may do.
    #[serde(default)]
    pub permissions: Permissions,
    /// What it needs of the machine.
    #[serde(default)]
    pub limits: LimitRequest,
    /// Its settings.
    #[serde(default)]
    pub config: Config,
    /// The objects that it brings.
    #[serde(default)]
    pub objects: Vec<ObjectDef>,
}

/// Where the host calls a plugin.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Before changes of these objects are committed.
    #[serde(default, rename = "before-write")]
    pub before_write: Vec<BeforeWrite>,
}

/// One `before-write` hook.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BeforeWrite {
    /// The object.
    pub object: String,
    /// Which changes; all when empty.
    #[serde(default)]
    pub operations: Vec<Action>,
    /// Longest wall time.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// What becomes of the change when the hook itself fails.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What becomes of a change whose hook failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is refused.
    #[default]
    Reject,
    /// It goes on as if the hook were not there.
    Allow,
}

/// What a plugin may do.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// Records that it may reach.
    #[serde(default)]
    pub records: Vec<RecordPermission>,
    /// Why it asks, for the person who consents.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// Actions on one object.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordPermission {
    /// The object.
    pub object: String,
    /// The actions.
    pub ops: Vec<Action>,
    /// The fields that it sees and sets; `*` for all.
    #[serde(default = "all_fields")]
    pub fields: Vec<String>,
}

/// Why a plugin asks for something.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// What it asks for.
    pub permission: String,
    /// Why.
    pub text: String,
}

/// What a plugin needs of the machine; the host's caps bound it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitRequest {
    /// Memory of one call.
    #[serde(default)]
    pub memory_mb: Option<u64>,
    /// CPU time of one call.
    #[serde(default)]
    pub cpu_ms: Option<u64>,
}

/// Settings that a tenant gives.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// JSON Schema of the settings.
    #[serde(default)]
    pub schema: Option<Json>,
}

fn all_fields() -> Vec<String> {
    vec!["*".to_owned()]
}

impl BeforeWrite {
    /// Whether it wants to see this kind of change.
    pub fn wants(&self, object: &str, action: Action) -> bool {
        self.object == object && (self.operations.is_empty() || self.operations.contains(&action))
    }
}

impl Manifest {
    /// Whether the plugin may do that with records of the object.
    pub fn grants(&self, object: &str, action: Action) -> Option<&RecordPermission> {
        self.permissions.records.iter().find(|grant| grant.object == object && grant.ops.contains(&action))
    }
}

impl RecordPermission {
    /// Whether a field is among them.
    pub fn covers(&self, field: &str) -> bool {
        self.fields.iter().any(|name| name == "*" || name == field)
    }
}

/// A failure that crosses the border between host and plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code, lower snake case.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same call may succeed when it is made again.
    pub retryable: bool,
    /// Further facts: a JSON object as text.
    pub details: Option<String>,
}

impl Fault {
    /// A fault that will be the same next time.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false, details: None }
    }
}
