//! A part of an order is paid back, or all of it.

use guildhall_sdk::{Fault, Value, json, records};

use super::input::Input;
use crate::ledger::Ledger;
use crate::order::Claim;
use crate::settings::Settings;
use crate::settle::settle;

/// Takes back the points' share of what is paid back. The last refund takes the rest exactly. Points that were spent
/// on the order are not spent again, nor given back: `return_points` does that.
pub fn refund(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let id = input.needed("order")?;
    let amount = input.money("amount")?;
    let unknown = || Fault::new("unknown_order", format!("There is no order {id}."));
    let order = records::get("order", id)?.ok_or_else(unknown)?;
    let total = order.money("total").ok_or_else(unknown)?;
    if total.currency != amount.currency {
        let message = format!("The order is in {}, not in {}.", total.currency, amount.currency);
        return Err(Fault::new("other_currency", message).with_detail("currency", total.currency));
    }
    ledger.members.read_contacts(order.link("contact").into_iter())?;
    let claim = Claim::of_order(&order, &settings, |moment| ledger.day(moment))?;
    let is_earned = |contact: &String| settings.auto_enrol || ledger.members.of_contact(contact).is_some();
    if claim.basket.is_none() || !claim.earner.as_ref().is_some_and(is_earned) {
        return Err(Fault::new("nothing_earned", "The order has earned nothing: there is nothing to take back."));
    }
    let claim = Claim { refund: Some(amount.amount), ..claim };
    let moved = settle(std::slice::from_ref(&claim), &mut ledger)?;
    ledger.save()?;
    Ok(json!({"order": id, "reversed": -moved}))
}
