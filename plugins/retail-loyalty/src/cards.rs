//! Stored-value cards: money that customers have paid in, with a ledger of its own.

pub mod minor;
pub mod wallet;

use guildhall_sdk::filter::Filter;
use guildhall_sdk::{Fault, Query, Record, Value, clock, filter, json, records};

use crate::calendar::{Calendar, Date, date};
use crate::ledger::Ledger;
use crate::night::Step;
use wallet::{Class, Kind, MoneyLot, Part};

pub const CARD: &str = "loyalty.card";
pub const ENTRY: &str = "loyalty.card_entry";

/// How many lots one nightly job does.
const LOTS: u32 = 200;

/// What entries are about, beside their money.
#[derive(Clone, Copy, Default)]
pub struct About<'a> {
    /// The key of the operation that asked for it.
    pub operation: Option<&'a str>,
    /// The key of the operation that spent the money.
    pub spend: Option<&'a str>,
    pub order: Option<&'a str>,
}

/// A card as one call sees and changes it.
pub struct Card {
    pub id: String,
    pub currency: String,
    pub balance: i64,
    /// What of the balance was given on top.
    pub bonus: i64,
    lots: Vec<MoneyLot>,
    changed: Vec<String>,
    at: String,
}

impl Card {
    /// The card that a record is. One that is blocked can do nothing.
    pub fn of(record: &Record) -> Result<Self, Fault> {
        if record.text("status") == Some("blocked") {
            return Err(Fault::new("card_blocked", "The card is blocked."));
        }
        let balance = record.money("balance");
        let currency = balance.as_ref().map(|balance| balance.currency.clone()).unwrap_or_default();
        let units = |field| record.money(field).map_or(Ok(0), |money| minor::of(&money));
        Ok(Self {
            id: record.id().to_owned(),
            currency,
            balance: units("balance")?,
            bonus: units("bonus")?,
            lots: Vec::new(),
            changed: Vec::new(),
            at: clock::now(),
        })
    }

    /// Reads the lots that money is left in.
    pub fn know_open(&mut self) -> Result<(), Fault> {
        self.know(&filter::and([filter::eq("card", self.id.as_str()), filter::eq("is_open", true)]))
    }

    /// Reads lots.
    pub fn know(&mut self, condition: &Filter) -> Result<(), Fault> {
        for entry in all(condition)? {
            if let Some(lot) = lot(&entry)?.filter(|lot| self.lots.iter().all(|known| known.id != lot.id)) {
                self.lots.push(lot);
            }
        }
        Ok(())
    }

    /// Money comes onto the card, as a new lot.
    pub fn brings(
        &mut self,
        kind: Kind,
        class: Class,
        amount: i64,
        last: Option<Date>,
        about: About<'_>,
    ) -> Result<(), Fault> {
        if amount == 0 {
            return Ok(());
        }
        let last = last.map(|day| day.to_string());
        let lot = |entry: Record, currency: &str| {
            let entry = entry.set("remaining", minor::money(amount, currency)).set("is_open", true);
            last.map_or(entry.clone(), |last| entry.set("expires_on", last))
        };
        self.write(kind, class, amount, about, lot).map(drop)
    }

    /// Takes money off the card: what was given on top first.
    pub fn takes(
        &mut self,
        kind: Kind,
        amount: i64,
        about: About<'_>,
        from: impl Fn(&MoneyLot) -> bool,
    ) -> Result<Vec<Part>, Fault> {
        let currency = self.currency.clone();
        let parts = wallet::take(&mut self.lots, amount, from).map_err(|there| {
            let (wanted, there) = (minor::money(amount, &currency), minor::money(there, &currency));
            Fault::new("insufficient_balance", format!("There are {there} for that, which is less than {wanted}."))
                .with_detail("available", Value::from(there))
        })?;
        for part in &parts {
            self.moves(kind, part, -part.amount, about)?;
        }
        Ok(parts)
    }

    /// Gives money back to the lot that it was taken from.
    pub fn returns(&mut self, part: &Part, about: About<'_>) -> Result<(), Fault> {
        if let Some(lot) = self.lots.iter_mut().find(|lot| lot.id == part.lot) {
            lot.remaining += part.amount;
        }
        self.moves(Kind::Refund, part, part.amount, about)
    }

