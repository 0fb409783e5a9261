//! How a decimal number is written.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{Decimal, MOST_DIGITS, power_of_ten};

/// A text that is not a decimal number, or one with too many digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidDecimal;

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    /// Reads `-12`, `0.5` or `29.330`: digits on both sides of a point, no exponent.
    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(InvalidDecimal),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let scale = u32::try_from(fraction.len()).map_err(|_| InvalidDecimal)?;
        if whole.is_empty() || scale > MOST_DIGITS {
            return Err(InvalidDecimal);
        }
        let mut units = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return Err(InvalidDecimal);
            }
            units = units
                .checked_mul(10)
                .and_then(|units| units.checked_add(i128::from(digit - b'0')))
                .ok_or(InvalidDecimal)?;
        }
        let units = if negative { -units } else { units };
        Ok(Self { units, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let units = self.units.unsigned_abs();
        let one = power_of_ten(self.scale).unsigned_abs();
        let (whole, fraction) = (units / one, units % one);
        if self.scale == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        let width = self.scale as usize;
        write!(formatter, "{sign}{whole}.{fraction:0width$}")
    }
}

impl fmt::Display for InvalidDecimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a decimal number is written like 12 or 29.33")
    }
}

impl std::error::Error for InvalidDecimal {}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Value::String(number.to_string())
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
