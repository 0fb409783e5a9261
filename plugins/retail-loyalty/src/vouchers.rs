//! Vouchers: how often they can be used is counted down when somebody reserves one, and up when nobody comes.

pub mod rule;

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Query, Record, filter, json, records};

use crate::night::Step;

pub const VOUCHER: &str = "loyalty.voucher";
pub const USE: &str = "loyalty.voucher_use";

/// How many reservations one job releases.
const USES: u32 = 200;

/// What became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Reserved,
    Redeemed,
    Released,
    RolledBack,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Redeemed => "redeemed",
            Self::Released => "released",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// A use changes its state; one that is given up can be used by others.
pub fn give_up(voucher: &str, uses: &[&Record], state: State) -> Result<(), Fault> {
    let Some(record) = records::get(VOUCHER, voucher)? else { return Ok(()) };
    for one in uses {
        records::update(USE, one.id(), Record::new().set("state", state.as_str()))?;
    }
    let left = record.integer("uses_left").unwrap_or_default();
    let back = i64::try_from(uses.len()).unwrap_or_default();
    records::update(VOUCHER, voucher, Record::new().set("uses_left", left + back)).map(drop)
}

/// Releases the reservations of a voucher that are overdue, and says how many.
pub fn release_overdue_of(voucher: &str, now: &str) -> Result<usize, Fault> {
    let overdue = filter::and([
        filter::eq("voucher", voucher),
        filter::eq("state", State::Reserved.as_str()),
        filter::lt("reserved_until", now),
    ]);
    let uses = records::query(USE, Query::new().filter(overdue).limit(USES))?;
    if !uses.is_empty() {
        give_up(voucher, &uses.iter().collect::<Vec<_>>(), State::Released)?;
    }
    Ok(uses.len())
}

/// Releases reservations that are overdue, of all vouchers.
pub fn release_overdue(now: &str) -> Result<Step, Fault> {
    let overdue = filter::and([filter::eq("state", State::Reserved.as_str()), filter::lt("reserved_until", now)]);
    let found = records::query(USE, Query::new().filter(overdue).sort(["reserved_until"]).limit(USES))?;
    let mut by_voucher: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for one in &found {
        by_voucher.entry(one.link("voucher").unwrap_or_default()).or_default().push(one);
    }
    for (voucher, uses) in by_voucher {
        give_up(voucher, &uses, State::Released)?;
    }
    Ok(if found.len() < USES as usize { Step::Done } else { Step::More(json!({})) })
}
