//! The parts of `plugin.toml`: where the host calls the plugin, and what it may do.

use serde::{Deserialize, Serialize};

use super::word;

/// Where the host calls the plugin.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hooks {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_write: Vec<WriteHook>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validate: Vec<WriteHook>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub computed_field: Vec<ComputedField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_events: Option<OnEvents>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduled: Vec<Schedule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_route: Vec<Route>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WriteHook {
    #[serde(deserialize_with = "word::object")]
    object: String,
    operations: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    #[serde(default)]
    on_failure: OnFailure,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ComputedField {
    #[serde(deserialize_with = "word::object")]
    object: String,
    fields: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    #[serde(default)]
    on_failure: OnFailure,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OnEvents {
    types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    #[serde(deserialize_with = "word::name")]
    name: String,
    #[serde(deserialize_with = "word::cron")]
    cron: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[serde(deserialize_with = "word::path")]
    path: String,
    methods: Vec<Method>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Create,
    Update,
    Delete,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum OnFailure {
    /// The command fails with the hook.
    #[default]
    Reject,
    /// The command goes on without the hook.
    Allow,
    /// The hook is called once more.
    Retry,
    /// The command goes on, and the module is suspended.
    Disable,
}

/// What the plugin does when it is asked to.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    #[serde(deserialize_with = "word::name")]
    name: String,
    title: String,
    /// A file with the JSON Schema of the input.
    #[serde(default, skip_serializing)]
    pub input: Option<String>,
    #[serde(default)]
    exported: bool,
}

/// What people see of it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    #[serde(deserialize_with = "word::name")]
    name: String,
    title: String,
    kind: ViewKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum ViewKind {
    Page,
    Panel,
    Widget,
}

/// The messaging platform that it connects to.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    #[serde(deserialize_with = "word::name")]
    kind: String,
    title: String,
}

/// A module that must be there.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    #[serde(deserialize_with = "word::id")]
    plugin: String,
    #[serde(default)]
    version: String,
}

/// What the plugin may do.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    #[serde(default)]
    records: Vec<Records>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kv: Option<Kv>,
    #[serde(default)]
    http: Vec<Http>,
    #[serde(default)]
    events: Events,
    #[serde(default)]
    pub jobs: bool,
    #[serde(default, deserialize_with = "word::secrets")]
    secrets: Vec<String>,
    #[serde(default)]
    actions: Vec<Actions>,
    #[serde(default)]
    reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Records {
    #[serde(deserialize_with = "word::object")]
    object: String,
    ops: Vec<Access>,
    fields: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Read,
    Create,
    Update,
    Delete,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kv {
    max_bytes: u64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Http {
    host: String,
    #[serde(default)]
    methods: Vec<Method>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Events {
    #[serde(default)]
    publish: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Actions {
    #[serde(deserialize_with = "word::id")]
    plugin: String,
    actions: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    permission: String,
    text: String,
}
