//! The ledger: whatever happens to points is written here, line by line, with the balances that follow.

mod entry;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use guildhall_sdk::{Decimal, Fault, Record, clock, records};

use crate::calendar::{Calendar, Date};
use crate::member::Members;
use crate::points::account::{Account, Kind, Line};
use crate::points::lot::{Lot, State};
use crate::settings::Settings;
use crate::stored_lot;

pub const ENTRY: &str = "loyalty.entry";

/// What lines are about, beside their points.
#[derive(Debug, Clone, Default)]
pub struct About<'a> {
    pub order: Option<&'a str>,
    pub campaign: Option<&'a str>,
    /// The key of the operation that asked for it.
    pub operation: Option<&'a str>,
    /// The key of the operation that spent the points.
    pub redemption: Option<&'a str>,
    pub reason: Option<&'a str>,
    /// What may happen once only: no two entries have the same.
    pub once: Option<String>,
    pub qualifying: i64,
    pub multiplier: Option<Decimal>,
    /// What of the order's total was paid back.
    pub refunded: Option<Decimal>,
    /// Points and qualifying points that would have come more, had nothing of the order been paid back before.
    pub withheld: (i64, i64),
    /// When points come: the first and the last day on which they can be spent.
    pub days: (Option<Date>, Option<Date>),
}

/// The ledger as one call sees and changes it.
pub struct Ledger<'a> {
    pub settings: &'a Settings,
    pub members: Members,
    /// The moment of the call.
    pub at: String,
    calendar: OnceCell<Calendar>,
    accounts: BTreeMap<String, Account>,
    /// What is left in the lots, as it is stored.
    stored: BTreeMap<String, (i64, State)>,
    /// Members all of whose open lots are known.
    complete: BTreeSet<String>,
}

impl<'a> Ledger<'a> {
    pub fn open(settings: &'a Settings) -> Self {
        Self {
            settings,
            members: Members::default(),
            at: clock::now(),
            calendar: OnceCell::new(),
            accounts: BTreeMap::new(),
            stored: BTreeMap::new(),
            complete: BTreeSet::new(),
        }
    }

    /// The day of a moment, on the calendar of the shop.
    pub fn day(&self, moment: &str) -> Result<Date, Fault> {
        if self.calendar.get().is_none() {
            let _ = self.calendar.set(Calendar::of_tenant()?);
        }
        self.calendar.get().ok_or_else(|| Fault::internal("There is no calendar."))?.day(moment)
    }

    /// The day of the call.
    pub fn today(&self) -> Result<Date, Fault> {
        self.day(&self.at)
    }

    /// Takes note of lots of a member that were read.
    pub fn know(&mut self, member: &str, lots: impl IntoIterator<Item = Lot>) {
        let account = account(&mut self.accounts, &mut self.members, member);
        for lot in lots {
            if !account.lots.iter().any(|known| known.id == lot.id) {
                self.stored.insert(lot.id.clone(), (lot.remaining, lot.state));
                account.lots.push(lot);
            }
        }
    }

    /// Reads all lots of a member that something is left in.
    pub fn know_open(&mut self, member: &str) -> Result<(), Fault> {
        if self.complete.insert(member.to_owned()) {
            let lots = stored_lot::open(member, &[State::Active, State::Pending])?;
            self.know(member, lots);
        }
        Ok(())
    }

    /// The account of a member, as far as its lots are known.
    pub fn account(&mut self, member: &str) -> &Account {
        account(&mut self.accounts, &mut self.members, member)
    }

    /// Points come to a member, as a new lot. What is owed is paid out of it at once.
    pub fn credit(&mut self, member: &str, kind: Kind, points: i64, about: &About<'_>) -> Result<(), Fault> {
        let (active_on, expires_on) = about.days;
        let waits = match active_on {
            Some(day) => day > self.today()?,
            None => false,
        };
        let state = if waits { State::Pending } else { State::Active };
        let line = Line { kind, lot: None, points };
        let lot = |id: &str| Lot {
            id: id.to_owned(),
            order: about.order.map(str::to_owned),
            earned: points,
            remaining: points,
            expired: 0,
            expires_on,
            active_on: active_on.filter(|_| waits),
            state,
        };
        let id = self.write(member, &line, about, Some(&lot("")))?;
        self.know(member, [lot(&id)]);
        if waits {
            self.totals(member)?.pending += points;
        } else if self.account(member).owed > 0 {
            let today = self.today()?;
            self.apply(member, &About { operation: about.operation, ..About::default() }, |account| {
                account.settle(today)
            })?;
        }
        Ok(())
    }

    /// Takes back what an order has brought.
    pub fn reverse(&mut self, member: &str, kind: Kind, points: i64, about: &About<'_>) -> Result<(), Fault> {
        let order = about.order.unwrap_or_default();
        let own = |lot: &&Lot| lot.order.as_deref() == Some(order);
        let in_own: i64 = self.account(member).lots.iter().filter(own).map(|lot| lot.remaining + lot.expired).sum();
        if in_own < points {
            self.know_open(member)?;
        }
        let today = self.today()?;
        self.apply(member, about, |account| account.reverse(kind, order, points, today)).map(drop)
    }

    /// Spends points of a member. When there are too few, nothing is spent.
    pub fn redeem(&mut self, member: &str, points: i64, about: &About<'_>) -> Result<Vec<Line>, Fault> {
        self.know_open(member)?;
        let today = self.today()?;
        let usable = self.account(member).usable(today, about.order);
        let lines =
            self.apply(member, about, |account| account.redeem(points, today, about.order).unwrap_or_default())?;
        if lines.is_empty() {
            let message = format!("The member can spend {usable} points, which is less than {points}.");
            return Err(Fault::new("insufficient_points", message).with_detail("available", usable));
        }
        Ok(lines)
    }

