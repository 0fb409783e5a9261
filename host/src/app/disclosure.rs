//! The one place where records become answers: encrypted values are opened for who may see them.

use super::sealing::open_value;
use super::vault::Opener;
use super::{App, AppError};
use crate::domain::caller::Caller;
use crate::domain::filter::Target;
use crate::domain::record::Record;
use crate::domain::view::Expanded;

/// Records on their way into one answer.
pub(super) struct Disclosure<'a> {
    caller: &'a Caller,
    opener: Opener<'a>,
}

impl<'a> Disclosure<'a> {
    /// For an answer to this caller.
    pub fn new(app: &'a App, caller: &'a Caller) -> Self {
        Self { caller, opener: Opener::new(app, caller.tenant) }
    }

    /// A record of which these fields are shown; all when none are named.
    pub async fn show(&mut self, record: &mut Record, shown: Option<&[Target]>) -> Result<(), AppError> {
        for at in 0..record.object.audited.len() {
            let place = record.object.audited[at];
            if shown.is_none_or(|shown| shown.contains(&Target::Field(place))) {
                open_value(&mut self.opener, self.caller.tenant, record, place).await?;
            }
        }
        Ok(())
    }

    /// Records of which all fields are shown.
    pub async fn show_all(&mut self, records: Vec<&mut Record>) -> Result<(), AppError> {
        for record in records {
            self.show(record, None).await?;
        }
        Ok(())
    }

    /// Records that were put beside others.
    pub async fn show_expanded(&mut self, expanded: &mut Expanded) -> Result<(), AppError> {
        let mut left = vec![expanded];
        while let Some(expanded) = left.pop() {
            for (records, beyond) in expanded.0.values_mut() {
                self.show_all(records.values_mut().collect()).await?;
                left.push(beyond);
            }
        }
        Ok(())
    }
}
