//! Extension points: where the host calls a plugin, as the manifest lists them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::domain::permission::Action;

/// A place where the host calls a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExtensionPoint {
    /// Changes, before they are committed.
    BeforeWrite,
    /// Changes, after every plugin has amended them.
    Validate,
    /// Fields that the plugin computes.
    ComputedField,
    /// Events, after their commit.
    OnEvents,
    /// Times that come.
    Scheduled,
    /// Requests to the plugin's own routes.
    HttpRoute,
    /// The plugin is switched on or off, or changes its version.
    Lifecycle,
    /// Jobs that the plugin queued.
    Job,
    /// Actions by name.
    Action,
    /// Pages and panels.
    View,
    /// A messaging platform.
    Channel,
}

impl ExtensionPoint {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::BeforeWrite,
        Self::Validate,
        Self::ComputedField,
        Self::OnEvents,
        Self::Scheduled,
        Self::HttpRoute,
        Self::Lifecycle,
        Self::Job,
        Self::Action,
        Self::View,
        Self::Channel,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeWrite => "before-write",
            Self::Validate => "validate",
            Self::ComputedField => "computed-field",
            Self::OnEvents => "on-events",
            Self::Scheduled => "scheduled",
            Self::HttpRoute => "http-route",
            Self::Lifecycle => "lifecycle",
            Self::Job => "job",
            Self::Action => "action",
            Self::View => "view",
            Self::Channel => "channel",
        }
    }

    /// Whether somebody waits for it with a change in hand: it must be short, and may run again.
    pub const fn is_hook(self) -> bool {
        matches!(self, Self::BeforeWrite | Self::Validate | Self::ComputedField)
    }

    /// Whether it may change anything.
    pub const fn may_write(self) -> bool {
        !matches!(self, Self::Validate | Self::ComputedField | Self::View)
    }

    /// Whether it may reach other servers.
    pub const fn may_reach_out(self) -> bool {
        !self.is_hook() && !matches!(self, Self::Lifecycle | Self::View)
    }
}

/// Where the host calls a plugin.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hooks {
    /// Before changes of these objects are committed.
    #[serde(default)]
    pub before_write: Vec<WriteHook>,
    /// When these objects have been amended.
    #[serde(default)]
    pub validate: Vec<WriteHook>,
    /// To compute fields of these objects.
    #[serde(default)]
    pub computed_field: Vec<ComputedField>,
    /// After events were committed.
    #[serde(default)]
    pub on_events: Option<OnEvents>,
    /// At times.
    #[serde(default)]
    pub scheduled: Vec<Schedule>,
    /// For requests.
    #[serde(default)]
    pub http_route: Vec<Route>,
}

/// A hook over changes of one object.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WriteHook {
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

/// Fields of an object that the plugin computes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ComputedField {
    /// The object: one that the plugin brings.
    pub object: String,
    /// The fields, which nobody else sets.
    pub fields: Vec<String>,
    /// Longest wall time.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// What becomes of the change when the computing fails.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// Events that a plugin wants to hear of.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OnEvents {
    /// Their types, with `*` for any part: `contact.*`.
    pub types: Vec<String>,
    /// Most events of one call; 100 when not given.
    #[serde(default)]
    pub batch: Option<u32>,
}

/// Something to be done again and again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What it is called.
    pub name: String,
    /// When: a cron line of five parts, or six with seconds in front, in the tenant's timezone.
    pub cron: String,
}

/// Requests that a plugin answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Path below `/api/v1/x/{plugin}`; a last part `*` stands for any rest.
    pub path: String,
    /// The methods.
    pub methods: Vec<String>,
}

/// What a plugin does when it is asked to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ActionDef {
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// JSON Schema of the input; any object when not given.
    #[serde(default)]
    pub input: Option<Json>,
    /// Whether other modules may call it.
    #[serde(default)]
    pub exported: bool,
}

/// What people see of a plugin.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ViewDef {
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// Where it stands.
    pub kind: ViewKind,
    /// For a panel: the object on whose records it stands.
    #[serde(default)]
    pub object: Option<String>,
}

/// Where a view stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// A page of its own.
    Page,
    /// Beside a record.
    Panel,
    /// On a dashboard.
    Widget,
}

/// The messaging platform that a plugin connects to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What it is called: `telegram`.
    pub kind: String,
    /// What people read.
    pub title: String,
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
    /// The command runs once more before it is refused.
    Retry,
    /// It goes on, and the module is suspended until somebody looks at it.
    Disable,
}

impl Hooks {
    /// Whether a route takes this method at this path; none when there is no route of the path.
    pub fn takes(&self, method: &str, path: &str) -> Option<bool> {
        let mut routes = self.http_route.iter().filter(|route| route.matches(path)).peekable();
        routes.peek()?;
        Some(routes.any(|route| route.methods.iter().any(|own| own == method)))
    }
}

impl Route {
    /// Whether a path below the plugin's own is this one.
    pub fn matches(&self, path: &str) -> bool {
        match self.path.strip_suffix("/*") {
            Some(start) => path.strip_prefix(start).is_some_and(|rest| rest.starts_with('/')),
            None => self.path == path,
        }
    }
}

impl WriteHook {
    /// Whether it wants to see this kind of change.
    pub fn wants(&self, object: &str, action: Action) -> bool {
        self.object == object && (self.operations.is_empty() || self.operations.contains(&action))
    }
}
