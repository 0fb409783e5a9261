//! Products of deals: the amount of a deal that has any is their sum, in the same commit.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_sdk::{Change, Decimal, Fault, Money, Operation, Outcome, Record, config, records};
use sales_rules::deal::{Lines, look_at_amount};

use crate::settings::Settings;
use crate::{outcome, page};

/// The most products of a deal, or of a quote.
pub const MOST: usize = 200;

pub fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let settings: Settings = config::get()?;
    let ids: BTreeSet<&str> = changes.iter().filter_map(deal_of).collect();
    let deals = page::with_any("sales.deal", "id", ids.iter().copied().collect())?;
    let judge = |change| judged(change, &deals, &settings).map(|()| None);
    let outcomes = changes.iter().map(|change| outcome(judge(change))).collect::<Result<Vec<_>, _>>()?;
    let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refuse(_));
    if outcomes.iter().any(is_refused) {
        // What is refused is left out, and the rest is shown again.
        return Ok(outcomes);
    }
    let sums = of_deals(ids.into_iter().collect())?;
    for deal in &deals {
        let fields = counted(deal);
        // A deal without products keeps its amount, and may be given another one.
        let fields = match sums.get(deal.id()) {
            Some(lines) => fields.set("amount", lines.total.clone()),
            None => fields,
        };
        records::update("sales.deal", deal.id(), fields)?;
    }
    Ok(outcomes)
}

/// The next revision of a deal or a quote, which guards its lines: it is written although their sum may be the same, so
/// that who looks at the lines meanwhile runs again.
pub fn counted(guard: &Record) -> Record {
    Record::new().set("revision", guard.integer("revision").unwrap_or_default() + 1)
}

fn deal_of(change: &Change) -> Option<&str> {
    change.after.as_ref().or(change.before.as_ref())?.link("deal")
}

fn judged(change: &Change, deals: &[Record], settings: &Settings) -> Result<(), Fault> {
    let deal = deals.iter().find(|deal| Some(deal.id()) == deal_of(change));
    let is_gone = deal.is_none() && change.operation == Operation::Delete;
    if deal.is_none_or(|deal| deal.text("status") != Some("open")) && !is_gone {
        return Err(Fault::new("deal_closed", "Only an open deal gets other products."));
    }
    let Some(line) = &change.after else { return Ok(()) };
    look_at_line(change.before.as_ref(), line, "deal", settings.max_amount)
}

/// Refuses a line that makes no sense, or that goes to another record.
pub fn look_at_line(before: Option<&Record>, line: &Record, of: &str, most: Decimal) -> Result<(), Fault> {
    let refuse = |code: &str, field: &str, message: &str| Err(Fault::new(code, message).with_detail("field", field));
    if before.is_some_and(|before| before.link(of) != line.link(of)) {
        return refuse("line_moved", of, "A line stays where it is.");
    }
    if line.decimal("quantity").is_none_or(|quantity| quantity <= Decimal::ZERO) {
        return refuse("quantity_out_of_range", "quantity", "A quantity is above zero.");
    }
    let discount = line.decimal("discount").unwrap_or(Decimal::ZERO);
    if discount.is_negative() || discount > Decimal::from(1) {
        return refuse("discount_out_of_range", "discount", "A discount is from 0 to 1.");
    }
    for field in ["unit_price", "amount"] {
        match line.money(field) {
            Some(amount) => look_at_amount(field, &amount, most, None)?,
            None => return refuse("amount_too_large", field, "The line cannot be worked out."),
        }
    }
    Ok(())
}

/// The products of these deals together.
pub fn of_deals(ids: Vec<&str>) -> Result<BTreeMap<String, Lines>, Fault> {
    sums("deal", &page::with_any("sales.deal_line", "deal", ids)?)
}

/// Lines together, by the record that they belong to.
pub fn sums(of: &str, lines: &[Record]) -> Result<BTreeMap<String, Lines>, Fault> {
    let mut sums: BTreeMap<String, Lines> = BTreeMap::new();
    for line in lines {
        let (Some(id), Some(amount)) = (line.link(of), line.money("amount")) else { continue };
        match sums.get_mut(id) {
            None => {
                sums.insert(id.to_owned(), Lines { count: 1, total: amount });
            }
            Some(sum) => *sum = added(sum, &amount)?,
        }
    }
    Ok(sums)
}

fn added(sum: &Lines, amount: &Money) -> Result<Lines, Fault> {
    let Money { amount: total, currency } = &sum.total;
    if *currency != amount.currency {
        let message = format!("All lines are in one currency, {currency} or {}.", amount.currency);
        return Err(Fault::new("currency_mismatch", message).with_detail("field", "unit_price"));
    }
    if sum.count == MOST {
        return Err(Fault::new("too_many_lines", format!("There are at most {MOST} lines.")));
    }
    let total = total.checked_add(amount.amount);
    let total = total.ok_or_else(|| Fault::new("amount_too_large", "The sum of the lines is too large."))?;
    Ok(Lines { count: sum.count + 1, total: Money { amount: total, currency: currency.clone() } })
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::json;

    use super::*;

    fn line(deal: &str, amount: &str, currency: &str) -> Record {
        Record::new().set("deal", deal).set("amount", json!({"amount": amount, "currency": currency}))
    }

    #[test]
    fn lines_add_up_by_their_deal_and_in_one_currency() {
        let sums_of = |lines: &[Record]| sums("deal", lines);
        let added = sums_of(&[line("a", "0.10", "EUR"), line("b", "5", "JPY"), line("a", "0.20", "EUR")]).unwrap();
        assert_eq!((added["a"].count, added["a"].total.to_string()), (2, "0.30 EUR".to_owned()));
        assert_eq!((added["b"].count, added["b"].total.to_string()), (1, "5 JPY".to_owned()));
        let mixed = sums_of(&[line("a", "0.10", "EUR"), line("a", "0.10", "USD")]);
        assert_eq!(mixed.unwrap_err().code(), "currency_mismatch");
        let many: Vec<Record> = (0..=MOST).map(|_| line("a", "0.01", "EUR")).collect();
        assert_eq!(sums_of(&many[1..]).unwrap()["a"].total.to_string(), "2.00 EUR");
        assert_eq!(sums_of(&many).unwrap_err().code(), "too_many_lines");
    }

    #[test]
    fn a_line_that_makes_no_sense_is_refused() {
        let most = Decimal::from(100);
        let good = line("a", "20.00", "EUR")
            .set("quantity", "2.000")
            .set("unit_price", json!({"amount": "10.00", "currency": "EUR"}));
        let code = |before: Option<&Record>, line: &Record| {
            look_at_line(before, line, "deal", most).err().map(|fault| fault.code().to_owned())
        };
        assert_eq!(code(None, &good), None);
        for (wrong, expected) in [
            (good.clone().set("quantity", "0.000"), "quantity_out_of_range"),
            (good.clone().set("quantity", "-1.000"), "quantity_out_of_range"),
            (good.clone().set("discount", "-0.1000"), "discount_out_of_range"),
            (good.clone().set("discount", "1.0001"), "discount_out_of_range"),
            (good.clone().set("unit_price", json!({"amount": "-1.00", "currency": "EUR"})), "negative_amount"),
            (good.clone().set("amount", json!({"amount": "100.01", "currency": "EUR"})), "amount_too_large"),
            (good.clone().set("amount", ()), "amount_too_large"),
        ] {
            assert_eq!(code(None, &wrong).as_deref(), Some(expected), "{wrong:?}");
        }
        assert_eq!(code(Some(&good), &good.clone().set("deal", "b")).as_deref(), Some("line_moved"));
    }
}
