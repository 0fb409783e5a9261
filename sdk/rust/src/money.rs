//! Amounts of money, exact.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Decimal;

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
