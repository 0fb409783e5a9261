//! What a deal is worth.

use guildhall_sdk::{Decimal, Fault, Money};

use crate::exact;

/// Amount times probability, exact; `None` when it does not fit.
pub fn weighted(amount: Decimal, probability: i64) -> Option<Decimal> {
    // The hundredth is exact: it only moves the point.
    let product = amount.checked_mul(Decimal::from(probability))?;
    product.checked_mul(exact::divide(Decimal::from(1), Decimal::from(100), 2)?)
}

/// Refuses an amount that is negative, enormous, or in a currency that the pipeline does not take.
pub fn look_at_amount(field: &str, amount: &Money, most: Decimal, currency: Option<&str>) -> Result<(), Fault> {
    let refuse = |code: &str, message: String| Err(Fault::new(code, message).with_detail("field", field));
    if amount.amount.is_negative() {
        return refuse("negative_amount", format!("`{field}` is below zero."));
    }
    if amount.amount > most {
        return refuse("amount_too_large", format!("`{field}` is more than {most}."));
    }
    match currency {
        Some(currency) if currency != amount.currency => {
            refuse("currency_mismatch", format!("`{field}` is in {}, and has to be in {currency}.", amount.currency))
        }
        _ => Ok(()),
    }
}