    fn moves(&mut self, kind: Kind, part: &Part, amount: i64, about: About<'_>) -> Result<(), Fault> {
        self.changed.push(part.lot.clone());
        self.write(kind, part.class, amount, about, |entry, _| entry.set("lot", part.lot.as_str())).map(drop)
    }

    fn write(
        &mut self,
        kind: Kind,
        class: Class,
        amount: i64,
        about: About<'_>,
        complete: impl FnOnce(Record, &str) -> Record,
    ) -> Result<Record, Fault> {
        let too_much = || Fault::new("balance_out_of_range", "The card would hold too much money.");
        self.balance = self.balance.checked_add(amount).ok_or_else(too_much)?;
        if class == Class::Bonus {
            self.bonus += amount;
        }
        let (debit, credit) = kind.accounts(class);
        let text = |value: Option<&str>| Value::from(value);
        let entry = Record::new()
            .set("card", self.id.as_str())
            .set("kind", kind.as_str())
            .set("class", class.as_str())
            .set("amount", minor::money(amount, &self.currency))
            .set("balance_after", minor::money(self.balance, &self.currency))
            .set("debit", debit)
            .set("credit", credit)
            .set("operation", text(about.operation))
            .set("spend", text(about.spend))
            .set("order", text(about.order))
            .set("occurred_at", self.at.as_str());
        records::create(ENTRY, complete(entry, &self.currency))
    }

    /// Stores what has changed.
    pub fn save(&mut self) -> Result<(), Fault> {
        for lot in self.lots.iter().filter(|lot| self.changed.contains(&lot.id)) {
            let fields = Record::new()
                .set("remaining", minor::money(lot.remaining, &self.currency))
                .set("is_open", lot.remaining > 0);
            records::update(ENTRY, &lot.id, fields)?;
        }
        let fields = Record::new()
            .set("balance", minor::money(self.balance, &self.currency))
            .set("bonus", minor::money(self.bonus, &self.currency))
            .set("moved_at", self.at.as_str());
        records::update(CARD, &self.id, fields).map(drop)
    }

    /// What the card has, for answers.
    pub fn told(&self) -> Value {
        json!({
            "card": self.id,
            "balance": minor::money(self.balance, &self.currency),
            "bonus": minor::money(self.bonus, &self.currency),
        })
    }
}

/// The lot that an entry brought, if it brought one.
fn lot(entry: &Record) -> Result<Option<MoneyLot>, Fault> {
    let (Some(amount), Some(remaining)) = (entry.money("amount"), entry.money("remaining")) else { return Ok(None) };
    let Some(class) = entry.text("class").and_then(Class::parse) else { return Ok(None) };
    Ok(Some(MoneyLot {
        id: entry.id().to_owned(),
        class,
        amount: minor::of(&amount)?,
        remaining: minor::of(&remaining)?,
        expires_on: entry.date("expires_on").map(date).transpose()?,
    }))
}

/// All entries that meet a condition, the oldest first.
pub fn all(condition: &Filter) -> Result<Vec<Record>, Fault> {
    records::all(ENTRY, Some(condition))
}

/// Money that was given on top for a time, and is left when that is over, goes.
pub fn expire_bonus(ledger: &Ledger<'_>) -> Result<Step, Fault> {
    let today = Calendar::of_tenant()?.day(&ledger.at)?;
    let due = filter::and([filter::eq("is_open", true), filter::lt("expires_on", today.to_string())]);
    let entries = records::query(ENTRY, Query::new().filter(due.clone()).sort(["expires_on"]).limit(LOTS))?;
    let mut ids: Vec<&str> = entries.iter().filter_map(|entry| entry.link("card")).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let Some(record) = records::get(CARD, id)? else { continue };
        let mut card = Card::of(&record.set("status", "active"))?;
        for entry in entries.iter().filter(|entry| entry.link("card") == Some(id)) {
            card.lots.extend(lot(entry)?);
        }
        let left = card.lots.iter().map(|lot| lot.remaining).sum();
        card.takes(Kind::Expire, left, About::default(), |lot| lot.is_over(today))?;
        card.save()?;
    }
    Ok(if entries.len() < LOTS as usize { Step::Done } else { Step::More(json!({})) })
}
