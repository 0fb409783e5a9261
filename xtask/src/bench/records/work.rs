//! The kinds of work that are measured, and what is to be reached.

use serde::Serialize;

use crate::bench::Engine;
use crate::bench::load::CLIENTS;
use crate::bench::report::{Aim, at_least, at_most};

/// One kind of request on data set M.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Read,
    List,
    DeepPage,
    LinkFilter,
    SearchRare,
    SearchPrefix,
    SearchCommon,
    SearchTwoCommon,
    Aggregate,
    Create,
    Update,
    Batch,
    Mixed,
}

impl Work {
    pub const ALL: [Self; 13] = [
        Self::Read,
        Self::List,
        Self::DeepPage,
        Self::LinkFilter,
        Self::SearchRare,
        Self::SearchPrefix,
        Self::SearchCommon,
        Self::SearchTwoCommon,
        Self::Aggregate,
        Self::Create,
        Self::Update,
        Self::Batch,
        Self::Mixed,
    ];

    /// The file of its requests; those of the raw database stand in `raw-…`.
    pub fn file(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::DeepPage => "deep-page",
            Self::LinkFilter => "link-filter",
            Self::SearchRare => "search-rare",
            Self::SearchPrefix => "search-prefix",
            Self::SearchCommon => "search-common",
            Self::SearchTwoCommon => "search-two-common",
            Self::Aggregate => "aggregate",
            Self::Create => "create",
            Self::Update => "update",
            Self::Batch => "batch",
            Self::Mixed => "mixed",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Read => "W1 get a contact",
            Self::List => "W2 list 50 by city, sorted by name",
            Self::DeepPage => "W2 page 200 of all, sorted by name",
            Self::LinkFilter => "W2 list 50 by the company's city",
            Self::SearchRare => "W3 search, a rare word",
            Self::SearchPrefix => "W3 search, a beginning",
            Self::SearchCommon => "W3 search, a common word",
            Self::SearchTwoCommon => "W3 search, two common words",
            Self::Aggregate => "W9 deals: count and sum by stage, 4 clients",
            Self::Create => "W4 create a contact",
            Self::Update => "W5 change a contact",
            Self::Batch => "W6 batch of 1,000 contacts, one client",
            Self::Mixed => "W10 mixed hour, 200 clients",
        }
    }

    /// How many ask at the same time.
    pub fn clients(self) -> u32 {
        match self {
            Self::Batch => 1,
            // A report of the largest tenant reads all its records.
            Self::Aggregate => 4,
            Self::Mixed => 200,
            _ => CLIENTS,
        }
    }

    /// Whether the raw database writes for it.
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Batch)
    }

    /// Whether the raw database does it beside: one statement would take seconds for two common
    /// words, and the rest of them would run on in the next window.
    pub fn has_raw(self) -> bool {
        !matches!(self, Self::Mixed | Self::SearchTwoCommon)
    }

    /// The aims of the design, measures 3.5.
    pub fn aims(self, engine: Engine, figures: &Figures) -> Vec<Aim> {
        let Figures { per_s, ratio, cpu_us, p50_ms, p99_ms, quiet_disk } = *figures;
        match (self, engine) {
            (Self::Read | Self::List, Engine::Postgres) => vec![at_least("P16: ratio", ratio, 0.6)],
            (Self::Read, Engine::Sqlite) => {
                vec![at_least("P1: ratio", ratio, 0.33), at_most("CPU", cpu_us, 40.0), at_most("p99", p99_ms, 5.0)]
            }
            (Self::List, Engine::Sqlite) => {
                vec![at_least("P2: ratio", ratio, 0.3), at_most("CPU", cpu_us, 300.0), at_most("p99", p99_ms, 15.0)]
            }
            (Self::SearchRare | Self::SearchPrefix, _) => {
                vec![at_least("P3: req/s", per_s, 3_000.0), at_most("p99", p99_ms, 20.0)]
            }
            (Self::SearchCommon | Self::SearchTwoCommon, _) => vec![at_most("P3: p99", p99_ms, 50.0)],
            (Self::Create, _) => {
                let rate = if quiet_disk { 6_000.0 } else { 3_000.0 };
                vec![at_least("P4: ratio", ratio, 0.5), at_least("req/s", per_s, rate)]
            }
            (Self::Batch, _) => vec![at_most("P7: p50", p50_ms, 60.0)],
            _ => Vec::new(),
        }
    }
}

/// The medians that aims are held against; what was not measured is not a number.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub per_s: f64,
    pub ratio: f64,
    pub cpu_us: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub quiet_disk: bool,
}
