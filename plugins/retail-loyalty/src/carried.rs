//! What the ledger says about an order: who holds points of it, and what was paid back.

use std::collections::BTreeMap;

use guildhall_sdk::{Decimal, Fault, Record, filter, records};

use crate::ledger::ENTRY;
use crate::points::account::Kind;
use crate::points::lot::Lot;
use crate::stored_lot;

/// How many orders one query asks about.
const ORDERS_PER_QUERY: usize = 100;

/// Points of one order that a member holds, by the rules or by one campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub member: String,
    pub campaign: Option<String>,
    pub points: i64,
    pub qualifying: i64,
    /// The same without what refunds took back.
    pub gross: (i64, i64),
    /// What the tier made of the points when they came.
    pub multiplier: Option<Decimal>,
}

/// Points that were spent on an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    pub member: String,
    pub operation: String,
    pub lot: String,
    pub points: i64,
}

/// What the ledger says about one order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carried {
    pub parts: Vec<Part>,
    /// What of the total was paid back.
    pub refunded: Option<Decimal>,
    /// Lots that the order brought, with the member who has them.
    pub lots: Vec<(String, Lot)>,
    /// What was spent on the order, and not given back.
    pub spent: Vec<Spent>,
}

impl Carried {
    /// Reads what the ledger says about these orders.
    pub fn of_orders(orders: &[&str]) -> Result<BTreeMap<String, Self>, Fault> {
        let mut found = BTreeMap::new();
        for orders in orders.chunks(ORDERS_PER_QUERY) {
            let of_orders = filter::any_of("order", orders.iter().copied());
            each_entry(&of_orders, |entry| {
                if let Some(order) = entry.link("order") {
                    found.entry(order.to_owned()).or_insert_with(Self::default).add(entry);
                }
            })?;
        }
        found.values_mut().for_each(Self::complete);
        Ok(found)
    }

    /// Takes note of an entry of the order; they come the oldest first.
    pub fn add(&mut self, entry: &Record) {
        let (Some(member), Some(kind)) = (entry.link("member"), entry.text("kind").and_then(Kind::parse)) else {
            return;
        };
        let points = entry.integer("points").unwrap_or_default();
        if let Some(lot) = stored_lot::read(entry, kind) {
            self.lots.push((member.to_owned(), lot));
        }
        if kind.is_of_order() {
            self.add_part(member, entry, points, kind);
            let refunded = entry.decimal("refunded").filter(|_| kind == Kind::Refund);
            if let Some(amount) = refunded {
                self.refunded = self.refunded.unwrap_or(Decimal::ZERO).checked_add(amount);
            }
        }
        let Some(lot) = entry.link("lot") else { return };
        match kind {
            Kind::Redeem | Kind::Return => self.add_spent(member, entry, lot, -points),
            Kind::Expire => {
                if let Some((_, expired)) = self.lots.iter_mut().find(|(_, one)| one.id == lot) {
                    expired.expired -= points;
                }
            }
            _ => {}
        }
    }

    /// The lots of the first version of this module that are not opened.
    pub fn unopened(&self) -> impl Iterator<Item = &str> {
        self.lots.iter().filter(|(_, lot)| lot.remaining < 0).map(|(_, lot)| lot.id.as_str())
    }

