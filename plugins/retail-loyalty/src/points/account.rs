//! The account of a member: lots, and what is owed when more went than was there.
//!
//! Whatever happens is told as lines of the ledger. Their sum is always what the lots hold less what is owed.

use super::lot::{Lot, State};
use crate::calendar::Date;

/// Why points come or go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An order carried nothing before.
    Earn,
    /// An order carries more or less than before.
    Adjust,
    /// An order carries nothing any more.
    Reverse,
    /// A part of an order was paid back.
    Refund,
    /// A gift: a birthday, a friend, a kindness.
    Bonus,
    /// They come from another system.
    Import,
    /// They were spent.
    Redeem,
    /// What was spent comes back.
    Return,
    /// They became too old, or that was taken back.
    Expire,
    /// New points pay what was owed: out of the lot, and into the debt.
    Settle,
    /// They move to another member.
    Transfer,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Earn,
        Self::Adjust,
        Self::Reverse,
        Self::Refund,
        Self::Bonus,
        Self::Import,
        Self::Redeem,
        Self::Return,
        Self::Expire,
        Self::Settle,
        Self::Transfer,
    ];

    /// As records have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earn => "earn",
            Self::Adjust => "adjust",
            Self::Reverse => "reverse",
            Self::Refund => "refund",
            Self::Bonus => "bonus",
            Self::Import => "import",
            Self::Redeem => "redeem",
            Self::Return => "return",
            Self::Expire => "expire",
            Self::Settle => "settle",
            Self::Transfer => "transfer",
        }
    }

    /// As [`Kind::as_str`] has it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it says what an order carries: what was spent on the order does not.
    pub fn is_of_order(self) -> bool {
        matches!(self, Self::Earn | Self::Adjust | Self::Reverse | Self::Refund)
    }

    /// Whether it counts for what a member has earned in all.
    pub fn is_earning(self) -> bool {
        self.is_of_order() || matches!(self, Self::Bonus | Self::Import)
    }
}

/// A line of the ledger: points that come to a lot, or go from it; without a lot, they are owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    pub lot: Option<String>,
    pub points: i64,
}

/// What a member has: all of it, or the lots that matter to what happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub lots: Vec<Lot>,
    /// Points that are gone although they were spent already: never below zero.
    pub owed: i64,
}

impl Account {
    /// The points that can be spent on a day, except on the order that brings them.
    pub fn usable(&self, today: Date, on_order: Option<&str>) -> i64 {
        self.lots.iter().filter(|lot| lot.is_usable(today) && !is_of(lot, on_order)).map(|lot| lot.remaining).sum()
    }

    /// Spends points, those with the nearest end first. When there are too few, nothing is spent.
    pub fn redeem(&mut self, points: i64, today: Date, on_order: Option<&str>) -> Option<Vec<Line>> {
        if points <= 0 || self.usable(today, on_order) < points {
            return None;
        }
        let (lines, _) =
            self.take(points, Kind::Redeem, State::Spent, |lot| lot.is_usable(today) && !is_of(lot, on_order));
        Some(lines)
    }

    /// Takes back what an order has brought: out of its own lots first, then out of others. What became too old
    /// meanwhile is gone already. What is missing is owed.
    pub fn reverse(&mut self, kind: Kind, order: &str, points: i64, today: Date) -> Vec<Line> {
        let (mut lines, mut missing) = self.take(points, kind, State::Reversed, |lot| is_of(lot, Some(order)));
        for lot in self.lots.iter_mut().filter(|lot| is_of(lot, Some(order)) && lot.expired > 0) {
            let revived = lot.expired.min(missing);
            if revived > 0 {
                lot.expired -= revived;
                lot.state = State::Reversed;
                missing -= revived;
                lines.push(Line { kind: Kind::Expire, lot: Some(lot.id.clone()), points: revived });
                lines.push(Line { kind, lot: Some(lot.id.clone()), points: -revived });
            }
        }
        let (others, missing) = self.take(missing, kind, State::Reversed, |lot| lot.is_usable(today));
        lines.extend(others);
        if missing > 0 {
            self.owed += missing;
            lines.push(Line { kind, lot: None, points: -missing });
        }
        lines
    }

    /// Gives back what was spent to the lots it came out of, which keep their end.
    pub fn give_back(&mut self, lot: &str, points: i64) -> Vec<Line> {
        let Some(found) = self.lots.iter_mut().find(|one| one.id == lot) else { return Vec::new() };
        found.remaining += points;
        found.state = State::Active;
        vec![Line { kind: Kind::Return, lot: Some(found.id.clone()), points }]
    }

    /// What is owed is paid out of lots that can be spent.
    pub fn settle(&mut self, today: Date) -> Vec<Line> {
        if self.owed == 0 {
            return Vec::new();
        }
        let owed = self.owed;
        let (mut lines, missing) = self.take(owed, Kind::Settle, State::Spent, |lot| lot.is_usable(today));
        self.owed = missing;
        if missing < owed {
            lines.push(Line { kind: Kind::Settle, lot: None, points: owed - missing });
        }
        lines
    }

    /// Lots whose day has come can be spent.
    pub fn activate(&mut self, today: Date) -> i64 {
        let due = |lot: &&mut Lot| lot.state == State::Pending && lot.active_on.is_none_or(|day| day <= today);
        let mut points = 0;
        for lot in self.lots.iter_mut().filter(due) {
            lot.state = State::Active;
            points += lot.remaining;
        }
        points
    }

    /// A lot whose last day is past loses what is left.
    pub fn expire_one(&mut self, id: &str, today: Date) -> Vec<Line> {
        let is_due = |lot: &&mut Lot| lot.id == id && lot.remaining > 0 && lot.is_over(today);
        let Some(lot) = self.lots.iter_mut().find(is_due) else { return Vec::new() };
        let line = Line { kind: Kind::Expire, lot: Some(lot.id.clone()), points: -lot.remaining };
        lot.expired += lot.remaining;
        lot.remaining = 0;
        lot.state = State::Expired;
        vec![line]
    }

    /// Takes points out of lots in their order, and says how many are missing.
    fn take(&mut self, points: i64, kind: Kind, when_empty: State, from: impl Fn(&Lot) -> bool) -> (Vec<Line>, i64) {
        let mut lots: Vec<&mut Lot> = self.lots.iter_mut().filter(|lot| lot.remaining > 0 && from(lot)).collect();
        lots.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let mut missing = points;
        let mut lines = Vec::new();
        for lot in lots {
            let taken = lot.remaining.min(missing);
            if taken == 0 {
                break;
            }
            lot.remaining -= taken;
            missing -= taken;
            if lot.remaining == 0 {
                lot.state = when_empty;
            }
            lines.push(Line { kind, lot: Some(lot.id.clone()), points: -taken });
        }
        (lines, missing)
    }
}

fn is_of(lot: &Lot, order: Option<&str>) -> bool {
    order.is_some() && lot.order.as_deref() == order
}

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;
