//! Money in whole minor units of its currency: cents, fen, yen.

use guildhall_sdk::{Decimal, Fault, Money, minor_digits};

use crate::points::exact::billionths;

/// An amount in minor units: exact, or not at all.
pub fn of(money: &Money) -> Result<i64, Fault> {
    let one = 10_i128.pow(9 - minor_digits(&money.currency));
    let units = billionths(money.amount).filter(|units| units % one == 0).map(|units| units / one);
    units.and_then(|units| i64::try_from(units).ok()).ok_or_else(|| {
        let message = format!("{} has more digits than {} has, or is too large.", money.amount, money.currency);
        Fault::invalid(message).with_detail("field", "amount")
    })
}

/// The amount of so many minor units.
pub fn money(units: i64, currency: &str) -> Money {
    let digits = minor_digits(currency) as usize;
    let width = digits + 1;
    let text = format!("{:0>width$}", units.unsigned_abs());
    let (whole, fraction) = text.split_at(text.len() - digits);
    let sign = if units < 0 { "-" } else { "" };
    let point = if digits == 0 { "" } else { "." };
    // Digits with at most one point among them are a number.
    let amount = format!("{sign}{whole}{point}{fraction}").parse().unwrap_or(Decimal::ZERO);
    Money { amount, currency: currency.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let of = |amount: &str, currency: &str| {
            super::of(&Money { amount: amount.parse().unwrap(), currency: currency.to_owned() })
        };
        assert_eq!(
            (of("12.5", "EUR").unwrap(), of("12", "JPY").unwrap(), of("1.234", "KWD").unwrap()),
            (1250, 12, 1234)
        );
        for (amount, currency) in [("12.505", "EUR"), ("0.5", "JPY"), ("99999999999999999999", "EUR")] {
            assert_eq!(of(amount, currency).unwrap_err().code(), "validation_failed", "{amount}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(units: i64, currency in prop::sample::select(vec!["EUR", "JPY", "KWD"])) {
            prop_assume!(units != i64::MIN);
            prop_assert_eq!(of(&money(units, currency)).unwrap(), units);
        }
    }
}
