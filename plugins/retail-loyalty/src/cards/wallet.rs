//! The money on a card, in minor units: what was paid in, what was given on top, and what came back are kept apart.

use crate::calendar::Date;
use crate::points::exact::share;

/// Where money on a card comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Paid in: it can be paid out.
    TopUp,
    /// Given on top: it can only be spent.
    Bonus,
    /// Paid back after it was spent: it can be paid out.
    Refund,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Bonus => "bonus",
            Self::Refund => "refund",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::TopUp, Self::Bonus, Self::Refund].into_iter().find(|class| class.as_str() == text)
    }

    /// The account that the money is owed on.
    fn liability(self) -> &'static str {
        match self {
            Self::Bonus => "bonus_liability",
            Self::TopUp | Self::Refund => "card_liability",
        }
    }
}

/// What happens to money on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    TopUp,
    Bonus,
    Spend,
    Refund,
    CashOut,
    Expire,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Bonus => "bonus",
            Self::Spend => "spend",
            Self::Refund => "refund",
            Self::CashOut => "cash_out",
            Self::Expire => "expire",
        }
    }

    /// The accounts that are debited and credited.
    pub fn accounts(self, class: Class) -> (&'static str, &'static str) {
        let liability = class.liability();
        match self {
            Self::TopUp => ("cash", liability),
            Self::Bonus => ("promotion", liability),
            Self::Spend => (liability, "sales"),
            Self::Refund => ("sales", liability),
            Self::CashOut => (liability, "cash"),
            Self::Expire => (liability, "promotion"),
        }
    }
}

/// Money that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyLot {
    /// The entry that brought it.
    pub id: String,
    pub class: Class,
    pub amount: i64,
    pub remaining: i64,
    pub expires_on: Option<Date>,
}

impl MoneyLot {
    pub fn is_over(&self, today: Date) -> bool {
        self.expires_on.is_some_and(|last| last < today)
    }
}

/// A part of an amount, in one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub lot: String,
    pub class: Class,
    pub amount: i64,
}

/// Takes an amount out of lots: what was given on top first, the nearest end first, then the oldest. When there is too
/// little, nothing is taken, and the answer is what there is.
pub fn take(lots: &mut [MoneyLot], amount: i64, from: impl Fn(&MoneyLot) -> bool) -> Result<Vec<Part>, i64> {
    let there = lots.iter().filter(|lot| from(lot)).map(|lot| lot.remaining).sum();
    if amount > there {
        return Err(there);
    }
    let mut usable: Vec<&mut MoneyLot> = lots.iter_mut().filter(|lot| lot.remaining > 0 && from(lot)).collect();
    let rank = |lot: &MoneyLot| (lot.class != Class::Bonus, lot.expires_on.is_none(), lot.expires_on, lot.id.clone());
    usable.sort_by_key(|lot| rank(lot));
    let mut missing = amount;
    let mut parts = Vec::new();
    for lot in usable {
        let taken = lot.remaining.min(missing);
        if taken > 0 {
            lot.remaining -= taken;
            missing -= taken;
            parts.push(Part { lot: lot.id.clone(), class: lot.class, amount: taken });
        }
    }
    Ok(parts)
}

