//! What both modules ask the host for.

use guildhall_sdk::{Fault, Record, clock, records};

use crate::day::Day;

/// The record with this id, which has to be there; for the desk, as far as the caller sees.
pub fn need(object: &str, id: &str) -> Result<Record, Fault> {
    records::get(object, id)?
        .ok_or_else(|| Fault::new("not_found", format!("There is no {object} {id}.")).with_detail("id", id))
}

/// The day in UTC.
pub fn today() -> Result<Day, Fault> {
    Day::of_moment(&clock::now()).map_err(|_| Fault::internal("The host's clock shows no day."))
}