    /// The members who hold points of the order, or have spent some on it.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        let holders = self.parts.iter().map(|part| part.member.as_str());
        holders.chain(self.spent.iter().map(|spent| spent.member.as_str()))
    }

    fn add_part(&mut self, member: &str, entry: &Record, points: i64, kind: Kind) {
        let campaign = entry.link("campaign");
        let qualifying = entry.integer("qualifying").unwrap_or_default();
        let multiplier = entry.decimal("multiplier");
        let withheld = |field: &str| entry.integer(field).unwrap_or_default();
        let gross = match kind {
            Kind::Refund => (0, 0),
            _ => (points + withheld("withheld"), qualifying + withheld("withheld_qualifying")),
        };
        match self.parts.iter_mut().find(|part| part.is_of(member, campaign)) {
            Some(part) => {
                part.points += points;
                part.qualifying += qualifying;
                part.gross = (part.gross.0 + gross.0, part.gross.1 + gross.1);
                // What is earned anew is earned at the rate of that moment.
                part.multiplier = if kind == Kind::Earn { multiplier } else { multiplier.or(part.multiplier) };
            }
            None => self.parts.push(Part {
                member: member.to_owned(),
                campaign: campaign.map(str::to_owned),
                points,
                qualifying,
                gross,
                multiplier,
            }),
        }
    }

    fn add_spent(&mut self, member: &str, entry: &Record, lot: &str, points: i64) {
        let operation = entry.text("redemption").unwrap_or_default();
        match self.spent.iter_mut().find(|spent| spent.operation == operation && spent.lot == lot) {
            Some(spent) => spent.points += points,
            None => self.spent.push(Spent {
                member: member.to_owned(),
                operation: operation.to_owned(),
                lot: lot.to_owned(),
                points,
            }),
        }
    }

    /// Entries of the first version of this module have no lots. Nothing could be spent then: what a member holds of
    /// the order is what is left, in the entries that came last.
    pub fn complete(&mut self) {
        self.spent.retain(|spent| spent.points > 0);
        for part in &self.parts {
            let mut left = part.points;
            let old = |(member, lot): &&mut (String, Lot)| *member == part.member && lot.remaining < 0;
            for (_, lot) in self.lots.iter_mut().rev().filter(old) {
                lot.remaining = lot.earned.min(left.max(0));
                left -= lot.remaining;
                lot.state = stored_lot::state_of_old(lot);
            }
        }
    }
}

impl Part {
    pub fn is_of(&self, member: &str, campaign: Option<&str>) -> bool {
        self.member == member && self.campaign.as_deref() == campaign
    }
}

/// Shows all entries that meet a condition, the oldest first.
pub fn each_entry(condition: &filter::Filter, show: impl FnMut(&Record)) -> Result<(), Fault> {
    records::each(ENTRY, Some(condition), show)
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::Value;

    use super::*;

    fn entry(id: &str, kind: &str, points: i64) -> Record {
        Record::new().set("id", id).set("member", "m").set("order", "o").set("kind", kind).set("points", points)
    }

    fn read(entries: &[Record]) -> Carried {
        let mut carried = Carried::default();
        for entry in entries {
            carried.add(entry);
        }
        carried.complete();
        carried
    }

    #[test]
    fn what_was_spent_on_an_order_is_not_what_it_carries() {
        let lot = |record: Record| record.set("remaining", 4).set("state", "active");
        let spent = |record: Record| record.set("lot", "x").set("redemption", "r");
        let carried = read(&[
            lot(entry("a", "earn", 10)),
            spent(entry("b", "redeem", -7)),
            spent(entry("c", "return", 2)),
            entry("d", "refund", -6).set("lot", "a").set("refunded", "12.50"),
            entry("e", "refund", 0).set("refunded", "0.50"),
        ]);
        assert_eq!(carried.parts.iter().map(|part| part.points).collect::<Vec<_>>(), [4]);
        assert_eq!(carried.refunded, Some("13".parse().unwrap()));
        assert_eq!(carried.spent.iter().map(|spent| spent.points).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn what_a_refund_withheld_counts_for_further_ones_however_many_lines_there_are() {
        let carried = read(&[
            entry("a", "refund", 0).set("refunded", "30"),
            entry("b", "earn", 70).set("withheld", 30).set("withheld_qualifying", 3),
            entry("c", "refund", -20).set("refunded", "20"),
            // One step of two lines: what it withholds stands in the first.
            entry("d", "adjust", -10).set("withheld", -1),
            entry("e", "adjust", -25),
        ]);
        assert_eq!((carried.parts[0].points, carried.parts[0].gross), (15, (64, 3)));
    }

    #[test]
    fn entries_of_the_first_version_become_lots() {
        let carried = read(&[entry("a", "earn", 100), entry("b", "adjust", -50), entry("c", "adjust", 20)]);
        let lots: Vec<(&str, i64)> = carried.lots.iter().map(|(_, lot)| (lot.id.as_str(), lot.remaining)).collect();
        assert_eq!(lots, [("a", 50), ("c", 20)]);
        let gone = read(&[entry("a", "earn", 100), entry("b", "reverse", -100)]);
        assert_eq!((gone.lots[0].1.remaining, gone.lots[0].1.state.as_str()), (0, "reversed"));
        assert_eq!(Value::from(gone.parts[0].points), 0);
    }
}