/// How an amount that is paid back is split: into what was given on top and what was paid in, by their shares of what
/// was spent. Both are cut off once for all refunds together, so that the last one returns the rest exactly.
pub fn split(spent_bonus: i64, spent_cash: i64, refunded: (i64, i64), amount: i64) -> Option<(i64, i64)> {
    let spent = spent_bonus.checked_add(spent_cash)?;
    let so_far = refunded.0.checked_add(refunded.1)?.checked_add(amount)?;
    if amount <= 0 || so_far > spent {
        return None;
    }
    let bonus = share(spent_bonus, so_far.into(), spent.into())?;
    Some((bonus - refunded.0, amount - (bonus - refunded.0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::date;

    fn lot(id: &str, class: Class, amount: i64, expires_on: Option<&str>) -> MoneyLot {
        let expires_on = expires_on.map(|day| date(day).unwrap());
        MoneyLot { id: id.to_owned(), class, amount, remaining: amount, expires_on }
    }

    #[test]
    fn what_was_given_on_top_is_spent_first() {
        let mut lots = [
            lot("a", Class::TopUp, 100, None),
            lot("b", Class::Bonus, 10, None),
            lot("c", Class::Bonus, 10, Some("2026-12-31")),
        ];
        let parts = take(&mut lots, 25, |_| true).unwrap();
        let taken: Vec<(&str, i64)> = parts.iter().map(|part| (part.lot.as_str(), part.amount)).collect();
        assert_eq!(taken, [("c", 10), ("b", 10), ("a", 5)]);
        let before = lots.clone();
        assert_eq!(take(&mut lots, 96, |_| true), Err(95));
        assert_eq!(take(&mut lots, 1, |lot| lot.class == Class::Bonus), Err(0));
        assert_eq!(lots, before);
    }

    #[test]
    fn every_entry_has_two_accounts() {
        assert_eq!(Kind::TopUp.accounts(Class::TopUp), ("cash", "card_liability"));
        assert_eq!(Kind::Spend.accounts(Class::Bonus), ("bonus_liability", "sales"));
        assert_eq!(Kind::CashOut.accounts(Class::Refund), ("card_liability", "cash"));
        assert_eq!(Kind::Refund.accounts(Class::Bonus), ("sales", "bonus_liability"));
    }

    #[derive(Debug, Clone)]
    enum Step {
        TopUp(i64, i64),
        Spend(i64),
        Refund(prop::sample::Index, i64),
        CashOut(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1_i64..10_000, 0_i64..2_000).prop_map(|(paid, bonus)| Step::TopUp(paid, bonus)),
            (1_i64..8_000).prop_map(Step::Spend),
            (any::<prop::sample::Index>(), 1_i64..4_000).prop_map(|(spend, amount)| Step::Refund(spend, amount)),
            (1_i64..8_000).prop_map(Step::CashOut),
        ]
    }

    proptest! {
        /// I10: what is on the card is what the ledger says, never below zero, and what was given on top is never
        /// paid out, however it is spent and paid back.
        #[test]
        fn money_is_neither_made_nor_lost(steps in prop::collection::vec(step(), 1..60)) {
            let mut lots: Vec<MoneyLot> = Vec::new();
            let (mut paid_in, mut paid_out, mut given, mut sold) = (0, 0, 0, 0);
            let mut sold_for_bonus = 0;
            let mut spends: Vec<(i64, i64, (i64, i64))> = Vec::new();
            let bonus = |parts: &[Part]| -> i64 {
                parts.iter().filter(|part| part.class == Class::Bonus).map(|part| part.amount).sum()
            };
            for step in steps {
                let name = format!("{:04}", lots.len());
                match step {
                    Step::TopUp(paid, on_top) => {
                        lots.push(lot(&format!("{name}t"), Class::TopUp, paid, None));
                        lots.push(lot(&format!("{name}z"), Class::Bonus, on_top, None));
                        paid_in += paid;
                        given += on_top;
                    }
                    Step::Spend(amount) => {
                        if let Ok(parts) = take(&mut lots, amount, |_| true) {
                            let of_bonus = bonus(&parts);
                            spends.push((of_bonus, amount - of_bonus, (0, 0)));
                            sold += amount;
                            sold_for_bonus += of_bonus;
                        }
                    }
                    Step::Refund(spend, amount) if !spends.is_empty() => {
                        let place = spend.index(spends.len());
                        let (of_bonus, of_cash, refunded) = &mut spends[place];
                        if let Some((on_top, cash)) = split(*of_bonus, *of_cash, *refunded, amount) {
                            prop_assert!(on_top >= 0 && cash >= 0 && on_top + cash == amount);
                            *refunded = (refunded.0 + on_top, refunded.1 + cash);
                            prop_assert!(refunded.0 <= *of_bonus && refunded.1 <= *of_cash);
                            lots.push(lot(&format!("{name}z"), Class::Bonus, on_top, None));
                            lots.push(lot(&format!("{name}r"), Class::Refund, cash, None));
                            sold -= amount;
                            sold_for_bonus -= on_top;
                        }
                    }
                    Step::CashOut(amount) => {
                        if let Ok(parts) = take(&mut lots, amount, |lot| lot.class != Class::Bonus) {
                            prop_assert_eq!(bonus(&parts), 0);
                            paid_out += amount;
                        }
                    }
                    Step::Refund(..) => {}
                }
                let left: i64 = lots.iter().map(|lot| lot.remaining).sum();
                prop_assert!(lots.iter().all(|lot| (0..=lot.amount).contains(&lot.remaining)));
                prop_assert_eq!(left, paid_in + given - sold - paid_out);
                let on_top: i64 = lots.iter().filter(|lot| lot.class == Class::Bonus).map(|lot| lot.remaining).sum();
                prop_assert_eq!(on_top, given - sold_for_bonus);
            }
        }
    }
}
