//! Accounts by the published cases, and by whatever can happen to them in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::calendar::date;

fn lot(id: &str, order: Option<&str>, points: i64, expires_on: Option<&str>) -> Lot {
    Lot {
        id: id.to_owned(),
        order: order.map(str::to_owned),
        earned: points,
        remaining: points,
        expired: 0,
        expires_on: expires_on.map(|day| date(day).unwrap()),
        active_on: None,
        state: State::Active,
    }
}

fn line(kind: Kind, lot: Option<&str>, points: i64) -> Line {
    Line { kind, lot: lot.map(str::to_owned), points }
}

/// All that is due.
fn expire(account: &mut Account, today: Date) -> Vec<Line> {
    let ids: Vec<String> = account.lots.iter().map(|lot| lot.id.clone()).collect();
    ids.iter().flat_map(|id| account.expire_one(id, today)).collect()
}

fn day(text: &str) -> Date {
    date(text).unwrap()
}

#[test]
fn published_lots_are_spent_nearest_end_first() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/loyalty.json")).unwrap();
    for case in vectors["fifo_cases"].as_array().unwrap() {
        let of = |given: &Value| {
            let points = given["points"].as_i64().unwrap();
            lot(given["id"].as_str().unwrap(), None, points, given["expires"].as_str())
        };
        let mut account = Account { lots: case["lots"].as_array().unwrap().iter().map(of).collect(), owed: 0 };
        let lines = account.redeem(case["burn"].as_i64().unwrap(), day(case["at"].as_str().unwrap()), None).unwrap();
        assert_eq!(lines.iter().map(|line| -line.points).sum::<i64>(), case["burn"]);
        for (id, expected) in case["expect"].as_object().unwrap() {
            let lot = account.lots.iter().find(|lot| lot.id == *id).unwrap();
            assert_eq!(&Value::from(lot.remaining), expected, "{id}: {case}");
        }
    }
}

#[test]
fn a_full_refund_takes_all_back_by_the_published_case() {
    let mut account = Account { lots: vec![lot("L", Some("o"), 600, None)], owed: 0 };
    let lines = account.reverse(Kind::Refund, "o", 600, day("2026-01-01"));
    assert_eq!(lines, [line(Kind::Refund, Some("L"), -600)]);
    assert_eq!((account.lots[0].remaining, account.lots[0].state), (0, State::Reversed));
}

#[test]
fn lots_of_the_same_day_are_spent_oldest_first_and_those_without_an_end_last() {
    let last = Some("2026-05-01");
    let mut account =
        Account { lots: vec![lot("c", None, 5, None), lot("b", None, 5, last), lot("a", None, 5, last)], owed: 0 };
    let lines = account.redeem(11, day("2026-05-01"), None).unwrap();
    let expected = [("a", -5), ("b", -5), ("c", -1)].map(|(lot, points)| line(Kind::Redeem, Some(lot), points));
    assert_eq!(lines, expected);
}

#[test]
fn what_is_over_pending_or_of_the_same_order_cannot_be_spent() {
    let pending = Lot { state: State::Pending, active_on: Some(day("2026-02-01")), ..lot("p", None, 10, None) };
    let lots = vec![lot("old", None, 10, Some("2025-12-31")), pending, lot("own", Some("o"), 10, None)];
    let mut account = Account { lots, owed: 0 };
    let today = day("2026-01-01");
    assert_eq!((account.usable(today, None), account.usable(today, Some("o"))), (10, 0));
    let before = account.clone();
    assert_eq!(account.redeem(1, today, Some("o")), None);
    assert_eq!(account.redeem(11, today, None), None);
    assert_eq!(account.redeem(0, today, None), None);
    assert_eq!(account.redeem(-5, today, None), None);
    assert_eq!(account, before);
    assert_eq!((account.activate(day("2026-01-31")), account.activate(day("2026-02-01"))), (0, 10));
    assert_eq!(account.usable(day("2026-02-01"), Some("o")), 10);
}

#[test]
fn points_that_are_spent_already_are_owed_and_paid_by_the_next_ones() {
    let today = day("2026-01-01");
    let mut account = Account { lots: vec![lot("a", Some("o"), 100, None), lot("b", None, 30, None)], owed: 0 };
    account.redeem(80, today, None).unwrap();
    let lines = account.reverse(Kind::Reverse, "o", 100, today);
    let expected = [(Some("a"), -20), (Some("b"), -30), (None, -50)];
    assert_eq!(lines, expected.map(|(lot, points)| line(Kind::Reverse, lot, points)));
    assert_eq!((account.owed, account.usable(today, None)), (50, 0));
    account.lots.push(lot("c", None, 60, None));
    assert_eq!(account.settle(today), [line(Kind::Settle, Some("c"), -50), line(Kind::Settle, None, 50)]);
    assert_eq!((account.owed, account.usable(today, None)), (0, 10));
    assert_eq!(account.settle(today), []);
}

