//! Lots as the ledger keeps them: in the entry that brought the points.

use guildhall_sdk::{Fault, Query, Record, filter, records};

use crate::calendar::date;
use crate::carried::each_entry;
use crate::ledger::ENTRY;
use crate::points::account::Kind;
use crate::points::lot::{Lot, State};

/// What is left in a lot that the first version of this module wrote, until the order's entries tell.
const UNKNOWN: i64 = -1;

/// The lot of an entry, if it brought points.
pub fn read(entry: &Record, kind: Kind) -> Option<Lot> {
    let earned = entry.integer("points").unwrap_or_default();
    let brings = match kind {
        Kind::Redeem | Kind::Return | Kind::Expire | Kind::Settle => false,
        _ => earned > 0,
    };
    let day = |field| entry.date(field).and_then(|day| date(day).ok());
    brings.then(|| Lot {
        id: entry.id().to_owned(),
        order: entry.link("order").map(str::to_owned),
        earned,
        remaining: entry.integer("remaining").unwrap_or(UNKNOWN),
        expired: 0,
        expires_on: day("expires_on"),
        active_on: day("active_on"),
        state: entry.text("state").and_then(State::parse).unwrap_or(State::Active),
    })
}

/// The lot of an entry of any kind.
pub fn of(entry: &Record) -> Option<Lot> {
    read(entry, entry.text("kind").and_then(Kind::parse)?)
}

/// The state of a lot of the first version, when it is known what is left.
pub fn state_of_old(lot: &Lot) -> State {
    if lot.remaining > 0 { State::Active } else { State::Reversed }
}

/// The lots of a member that something is left in and that are in one of these states.
pub fn open(member: &str, states: &[State]) -> Result<Vec<Lot>, Fault> {
    let condition = filter::and([
        filter::eq("member", member),
        filter::any_of("state", states.iter().map(|state| state.as_str())),
        filter::gt("remaining", 0),
    ]);
    let mut lots = Vec::new();
    each_entry(&condition, |entry| lots.extend(of(entry)))?;
    Ok(lots)
}

/// Lots by their ids, each with the member whose it is.
pub fn by_ids(ids: &[&str]) -> Result<Vec<(String, Lot)>, Fault> {
    let mut lots = Vec::new();
    for ids in ids.chunks(Query::MOST as usize) {
        let query = Query::new().filter(filter::any_of("id", ids.iter().copied())).limit(Query::MOST);
        let found = records::query(ENTRY, query)?;
        lots.extend(found.iter().filter_map(|entry| Some((entry.link("member")?.to_owned(), of(entry)?))));
    }
    Ok(lots)
}
