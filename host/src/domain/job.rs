//! Jobs: work that goes on after the request that asked for it.

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its time or for a runner.
    Queued,
    /// A runner works on it.
    Running,
    /// It ended well.
    Done,
    /// It ended badly; `error` says why.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

/// How far a job has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What there is to do, in the same unit; unknown when missing.
    pub total: Option<u64>,
    /// How many of each kind.
    #[schema(value_type = Object)]
    pub counts: std::collections::BTreeMap<String, u64>,
}

impl JobState {
    /// All states.
    const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more will come.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}
