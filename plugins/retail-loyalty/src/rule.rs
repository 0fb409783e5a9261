//! The rule of the programme, without any call to the host.

use guildhall_sdk::{Change, Decimal, Fault, Operation, Record};

use crate::settings::Settings;

/// The fields of an order that its points depend on.
const FIELDS: [&str; 3] = ["contact", "total", "status"];

/// What an order ought to carry after its change.
#[derive(Debug, PartialEq)]
pub struct Claim<'a> {
    /// Id of the order.
    pub order: &'a str,
    /// Whether the order is new, so that the ledger cannot know it yet.
    pub is_new: bool,
    /// Whose points they are.
    pub contact: Option<&'a str>,
    /// How many; never below zero.
    pub points: i64,
}

impl<'a> Claim<'a> {
    /// The contact who earns, if somebody earns anything.
    pub fn earner(&self) -> Option<&'a str> {
        self.contact.filter(|_| self.points > 0)
    }
}

/// What an entry says about the points that an order carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The order carried nothing before.
    Earn,
    /// The order carries more or less than before.
    Adjust,
    /// The order carries nothing any more.
    Reverse,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earn => "earn",
            Self::Adjust => "adjust",
            Self::Reverse => "reverse",
        }
    }
}

/// Points of one order that a member holds by the ledger.
#[derive(Debug, PartialEq)]
pub struct Held {
    pub member: String,
    pub points: i64,
}

/// Points that come to a member, or go.
#[derive(Debug, PartialEq)]
pub struct Posting {
    pub member: String,
    pub kind: Kind,
    pub points: i64,
}

/// Whether a change can matter to the points of its order.
pub fn concerns(change: &Change) -> bool {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => FIELDS.iter().any(|field| before.value(field) != after.value(field)),
        _ => true,
    }
}

/// The currency of an order that earns nothing because of it.
pub fn foreign_currency(change: &Change, settings: &Settings) -> Option<String> {
    let accepted = settings.currency.as_deref()?;
    let total = change.after.as_ref()?.money("total")?;
    (total.currency != accepted).then_some(total.currency)
}

/// What the changed order ought to carry.
pub fn claim<'a>(change: &'a Change, settings: &Settings) -> Result<Claim<'a>, Fault> {
    let after = change.after.as_ref();
    let points = match after {
        Some(_) if foreign_currency(change, settings).is_some() => 0,
        Some(order) => points(order, settings.points_per_unit)?,
        None => 0,
    };
    Ok(Claim {
        order: &change.id,
        is_new: change.operation == Operation::Create,
        contact: after.and_then(|order| order.link("contact")),
        points,
    })
}

/// `total × points per unit`, cut off to a whole number once for the order.
fn points(order: &Record, points_per_unit: Decimal) -> Result<i64, Fault> {
    if matches!(order.text("status"), Some("draft" | "cancelled")) || order.link("contact").is_none() {
        return Ok(0);
    }
    let Some(total) = order.money("total").filter(|total| !total.amount.is_negative()) else {
        return Ok(0);
    };
    total
        .amount
        .checked_mul(points_per_unit)
        .and_then(Decimal::trunc)
        .ok_or_else(|| Fault::new("points_out_of_range", "The order would earn too many points."))
}

/// What turns the points that an order carries into those that it ought to
/// carry: all of them for one member, or none.
pub fn postings(carried: &[Held], member: Option<&str>, points: i64) -> Vec<Posting> {
    let mut postings: Vec<Posting> = carried
        .iter()
        .filter(|held| held.points != 0 && member != Some(held.member.as_str()))
        .map(|held| Posting { member: held.member.clone(), kind: Kind::Reverse, points: -held.points })
        .collect();
    if let Some(member) = member {
        let held = carried.iter().find(|held| held.member == member).map_or(0, |held| held.points);
        if points != held {
            postings.push(Posting {
                member: member.to_owned(),
                kind: if held == 0 { Kind::Earn } else { Kind::Adjust },
                points: points - held,
            });
        }
    }
    postings
}

#[cfg(test)]
mod tests;
