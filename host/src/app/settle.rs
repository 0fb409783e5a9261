//! What follows from what is staged: modules look at it, and computed fields
//! are brought up to date.

use std::sync::Arc;

use super::hooks::{self, Refused};
use super::unit_of_work::Work;
use super::{AppError, calculate};

/// Lets modules look at what is staged, then gathers roll-ups.
pub async fn settle(work: &Arc<Work>) -> Result<(), Refused> {
    hooks::run(work).await?;
    Ok(calculate::rollups(work).await?)
}

/// The same, where it does not matter which record was refused.
pub async fn settle_all(work: &Arc<Work>) -> Result<(), AppError> {
    settle(work).await.map_err(Refused::into_error)
}
