//! What a plugin says of itself: the manifest, as it travels inside the component.

mod capability;
pub mod caps;
mod check;
mod extension;
mod fault;
mod host_call;
mod invocation;
mod permission;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::object::ObjectDef;

pub use capability::Capability;
pub use check::{Wrong, check, steers};
pub use extension::{
    ActionDef, Channel, ComputedField, ExtensionPoint, Hooks, OnEvents, OnFailure, Route, Schedule, ViewDef, ViewKind,
    WriteHook,
};
pub use fault::Fault;
pub use host_call::{HostAnswer, HostCall, HttpRequest, HttpResponse, Need, REDACTED};
pub use invocation::{HookChange, HookOutcome, Input, Output, RouteRequest, RouteResponse};
pub use permission::{
    ActionPermission, EventPermission, HttpPermission, KvPermission, Permissions, Reason, RecordPermission,
};

/// Version of the manifest format that this host reads.
pub const SCHEMA: u32 = 1;

/// The host API that this host has: the version of the packages of `wit/`.
pub const API: (u32, u32) = (1, 1);

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
    /// What it does when it is asked to.
    #[serde(default)]
    pub actions: Vec<ActionDef>,
    /// What people see of it.
    #[serde(default)]
    pub views: Vec<ViewDef>,
    /// The messaging platform that it connects to.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// Modules that it stands on.
    #[serde(default)]
    pub requires: Vec<Requirement>,
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

/// A module that must be there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its plugin.
    pub plugin: String,
    /// The oldest version that will do; any when empty.
    #[serde(default)]
    pub version: String,
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

impl Manifest {
    /// Whether the manifest says that the host is to call it there. Lifecycle and jobs need no word: the export will do.
    pub const fn lists(&self, point: ExtensionPoint) -> bool {
        let hooks = &self.hooks;
        match point {
            ExtensionPoint::BeforeWrite => !hooks.before_write.is_empty(),
            ExtensionPoint::Validate => !hooks.validate.is_empty(),
            ExtensionPoint::ComputedField => !hooks.computed_field.is_empty(),
            ExtensionPoint::OnEvents => hooks.on_events.is_some(),
            ExtensionPoint::Scheduled => !hooks.scheduled.is_empty(),
            ExtensionPoint::HttpRoute => !hooks.http_route.is_empty(),
            ExtensionPoint::Action => !self.actions.is_empty(),
            ExtensionPoint::View => !self.views.is_empty(),
            ExtensionPoint::Channel => self.channel.is_some(),
            ExtensionPoint::Lifecycle | ExtensionPoint::Job => false,
        }
    }

    /// Whether an object is one that the plugin brings.
    pub fn is_own(&self, object: &str) -> bool {
        object.strip_prefix(self.namespace.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&ActionDef> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// The view of that name.
    pub fn view(&self, name: &str) -> Option<&ViewDef> {
        self.views.iter().find(|view| view.name == name)
    }
}
