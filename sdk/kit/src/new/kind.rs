//! What a new plugin begins with.

/// The extension point that a new plugin begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It amends or refuses changes.
    BeforeWrite,
    /// It judges changes.
    Validate,
    /// It hears of events.
    OnEvents,
    /// It does something by name.
    Action,
    /// It does something at times.
    Scheduled,
    /// It answers requests.
    HttpRoute,
    /// It shows something.
    View,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::BeforeWrite, Self::Validate, Self::OnEvents, Self::Action, Self::Scheduled, Self::HttpRoute, Self::View];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeWrite => "before-write",
            Self::Validate => "validate",
            Self::OnEvents => "on-events",
            Self::Action => "action",
            Self::Scheduled => "scheduled",
            Self::HttpRoute => "http-route",
            Self::View => "view",
        }
    }

    /// What the new plugin does.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::BeforeWrite => "Trims the names of contacts.",
            Self::Validate => "Refuses contacts that nobody could reach.",
            Self::OnEvents => "Adds a task for each new contact.",
            Self::Action => "Greets whom it is asked to greet.",
            Self::Scheduled => "Counts the tasks that are late.",
            Self::HttpRoute => "Answers requests with a greeting.",
            Self::View => "Shows the open tasks.",
        }
    }
}
