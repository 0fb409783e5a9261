//! Exact numbers: decimals as whole units at a scale, and how a fraction is rounded.

use std::cmp::Ordering;

use guildhall_sdk::{Decimal, Fault, Money, minor_digits};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

/// A decimal as whole units with so many digits behind the point; none when it has more digits, or does not fit.
pub fn units(number: Decimal, scale: u32) -> Option<i128> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()
}

/// Whole units as a decimal with so many digits behind the point.
pub fn decimal(units: i128, scale: u32) -> Decimal {
    let width = usize::try_from(scale).unwrap_or_default();
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = width + 1);
    let (whole, fraction) = digits.split_at(digits.len() - width);
    let point = if width == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}").parse().unwrap_or(Decimal::ZERO)
}

/// An amount in minor units of its currency.
pub fn minor(money: &Money) -> Result<i128, Fault> {
    units(money.amount, minor_digits(&money.currency))
        .ok_or_else(|| Fault::new("amount_out_of_range", format!("{money} is finer than the currency, or too large.")))
}

/// Minor units as an amount of a currency.
pub fn money(minor: i128, currency: &str) -> Money {
    Money { amount: decimal(minor, minor_digits(currency)), currency: currency.to_owned() }
}

/// A whole number as a fraction.
pub fn whole(number: i128) -> BigRational {
    BigRational::from_integer(BigInt::from(number))
}

/// The quotient; none when the divisor is zero.
pub fn over(dividend: &BigRational, divisor: &BigRational) -> Option<BigRational> {
    (!divisor.is_zero()).then(|| dividend / divisor)
}

/// Rounded to whole units, halves to the even one; none when that does not fit.
pub fn rounded(fraction: &BigRational) -> Option<i128> {
    let floor = fraction.floor();
    let rest = (fraction - &floor).abs();
    let half = BigRational::new(BigInt::from(1), BigInt::from(2));
    let floor = floor.to_integer();
    let up = match rest.cmp(&half) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => floor.bit(0),
    };
    (floor + BigInt::from(u8::from(up))).to_i128()
}

/// Rounded to so many digits behind the point, halves to the even one; none when that does not fit.
pub fn rounded_to(fraction: &BigRational, scale: u32) -> Option<Decimal> {
    let shifted = fraction * whole(10_i128.checked_pow(scale)?);
    rounded(&shifted).map(|units| decimal(units, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_units_and_back() {
        for (text, scale, whole) in
            [("1.50", 2, 150), ("-0.05", 2, -5), ("7", 0, 7), ("0.1000", 1, 1), ("-3", 3, -3000)]
        {
            assert_eq!(units(of(text), scale), Some(whole), "{text}");
            assert_eq!(decimal(whole, scale), of(text), "{text}");
        }
        assert_eq!(units(of("0.001"), 2), None);
        assert_eq!(units(of("170141183460469231731687303715884105727"), 2), None);
        assert_eq!(decimal(-5, 2).to_string(), "-0.05");
        assert_eq!(decimal(5, 0).to_string(), "5");
    }

    #[test]
    fn halves_go_to_the_even_side() {
        let at = |n: i64, d: i64| rounded(&BigRational::new(BigInt::from(n), BigInt::from(d)));
        let cases = [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (-1, 3, 0), (-2, 3, -1), (8, 3, 3)];
        for (n, d, expected) in cases {
            assert_eq!(at(n, d), Some(expected), "{n}/{d}");
        }
        let third = BigRational::new(BigInt::from(-1), BigInt::from(3));
        assert_eq!(rounded_to(&third, 2), Some(of("-0.33")));
    }

    #[test]
    fn minor_units_are_those_of_the_currency() {
        let amount = |amount: &str, currency: &str| Money { amount: of(amount), currency: currency.to_owned() };
        assert_eq!(minor(&amount("12.30", "EUR")), Ok(1230));
        assert_eq!(minor(&amount("12", "JPY")), Ok(12));
        assert_eq!(minor(&amount("1.234", "KWD")), Ok(1234));
        assert_eq!(minor(&amount("12.5", "JPY")).unwrap_err().code(), "amount_out_of_range");
        assert_eq!(money(1234, "KWD"), amount("1.234", "KWD"));
    }
}
