//! What becomes of a deal that is changed: where it stands, what it is worth, and what its history says.

mod follows;
mod pipeline;
mod settle;
mod step;
mod worth;

pub use pipeline::{Pipeline, Pipelines, Stage};
pub use settle::{FROZEN, Facts, Lines, Settled, settle};
pub use step::{HistoryLine, Kind};
pub use worth::{look_at_amount, weighted};

#[cfg(test)]
mod tests;
