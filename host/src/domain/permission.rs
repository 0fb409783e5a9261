//! What may be asked for: actions on objects and on areas of the host.

use std::fmt;

/// Something that a subject does to records of an object, or to an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// See it.
    Read,
    /// Add one.
    Create,
    /// Change one.
    Update,
    /// Remove one.
    Delete,
    /// Take many out at once, as a file.
    Export,
    /// Bring many in at once, from a file.
    Import,
    /// Say that several are one.
    Merge,
    /// Let others see one.
    Share,
    /// Change how the host works for this tenant.
    Configure,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Export,
        Self::Import,
        Self::Merge,
        Self::Share,
        Self::Configure,
    ];

    /// Whether it changes records.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Read | Self::Export | Self::Share)
    }

    /// The word used in policies and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Export => "export",
            Self::Import => "import",
            Self::Merge => "merge",
            Self::Share => "share",
            Self::Configure => "configure",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of the host that is not a record: policies name it with `#` in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// Which modules a tenant has enabled, and their settings.
    Modules,
    /// What the tenant's objects and fields are.
    Schema,
    /// The log of all changes.
    Events,
    /// Where events are sent to, and how that went.
    Webhooks,
    /// Work that goes on after a request.
    Jobs,
    /// Who read and changed what.
    Audit,
    /// Who works here, in which teams.
    People,
    /// What roles may do.
    Roles,
    /// API keys of others.
    Keys,
    /// What is kept of people: taken out and erased as a whole.
    Privacy,
    /// The tenant as a whole: what it uses, and all of it as a file.
    Tenant,
    /// What modules show and do when they are asked to: their views, routes and actions.
    Actions,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Modules,
        Self::Schema,
        Self::Events,
        Self::Webhooks,
        Self::Jobs,
        Self::Audit,
        Self::People,
        Self::Roles,
        Self::Keys,
        Self::Privacy,
        Self::Tenant,
        Self::Actions,
    ];

    /// The name used in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modules => "#modules",
            Self::Schema => "#schema",
            Self::Events => "#events",
            Self::Webhooks => "#webhooks",
            Self::Jobs => "#jobs",
            Self::Audit => "#audit",
            Self::People => "#people",
            Self::Roles => "#roles",
            Self::Keys => "#keys",
            Self::Privacy => "#privacy",
            Self::Tenant => "#tenant",
            Self::Actions => "#actions",
        }
    }
}
