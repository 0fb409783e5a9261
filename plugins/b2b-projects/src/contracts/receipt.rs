//! Receipts: no more of one is matched than came in.

use b2b_rules::number::{minor, money};
use guildhall_sdk::{Fault, Record, filter, records};

use super::{RECEIPT, RECEIPT_MATCH};
use crate::store;

/// Adds up the matches of a receipt. It is read before them, and written: whoever else changes them meanwhile makes
/// this call run again.
pub fn settle(id: &str) -> Result<(), Fault> {
    let receipt = store::need(RECEIPT, id)?;
    let amount = receipt.money("amount").ok_or_else(|| Fault::invalid("A receipt has an amount."))?;
    let limit = minor(&amount)?;
    if limit <= 0 {
        return Err(Fault::new("amount_out_of_range", "The amount of the receipt is too small."));
    }
    let mut matched = 0;
    for one in store::all(RECEIPT_MATCH, &filter::eq("receipt", id))? {
        let part = one.money("amount").ok_or_else(|| Fault::invalid("A match has an amount."))?;
        if part.currency != amount.currency {
            return Err(Fault::new("other_currency", format!("A receipt of {amount} does not pay {part}.")));
        }
        matched += minor(&part)?;
    }
    if matched > limit {
        let matched = money(matched, &amount.currency);
        return Err(Fault::new(
            "receipt_over_matched",
            format!("{matched} of a receipt of {amount} would be matched."),
        )
        .with_detail("receipt", id));
    }
    let revision = receipt.integer("revision").unwrap_or_default() + 1;
    let sums = Record::new().set("matched", money(matched, &amount.currency)).set("revision", revision);
    records::update(RECEIPT, id, sums).map(drop)
}
