//! From one stage to another: what kind of step it is, and which gates lie between.

use guildhall_sdk::{Fault, Record};

use super::pipeline::{Pipeline, Stage};
use crate::gate::{self, Criterion};
use crate::moment::Moment;
use crate::working_hours::WorkingHours;

/// What happened to a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Entered,
    Forward,
    Backward,
    Moved,
    Won,
    Lost,
    Reopened,
}

impl Kind {
    /// As the history has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Moved => "moved",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Reopened => "reopened",
        }
    }

    /// What the deal is afterwards.
    pub fn status(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            _ => "open",
        }
    }
}

/// A line of the history, but for whose it is and who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    pub kind: Kind,
    pub from_stage: Option<String>,
    pub to_stage: Option<String>,
    pub from_status: Option<String>,
    /// How long the deal stood in the stage that it left, in all and in working hours.
    pub stay: Option<(i64, i64)>,
}

impl HistoryLine {
    /// How long a deal stayed in the open stage that it leaves now.
    pub fn stay(before: &Record, now: Moment, hours: &WorkingHours) -> Option<(i64, i64)> {
        let entered: Moment = before.datetime("stage_entered_at")?.parse().ok()?;
        Some((now.seconds_since(entered), hours.seconds(entered, now)))
    }
}

/// Where a step begins and where it ends, as places in a pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Nothing, when the deal was not in this pipeline.
    pub from: Option<usize>,
    /// The number of stages, when the deal is won.
    pub to: usize,
}

impl Way {
    /// Refuses a step that the pipeline or a gate does not let pass. The way back is always open.
    pub fn pass(self, pipeline: &Pipeline, deal: &Record, has_lines: bool) -> Result<(), Fault> {
        let next = self.from.map_or(0, |from| from + 1);
        if pipeline.is_sequential && self.to > next {
            let message = "In this pipeline no stage is skipped.";
            return Err(Fault::new("stage_skipped", message).with_detail("field", "stage"));
        }
        gate::pass(self.criteria(&pipeline.stages), deal, has_lines)
    }

    /// What the stages between ask for: those that are left, and those that are entered.
    fn criteria(self, stages: &[Stage]) -> impl Iterator<Item = &Criterion> {
        let left = self.from.unwrap_or(0)..self.to.min(stages.len());
        let entered = self.from.map_or(0, |from| from + 1)..(self.to + 1).min(stages.len());
        let in_range = |range: std::ops::Range<usize>| stages.get(range).unwrap_or_default().iter();
        let exits = in_range(left).flat_map(|stage| &stage.exit);
        in_range(entered).flat_map(|stage| &stage.entry).chain(exits)
    }
}
