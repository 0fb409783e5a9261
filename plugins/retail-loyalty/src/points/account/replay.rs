//! A real shop's history through the account, beside a calculation that knows nothing of lots, lines and states.

use std::collections::BTreeMap;

use super::*;
use crate::calendar::{Length, date};

/// A customer, as simply as can be: points by their last day.
#[derive(Default)]
struct Simple {
    points: BTreeMap<Date, i64>,
    spent: i64,
    gone: i64,
}

impl Simple {
    fn ends(&mut self, today: Date) {
        let left = self.points.split_off(&today);
        self.gone += std::mem::replace(&mut self.points, left).values().sum::<i64>();
    }

    fn spends(&mut self, points: i64) {
        let mut missing = points;
        for left in self.points.values_mut() {
            let taken = missing.min(*left);
            *left -= taken;
            missing -= taken;
        }
        assert_eq!(missing, 0);
        self.spent += points;
    }

    fn has(&self) -> i64 {
        self.points.values().sum()
    }
}

/// I7 with it: the account's night comes only every few purchases, and what is over cannot be spent all the same.
#[test]
fn the_history_of_a_shop_comes_to_what_a_simple_calculation_says() {
    let text = include_str!("../../../../../examples/data/CDNOW_sample.txt");
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|row| row.len() == 5);
    let mut rows: Vec<(Date, String, i64)> = rows
        .map(|row| {
            let day = format!("{}-{}-{}", &row[2][..4], &row[2][4..6], &row[2][6..]);
            (date(&day).unwrap(), row[0].to_owned(), row[4].split('.').next().unwrap().parse().unwrap())
        })
        .collect();
    rows.sort();
    assert_eq!(rows.len(), 6_919);
    let lasts = Length::parse("4M").unwrap();
    let mut accounts: BTreeMap<String, (Account, Simple, Vec<Line>)> = BTreeMap::new();
    for (at, (today, customer, points)) in rows.into_iter().enumerate() {
        let (account, simple, ledger) = accounts.entry(customer).or_default();
        simple.ends(today);
        if at % 5 == 0 {
            night(account, ledger, today);
        }
        assert_eq!(account.usable(today, None), simple.has());
        if at % 3 == 0 && simple.has() > 1 {
            let half = simple.has() / 2;
            ledger.extend(account.redeem(half, today, None).unwrap());
            simple.spends(half);
        }
        if points > 0 {
            let last = lasts.after(today).unwrap();
            *simple.points.entry(last).or_default() += points;
            ledger.push(Line { kind: Kind::Earn, lot: Some(format!("{at:05}")), points });
            account.lots.push(Lot {
                id: format!("{at:05}"),
                order: None,
                earned: points,
                remaining: points,
                expired: 0,
                expires_on: Some(last),
                active_on: None,
                state: State::Active,
            });
        }
    }
    let end = date("1998-06-30").unwrap();
    let mut gone = 0;
    for (account, simple, ledger) in accounts.values_mut() {
        simple.ends(end);
        night(account, ledger, end);
        let of = |kind: Kind| -> i64 { ledger.iter().filter(|line| line.kind == kind).map(|line| line.points).sum() };
        assert_eq!((-of(Kind::Redeem), -of(Kind::Expire)), (simple.spent, simple.gone));
        assert_eq!(ledger.iter().map(|line| line.points).sum::<i64>(), simple.has());
        assert_eq!(account.usable(end, None), simple.has());
        gone += simple.gone;
    }
    assert!(gone > 0);
}

fn night(account: &mut Account, ledger: &mut Vec<Line>, today: Date) {
    let ids: Vec<String> = account.lots.iter().map(|lot| lot.id.clone()).collect();
    ledger.extend(ids.iter().flat_map(|id| account.expire_one(id, today)));
}
