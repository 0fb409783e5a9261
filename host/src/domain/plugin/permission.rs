//! What a plugin may do, as its manifest asks for it.

use serde::{Deserialize, Serialize};

use super::Manifest;
use super::host_call::Need;
use crate::domain::permission::Action;

/// What a plugin may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// Records that it may reach.
    #[serde(default)]
    pub records: Vec<RecordPermission>,
    /// Keys and values of its own.
    #[serde(default)]
    pub kv: Option<KvPermission>,
    /// Servers that it may reach.
    #[serde(default)]
    pub http: Vec<HttpPermission>,
    /// Events of its own.
    #[serde(default)]
    pub events: EventPermission,
    /// Whether it may put work aside.
    #[serde(default)]
    pub jobs: bool,
    /// Secrets that it may use.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Actions of other modules that it may call.
    #[serde(default)]
    pub actions: Vec<ActionPermission>,
    /// Why it asks, for the person who consents.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// Actions on one object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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

/// Keys and values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KvPermission {
    /// Most bytes of keys and values together in one tenant.
    #[serde(default = "kv_bytes")]
    pub max_bytes: u64,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpPermission {
    /// Its name, or `*.` and the name that it ends with.
    pub host: String,
    /// The methods; all when empty.
    #[serde(default)]
    pub methods: Vec<String>,
}

/// Events that a plugin publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EventPermission {
    /// Their types, with `*` at the end for any rest.
    #[serde(default)]
    pub publish: Vec<String>,
}

/// Actions of one other module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ActionPermission {
    /// Its plugin.
    pub plugin: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// Why a plugin asks for something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// What it asks for.
    pub permission: String,
    /// Why.
    pub text: String,
}

fn all_fields() -> Vec<String> {
    vec!["*".to_owned()]
}

const fn kv_bytes() -> u64 {
    1 << 20
}

impl RecordPermission {
    /// Whether a field is among them.
    pub fn covers(&self, field: &str) -> bool {
        self.fields.iter().any(|name| name == "*" || name == field)
    }
}

impl HttpPermission {
    /// Whether requests of this method to this host are meant.
    pub fn covers(&self, method: &str, host: &str) -> bool {
        let is_host = match self.host.strip_prefix("*.") {
            Some(end) => host.strip_suffix(end).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => self.host == host,
        };
        is_host && (self.methods.is_empty() || self.methods.iter().any(|own| own == method))
    }
}

impl Manifest {
    /// Whether the plugin may do that with records of the object.
    pub fn grants(&self, object: &str, action: Action) -> Option<&RecordPermission> {
        self.permissions.records.iter().find(|grant| grant.object == object && grant.ops.contains(&action))
    }

    /// Whether the plugin asks for what a host call needs, and was granted it.
    pub fn allows(&self, need: &Need<'_>) -> bool {
        let asked = &self.permissions;
        match need {
            Need::Nothing => true,
            Need::Records { object, action } => self.grants(object, *action).is_some(),
            Need::Kv => asked.kv.is_some(),
            Need::Http { host, method } => asked.http.iter().any(|http| http.covers(method, host)),
            Need::Event { kind } => asked.events.publish.iter().any(|own| match own.strip_suffix('*') {
                Some(start) => kind.starts_with(start),
                None => own == kind,
            }),
            Need::Jobs => asked.jobs,
            Need::Secret { name } => asked.secrets.iter().any(|own| own == name),
            Need::Action { plugin, name } => {
                asked.actions.iter().any(|own| own.plugin == *plugin && own.actions.iter().any(|own| own == name))
            }
        }
    }
}
