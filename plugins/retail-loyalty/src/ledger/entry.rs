//! The entry of a line of the ledger.

use guildhall_sdk::{Record, Value};

use super::About;
use crate::calendar::Date;
use crate::points::account::Line;
use crate::points::lot::Lot;

/// Fields that say nothing are left out.
pub fn of(member: &str, line: &Line, about: &About<'_>, lot: Option<&Lot>) -> Record {
    let text = |value: Option<&str>| value.map(Value::from);
    let number = |number: i64| (number != 0).then(|| Value::from(number));
    let day = |day: Option<Date>| day.map(|day| Value::from(day.to_string()));
    let fields = [
        ("order", text(about.order)),
        ("campaign", text(about.campaign)),
        ("operation", text(about.operation)),
        ("redemption", text(about.redemption)),
        ("reason", text(about.reason)),
        ("once", about.once.clone().map(Value::from)),
        ("qualifying", number(about.qualifying)),
        ("multiplier", about.multiplier.map(Value::from)),
        ("refunded", about.refunded.map(Value::from)),
        ("withheld", number(about.withheld.0)),
        ("withheld_qualifying", number(about.withheld.1)),
        ("lot", text(line.lot.as_deref())),
        ("remaining", lot.map(|lot| Value::from(lot.remaining))),
        ("state", lot.map(|lot| Value::from(lot.state.as_str()))),
        ("expires_on", day(lot.and_then(|lot| lot.expires_on))),
        ("active_on", day(lot.and_then(|lot| lot.active_on))),
    ];
    let entry = Record::new().set("member", member).set("kind", line.kind.as_str()).set("points", line.points);
    fields.into_iter().fold(entry, |entry, (name, value)| match value {
        Some(value) => entry.set(name, value),
        None => entry,
    })
}
