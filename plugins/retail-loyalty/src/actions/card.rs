//! Stored-value cards: paying in, spending, paying back, paying out.

use guildhall_sdk::{Fault, Money, Query, Record, Value, filter, json, records};

use super::input::Input;
use crate::calendar::{Calendar, Date};
use crate::cards::wallet::{Class, Kind, Part, split};
use crate::cards::{About, CARD, Card, ENTRY, all, minor};

/// A new card, with nothing on it.
pub fn issue(input: &Input<'_>) -> Result<Value, Fault> {
    let code = input.needed("code")?;
    let currency = input.needed("currency")?;
    if find("code", code)?.is_some() {
        return Err(Fault::new("code_taken", format!("There is a card {code} already.")));
    }
    let nothing = minor::money(0, currency);
    let card = Record::new()
        .set("code", code)
        .set("status", "active")
        .set("balance", nothing.clone())
        .set("bonus", nothing)
        .set("contact", Value::from(input.text("contact")));
    let card = records::create(CARD, card)?;
    Ok(json!({"card": card.id(), "code": code}))
}

fn find(field: &str, value: &str) -> Result<Option<Record>, Fault> {
    Ok(records::query(CARD, Query::new().filter(filter::eq(field, value)).limit(1))?.pop())
}

/// The card that is named, by `card` or by `code`.
fn card(input: &Input<'_>) -> Result<Card, Fault> {
    let (field, value) = match input.text("card") {
        Some(id) => ("id", id),
        None => ("code", input.needed("code")?),
    };
    let unknown = || Fault::new("unknown_card", format!("There is no card {value}."));
    Card::of(&find(field, value)?.ok_or_else(unknown)?)
}

/// An amount in the card's currency, in minor units.
fn amount(input: &Input<'_>, field: &str, card: &Card) -> Result<i64, Fault> {
    let money: Money = input.money(field)?;
    if money.currency != card.currency {
        let message = format!("The card is in {}, not in {}.", card.currency, money.currency);
        return Err(Fault::new("other_currency", message).with_detail("currency", card.currency.as_str()));
    }
    minor::of(&money)
}

fn today() -> Result<Date, Fault> {
    Calendar::of_tenant()?.day(&guildhall_sdk::clock::now())
}

/// Money is paid in, and perhaps some is given on top.
pub fn top_up(input: &Input<'_>) -> Result<Value, Fault> {
    let mut card = card(input)?;
    let about = About { operation: Some(input.key()), ..About::default() };
    let paid = amount(input, "amount", &card)?;
    card.brings(Kind::TopUp, Class::TopUp, paid, None, about)?;
    if !input.0["bonus"].is_null() {
        let bonus = amount(input, "bonus", &card)?;
        let last = input.date("bonus_expires_on")?;
        if last.is_some_and(|last| today().is_ok_and(|today| last < today)) {
            return Err(Fault::invalid("The bonus would be over already.").with_detail("field", "bonus_expires_on"));
        }
        card.brings(Kind::Bonus, Class::Bonus, bonus, last, about)?;
    }
    card.save()?;
    Ok(card.told())
}

/// Money is spent.
pub fn spend(input: &Input<'_>) -> Result<Value, Fault> {
    let mut card = card(input)?;
    let amount = amount(input, "amount", &card)?;
    card.know_open()?;
    let about = About { operation: Some(input.key()), spend: Some(input.key()), order: input.text("order") };
    let today = today()?;
    let parts = card.takes(Kind::Spend, amount, about, |lot| !lot.is_over(today))?;
    card.save()?;
    let bonus: i64 = parts.iter().filter(|part| part.class == Class::Bonus).map(|part| part.amount).sum();
    let mut told = card.told();
    told["spend"] = input.key().into();
    told["of_bonus"] = minor::money(bonus, &card.currency).into();
    Ok(told)
}