#[test]
fn what_became_too_old_is_not_taken_twice() {
    let mut account =
        Account { lots: vec![lot("a", Some("o"), 100, Some("2026-01-31")), lot("b", None, 50, None)], owed: 0 };
    let today = day("2026-02-01");
    account.redeem(30, day("2026-01-31"), None).unwrap();
    assert_eq!(expire(&mut account, day("2026-01-31")), []);
    assert_eq!(expire(&mut account, today), [line(Kind::Expire, Some("a"), -70)]);
    assert_eq!(expire(&mut account, today), []);
    let lines = account.reverse(Kind::Reverse, "o", 100, today);
    let revived = [line(Kind::Expire, Some("a"), 70), line(Kind::Reverse, Some("a"), -70)];
    assert_eq!(lines[..2], revived);
    assert_eq!(lines[2], line(Kind::Reverse, Some("b"), -30));
    assert_eq!(account.owed, 0);
}

#[test]
fn what_is_given_back_keeps_its_end() {
    let mut account = Account { lots: vec![lot("a", None, 10, Some("2026-01-31"))], owed: 0 };
    account.redeem(10, day("2026-01-31"), None).unwrap();
    assert_eq!(account.lots[0].state, State::Spent);
    assert_eq!(account.give_back("a", 10), [line(Kind::Return, Some("a"), 10)]);
    assert_eq!(account.usable(day("2026-01-31"), None), 10);
    assert_eq!(account.usable(day("2026-02-01"), None), 0);
    assert_eq!(expire(&mut account, day("2026-03-15")), [line(Kind::Expire, Some("a"), -10)]);
    assert_eq!(account.give_back("b", 1), []);
}

#[test]
fn kinds_and_states_are_read_as_they_are_written() {
    assert!(Kind::ALL.into_iter().all(|kind| Kind::parse(kind.as_str()) == Some(kind)));
    assert_eq!((Kind::parse("gift"), State::parse("lost")), (None, None));
    assert_eq!(State::parse("expired"), Some(State::Expired));
}

/// Something that happens to a member.
#[derive(Debug, Clone)]
enum Step {
    Order { points: i64, pending: u8, lasts: Option<u8> },
    Refund { order: prop::sample::Index, part: u8 },
    Redeem { points: i64, on: Option<prop::sample::Index> },
    Return { redemption: prop::sample::Index, part: u8 },
    Days(u8),
    Night,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_i64..500, 0_u8..20, prop::option::of(0_u8..60))
            .prop_map(|(points, pending, lasts)| Step::Order { points, pending, lasts }),
        3 => (any::<prop::sample::Index>(), 1_u8..=100).prop_map(|(order, part)| Step::Refund { order, part }),
        4 => (1_i64..400, prop::option::of(any::<prop::sample::Index>()))
            .prop_map(|(points, on)| Step::Redeem { points, on }),
        2 => (any::<prop::sample::Index>(), 1_u8..=100).prop_map(|(redemption, part)| Step::Return { redemption, part }),
        2 => (0_u8..40).prop_map(Step::Days),
        3 => Just(Step::Night),
    ]
}

/// A member with the ledger, and what is known beside it.
struct Shop {
    today: Date,
    account: Account,
    ledger: Vec<Line>,
    /// What each order still carries.
    carried: Vec<i64>,
    /// What of each redemption was not given back.
    spent: Vec<Vec<(String, i64)>>,
}