    /// Gives points back to the lots that they were spent from.
    pub fn give_back(&mut self, member: &str, parts: &[(String, i64)], about: &About<'_>) -> Result<(), Fault> {
        let known = self.account(member).lots.iter().map(|lot| lot.id.clone()).collect::<BTreeSet<_>>();
        let missing: Vec<&str> =
            parts.iter().map(|(lot, _)| lot.as_str()).filter(|lot| !known.contains(*lot)).collect();
        let lots = stored_lot::by_ids(&missing)?;
        let strange: BTreeSet<String> =
            lots.iter().filter(|(owner, _)| owner != member).map(|(_, lot)| lot.id.clone()).collect();
        self.know(member, lots.into_iter().map(|(_, lot)| lot));
        self.apply(member, about, |account| {
            parts.iter().flat_map(|(lot, points)| account.give_back(lot, *points)).collect()
        })?;
        // Lots of a member who has become a part of this one do not open again: what comes back is a lot of its own.
        let back = |lot: &&Lot| strange.contains(&lot.id) && lot.remaining > 0;
        for lot in self.account(member).lots.iter().filter(back).cloned().collect::<Vec<_>>() {
            self.transfer(member, member, &lot, &About { operation: about.operation, ..About::default() })?;
        }
        let today = self.today()?;
        self.apply(member, about, |account| account.settle(today)).map(drop)
    }

    /// One lot moves to a member, with its order and its end.
    pub fn transfer(&mut self, from: &str, into: &str, lot: &Lot, about: &About<'_>) -> Result<(), Fault> {
        let about = About { order: lot.order.as_deref(), days: (lot.active_on, lot.expires_on), ..about.clone() };
        self.apply(from, &about, |account| {
            for own in account.lots.iter_mut().filter(|own| own.id == lot.id) {
                own.remaining = 0;
                own.state = State::Spent;
            }
            vec![Line { kind: Kind::Transfer, lot: Some(lot.id.clone()), points: -lot.remaining }]
        })?;
        self.credit(into, Kind::Transfer, lot.remaining, &about)
    }

    /// Does something to an account, and writes what came of it.
    pub fn apply(
        &mut self,
        member: &str,
        about: &About<'_>,
        act: impl FnOnce(&mut Account) -> Vec<Line>,
    ) -> Result<Vec<Line>, Fault> {
        let account = account(&mut self.accounts, &mut self.members, member);
        let before = pending(account);
        let lines = act(account);
        let (pending, owed) = (pending(account) - before, account.owed);
        let totals = self.totals(member)?;
        totals.pending += pending;
        totals.owed = owed;
        // Figures of the order stand in one line: the first that says what the order carries.
        let rest = About { qualifying: 0, refunded: None, withheld: (0, 0), ..about.clone() };
        let mut is_told = false;
        for line in &lines {
            let tells = line.kind.is_of_order() && !is_told;
            is_told |= tells;
            self.write(member, line, if tells { about } else { &rest }, None)?;
        }
        Ok(lines)
    }

    /// Notes something about an order that moves no points.
    pub fn note(&mut self, member: &str, kind: Kind, about: &About<'_>) -> Result<(), Fault> {
        self.write(member, &Line { kind, lot: None, points: 0 }, about, None).map(drop)
    }

    fn write(&mut self, member: &str, line: &Line, about: &About<'_>, lot: Option<&Lot>) -> Result<String, Fault> {
        let at = self.at.clone();
        let totals = self.totals(member)?;
        let earned = if line.kind.is_earning() { line.points } else { 0 };
        let sums = totals.points.checked_add(line.points).zip(totals.lifetime_earned.checked_add(earned));
        let Some((points, lifetime_earned)) = sums else {
            return Err(Fault::new("points_out_of_range", "The member would have too many points."));
        };
        (totals.points, totals.lifetime_earned) = (points, lifetime_earned);
        match line.kind {
            Kind::Redeem | Kind::Return => totals.spent -= line.points,
            Kind::Expire => totals.expired -= line.points,
            _ => {}
        }
        let entry = entry::of(member, line, about, lot).set("balance_after", points).set("occurred_at", at);
        Ok(records::create(ENTRY, entry)?.id().to_owned())
    }

    /// What a member has.
    pub fn totals(&mut self, member: &str) -> Result<&mut crate::member::Totals, Fault> {
        let missing =
            || Fault::new("unknown_member", format!("There is no member {member}.")).with_detail("member", member);
        self.members.get(member).map(|member| &mut member.totals).ok_or_else(missing)
    }

    /// Stores the lots and members that have changed.
    pub fn save(&mut self) -> Result<(), Fault> {
        for lot in self.accounts.values().flat_map(|account| &account.lots) {
            let now = (lot.remaining, lot.state);
            if self.stored.insert(lot.id.clone(), now) != Some(now) {
                let fields = Record::new().set("remaining", lot.remaining).set("state", lot.state.as_str());
                records::update(ENTRY, &lot.id, fields)?;
            }
        }
        self.members.save()
    }
}

fn account<'b>(accounts: &'b mut BTreeMap<String, Account>, members: &mut Members, member: &str) -> &'b mut Account {
    accounts.entry(member.to_owned()).or_insert_with(|| {
        let owed = members.get(member).map_or(0, |member| member.totals.owed);
        Account { lots: Vec::new(), owed }
    })
}

fn pending(account: &Account) -> i64 {
    account.lots.iter().filter(|lot| lot.state == State::Pending).map(|lot| lot.remaining).sum()
}
