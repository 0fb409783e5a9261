//! What a deal is worth.

use guildhall_sdk::{Decimal, Fault, Money};

use crate::exact;

/// Currencies whose minor unit is not a hundredth (ISO 4217).
const EXPONENTS: [(&str, u32); 26] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// How many digits behind the point an amount in the currency has.
pub fn minor_digits(currency: &str) -> u32 {
    EXPONENTS.iter().find(|(code, _)| *code == currency).map_or(2, |(_, digits)| *digits)
}

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