impl Shop {
    fn does(&mut self, step: &Step) {
        let lines = match step {
            Step::Order { points, pending, lasts } => self.order(*points, *pending, *lasts),
            Step::Refund { order, part } if !self.carried.is_empty() => {
                let order = order.index(self.carried.len());
                let points = self.carried[order] * i64::from(*part) / 100;
                self.carried[order] -= points;
                let before = self.account.usable(self.today, None);
                let lines = self.account.reverse(Kind::Refund, &format!("o{order}"), points, self.today);
                let taken: i64 = lines.iter().filter(|line| line.kind == Kind::Refund).map(|line| line.points).sum();
                assert_eq!(taken, -points);
                assert!(self.account.owed == 0 || self.account.usable(self.today, None) == 0 || before == 0);
                lines
            }
            Step::Redeem { points, on } => {
                let on = on.filter(|_| !self.carried.is_empty()).map(|on| format!("o{}", on.index(self.carried.len())));
                let usable = self.account.usable(self.today, on.as_deref());
                let lines = self.account.redeem(*points, self.today, on.as_deref());
                assert_eq!(lines.is_some(), *points <= usable);
                let lines = lines.unwrap_or_default();
                if !lines.is_empty() {
                    self.spent.push(lines.iter().map(|line| (line.lot.clone().unwrap(), -line.points)).collect());
                }
                lines
            }
            Step::Return { redemption, part } if !self.spent.is_empty() => self.give_back(*redemption, *part),
            Step::Days(days) => {
                self.today = self.today.checked_add(jiff::Span::new().days(*days)).unwrap();
                Vec::new()
            }
            Step::Night => {
                let ends: Vec<_> = self.account.lots.iter().map(|lot| lot.expires_on).collect();
                let mut lines = expire(&mut self.account, self.today);
                self.account.activate(self.today);
                lines.extend(self.account.settle(self.today));
                let again = self.account.clone();
                assert_eq!((expire(&mut self.account, self.today), self.account.activate(self.today)), (Vec::new(), 0));
                assert_eq!(self.account, again);
                assert!(self.account.lots.iter().map(|lot| lot.expires_on).eq(ends));
                lines
            }
            Step::Refund { .. } | Step::Return { .. } => Vec::new(),
        };
        self.ledger.extend(lines);
    }

    fn order(&mut self, points: i64, pending: u8, lasts: Option<u8>) -> Vec<Line> {
        let order = format!("o{}", self.carried.len());
        let later = |days: u8| self.today.checked_add(jiff::Span::new().days(days)).unwrap();
        let new = Lot {
            expires_on: lasts.map(later),
            active_on: Some(later(pending)),
            state: if pending == 0 { State::Active } else { State::Pending },
            ..lot(&format!("l{:04}", self.carried.len()), Some(&order), points, None)
        };
        let mut lines = vec![Line { kind: Kind::Earn, lot: Some(new.id.clone()), points }];
        self.account.lots.push(new);
        self.carried.push(points);
        lines.extend(self.account.settle(self.today));
        lines
    }

    fn give_back(&mut self, redemption: prop::sample::Index, part: u8) -> Vec<Line> {
        let redemption = redemption.index(self.spent.len());
        let mut lines = Vec::new();
        for (lot, left) in &mut self.spent[redemption] {
            let points = *left * i64::from(part) / 100;
            if points > 0 {
                *left -= points;
                lines.extend(self.account.give_back(lot, points));
            }
        }
        lines.extend(self.account.settle(self.today));
        lines
    }

    /// I1, I2, and that whoever owes has nothing to spend; the lots are what the ledger says of them.
    fn is_sound(&self) {
        let ledger: i64 = self.ledger.iter().map(|line| line.points).sum();
        let lots: i64 = self.account.lots.iter().map(|lot| lot.remaining).sum();
        assert_eq!(ledger, lots - self.account.owed);
        assert!(self.account.owed >= 0);
        let mut by_lot: BTreeMap<Option<&str>, i64> = BTreeMap::new();
        for line in &self.ledger {
            *by_lot.entry(line.lot.as_deref()).or_default() += line.points;
        }
        assert_eq!(by_lot.get(&None).copied().unwrap_or_default(), -self.account.owed);
        for lot in &self.account.lots {
            assert!((0..=lot.earned).contains(&lot.remaining), "{lot:?}");
            assert_eq!(by_lot[&Some(lot.id.as_str())], lot.remaining, "{lot:?}");
            assert_eq!(lot.remaining == 0, !matches!(lot.state, State::Pending | State::Active), "{lot:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_the_ledger_explains_the_lots(steps in prop::collection::vec(step(), 1..80)) {
        let today = day("2026-01-20");
        let mut shop = Shop { today, account: Account::default(), ledger: Vec::new(), carried: Vec::new(), spent: Vec::new() };
        for step in &steps {
            shop.does(step);
            shop.is_sound();
        }
        // Whoever gives all back that was bought and gets all back that was spent has nothing, and owes nothing.
        for order in 0..shop.carried.len() {
            let points = std::mem::take(&mut shop.carried[order]);
            let lines = shop.account.reverse(Kind::Reverse, &format!("o{order}"), points, shop.today);
            shop.ledger.extend(lines);
            shop.is_sound();
        }
        let kinds = |kinds: &[Kind]| -> i64 {
            shop.ledger.iter().filter(|line| kinds.contains(&line.kind)).map(|line| line.points).sum()
        };
        prop_assert_eq!(kinds(&[Kind::Earn, Kind::Refund, Kind::Reverse]), 0);
        prop_assert_eq!(kinds(&[Kind::Settle]), 0);
        prop_assert!(kinds(&[Kind::Redeem, Kind::Return]) <= 0);
    }
}
