//! Money: whole minor units of a named currency, never a float.

use rust_decimal::Decimal;
use std::fmt;

use super::invalid::Unfit;

/// An ISO 4217 currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Currencies whose minor unit is not a hundredth (ISO 4217, "List One").
const EXPONENTS: &[(&str, u32)] = &[
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

impl Currency {
    /// Reads three capital letters.
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Number of decimal places of the minor unit.
    pub fn exponent(self) -> u32 {
        EXPONENTS.iter().find(|(code, _)| *code == self.code()).map_or(2, |(_, exponent)| *exponent)
    }
}

/// An amount in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Whole minor units: cents for `USD`, yen for `JPY`.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// Reads a decimal amount; more decimal places than the currency has are refused.
    pub fn parse(amount: &str, currency: &str) -> Result<Self, Unfit> {
        let currency = Currency::parse(currency)
            .ok_or_else(|| Unfit::wrong_type("a currency of three capital letters (ISO 4217)"))?;
        let amount = exact(amount).ok_or_else(|| Unfit::wrong_type("an amount as a decimal string, \"29.33\""))?;
        let mut minor = amount.normalize();
        if minor.scale() > currency.exponent() {
            return Err(Unfit::out_of_range(format!("{} has {} decimal places", currency.code(), currency.exponent())));
        }
        minor.rescale(currency.exponent());
        i64::try_from(minor.mantissa())
            .map(|minor| Self { minor, currency })
            .map_err(|_| Unfit::out_of_range("the amount is too large"))
    }
}

impl fmt::Display for Money {
    /// The amount without the currency, with all decimal places of the minor unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::from_i128_with_scale(i128::from(self.minor), self.currency.exponent()).fmt(f)
    }
}

/// Reads a plain decimal, `-12.50`, and never rounds.
pub fn exact(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(whole) && is_number(fraction)).then(|| Decimal::from_str_exact(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_cent() {
        assert_eq!(Money::parse("29.33", "USD").unwrap().minor, 2933);
        assert_eq!(Money::parse("0", "USD").unwrap().to_string(), "0.00");
        assert_eq!(Money::parse("-5", "JPY").unwrap().to_string(), "-5");
        assert_eq!(Money::parse("1.5", "KWD").unwrap().to_string(), "1.500");
    }

    #[test]
    fn refuses_what_would_lose_something() {
        for (amount, currency) in [
            ("1.234", "USD"),
            ("1e3", "USD"),
            ("1_000", "USD"),
            ("+5", "USD"),
            (".5", "USD"),
            ("5.", "USD"),
            ("0.99999999999999999999999999999999", "USD"),
            ("", "USD"),
            ("1", "usd"),
            ("1e3", "US"),
            ("ten", "EUR"),
            ("99999999999999999999", "EUR"),
        ] {
            assert!(Money::parse(amount, currency).is_err(), "{amount} {currency}");
        }
    }
}