/// What was spent is paid back, or a part of it: what was given on top to where it came from, the rest as money that
/// can be paid out.
pub fn refund(input: &Input<'_>) -> Result<Value, Fault> {
    let key = input.needed("spend")?;
    let unknown = || Fault::new("unknown_spend", format!("Nothing was spent as {key}."));
    // The card is read before its entries: whoever pays back meanwhile changes the card, and this runs again.
    let first = records::query(ENTRY, Query::new().filter(filter::eq("spend", key)).limit(1))?.pop();
    let first = first.ok_or_else(unknown)?;
    let record = records::get(CARD, first.link("card").unwrap_or_default())?;
    let mut card = Card::of(&record.ok_or_else(unknown)?)?;
    let spent = Spent::read(key)?;
    let amount = amount(input, "amount", &card)?;
    let Some((bonus, cash)) = split(spent.bonus(), spent.cash, spent.refunded, amount) else {
        let left = spent.bonus() + spent.cash - spent.refunded.0 - spent.refunded.1;
        let left = minor::money(left, &card.currency);
        let message = format!("Of what was spent, only {left} can still be paid back.");
        return Err(Fault::new("refund_exceeds_spend", message).with_detail("left", Value::from(left)));
    };
    let about = About { operation: Some(input.key()), spend: Some(key), order: spent.order.as_deref() };
    let ids: Vec<&str> = spent.lots.iter().map(|(part, _)| part.lot.as_str()).collect();
    if !ids.is_empty() {
        card.know(&filter::any_of("id", ids))?;
    }
    for part in spent.last(bonus) {
        card.returns(&part, about)?;
    }
    card.brings(Kind::Refund, Class::Refund, cash, None, about)?;
    card.save()?;
    let mut told = card.told();
    told["to_bonus"] = minor::money(bonus, &card.currency).into();
    Ok(told)
}

/// What one operation spent, and what was paid back of it.
struct Spent {
    order: Option<String>,
    /// What was spent of each lot that was given on top, and what was not returned of that.
    lots: Vec<(Part, i64)>,
    cash: i64,
    /// What was paid back: to what was given on top, and else.
    refunded: (i64, i64),
}

impl Spent {
    fn read(key: &str) -> Result<Self, Fault> {
        let entries = all(&filter::eq("spend", key))?;
        let mut spent = Self {
            order: entries.first().and_then(|entry| entry.link("order")).map(str::to_owned),
            lots: Vec::new(),
            cash: 0,
            refunded: (0, 0),
        };
        for entry in &entries {
            let units = entry.money("amount").map_or(Ok(0), |money| minor::of(&money))?;
            let is_bonus = entry.text("class") == Some(Class::Bonus.as_str());
            match (entry.text("kind") == Some(Kind::Spend.as_str()), is_bonus) {
                (true, true) => {
                    let lot = entry.link("lot").unwrap_or_default().to_owned();
                    spent.lots.push((Part { lot, class: Class::Bonus, amount: -units }, -units));
                }
                (true, false) => spent.cash -= units,
                (false, true) => {
                    spent.refunded.0 += units;
                    if let Some((_, left)) =
                        spent.lots.iter_mut().find(|(part, _)| entry.link("lot") == Some(&part.lot))
                    {
                        *left -= units;
                    }
                }
                (false, false) => spent.refunded.1 += units,
            }
        }
        Ok(spent)
    }

    fn bonus(&self) -> i64 {
        self.lots.iter().map(|(part, _)| part.amount).sum()
    }

    /// So much of the lots that were spent last.
    fn last(&self, amount: i64) -> Vec<Part> {
        let mut missing = amount;
        let mut parts = Vec::new();
        for (part, left) in self.lots.iter().rev() {
            let back = missing.min(*left);
            if back > 0 {
                missing -= back;
                parts.push(Part { amount: back, ..part.clone() });
            }
        }
        parts
    }
}

/// Money is paid out: only what was paid in, never what was given on top.
pub fn cash_out(input: &Input<'_>) -> Result<Value, Fault> {
    let mut card = card(input)?;
    let amount = amount(input, "amount", &card)?;
    card.know_open()?;
    let about = About { operation: Some(input.key()), ..About::default() };
    card.takes(Kind::CashOut, amount, about, |lot| lot.class != Class::Bonus)?;
    card.save()?;
    Ok(card.told())
}

/// Blocks a card, or lets it be used again.
pub fn block(input: &Input<'_>) -> Result<Value, Fault> {
    let code = input.needed("code")?;
    let unknown = || Fault::new("unknown_card", format!("There is no card {code}."));
    let card = find("code", code)?.ok_or_else(unknown)?;
    let status = if input.0["blocked"].as_bool().unwrap_or(true) { "blocked" } else { "active" };
    records::update(CARD, card.id(), Record::new().set("status", status))?;
    Ok(json!({"card": card.id(), "status": status}))
}
