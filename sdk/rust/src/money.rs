//! Amounts of money, exact.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Decimal;

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

/// How many digits behind the point an amount in the currency has: 2 for `EUR`, none for `JPY`, 3 for `KWD`.
///
/// ```
/// assert_eq!(["EUR", "JPY", "KWD"].map(guildhall_sdk::minor_digits), [2, 0, 3]);
/// ```
pub fn minor_digits(currency: &str) -> u32 {
    EXPONENTS.iter().find(|(code, _)| *code == currency).map_or(2, |(_, digits)| *digits)
}

/// An amount in a currency: `{"amount":"29.33","currency":"USD"}` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much, in the main unit of the currency.
    pub amount: Decimal,
    /// Its ISO 4217 code.
    pub currency: String,
}

impl Money {
    /// As it travels; `None` when it is none.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let text = |name| value.get(name)?.as_str();
        Some(Self { amount: text("amount")?.parse().ok()?, currency: text("currency")?.to_owned() })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount, self.currency)
    }
}

impl From<Money> for Value {
    fn from(money: Money) -> Self {
        let mut fields = Map::new();
        fields.insert("amount".to_owned(), Value::from(money.amount));
        fields.insert("currency".to_owned(), Value::from(money.currency));
        Value::Object(fields)
    }
}
