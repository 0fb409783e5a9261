//! Where the values of a field come from: people, a counter, or a calculation.

use std::cmp::Ordering;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Field, FieldDef, FieldType, NumberFormat};
use crate::domain::formula::Expression;
use crate::domain::money::{Currency, Money};
use crate::domain::value::Value;

/// Where the values of a field come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Whoever writes the record.
    Input,
    /// A counter of the tenant, when the record is added.
    AutoNumber(NumberFormat),
    /// Other values, whenever they change.
    Calculation(Calculation),
}

/// How a value follows from others.
#[derive(Clone, Debug)]
pub enum Calculation {
    /// From fields of the same record.
    Formula(Formula),
    /// From the records that link to this one.
    RollUp(Box<RollUp>),
}

/// A value computed from fields of the same record.
#[derive(Clone, Debug)]
pub struct Formula {
    /// What is computed.
    pub expression: Expression,
}

/// What a roll-up gathers, as written in a definition.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RollUpDef {
    /// `count`, `sum`, `min`, `max` or `avg`.
    pub function: String,
    /// The object whose records are gathered.
    pub object: String,
    /// Its link to this object.
    pub link: String,
    /// Its field; `count` needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Which of the records; all when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Json>,
    /// Money: the currency that counts; other amounts are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// What a roll-up does with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// How many records.
    Count,
    /// The sum of the values.
    Sum,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The mean of the values.
    Avg,
}

/// A value gathered from the records that link to this one.
#[derive(Clone, Debug)]
pub struct RollUp {
    /// As it was written.
    pub def: RollUpDef,
    /// What is done with the values.
    pub gather: Gather,
    /// The currency that counts.
    pub currency: Option<Currency>,
}

impl Formula {
    /// From the definition of a field.
    pub fn check(def: &FieldDef) -> Result<Self, String> {
        let text = def.expression.as_deref().unwrap_or_default();
        let expression = Expression::parse(text).map_err(|reason| format!("field `{}`: {reason}", def.name))?;
        Ok(Self { expression })
    }
}

impl RollUp {
    /// From the definition of a field, with the type of what it yields.
    pub fn check(def: &FieldDef) -> Result<(FieldType, Self), String> {
        let wrong = |reason: &str| format!("field `{}`: {reason}", def.name);
        let rollup = def.rollup.clone().ok_or_else(|| wrong("a rollup needs `rollup`"))?;
        let gather = match rollup.function.as_str() {
            "count" => Gather::Count,
            "sum" => Gather::Sum,
            "min" => Gather::Min,
            "max" => Gather::Max,
            "avg" => Gather::Avg,
            _ => return Err(wrong("`function` is one of count, sum, min, max, avg")),
        };
        if (gather == Gather::Count) != rollup.field.is_none() {
            return Err(wrong("all functions but `count` need `field`"));
        }
        let currency = match &rollup.currency {
            None => None,
            Some(code) => Some(Currency::parse(code).ok_or_else(|| wrong("`currency` is a code like EUR"))?),
        };
        let returns = match gather {
            Gather::Count => "integer",
            _ => def.returns.as_deref().ok_or_else(|| wrong("a rollup needs `returns`, the type of its field"))?,
        };
        let kind = FieldType::check(def, returns)?;
        let fits = match gather {
            Gather::Count => true,
            Gather::Sum => matches!(kind, FieldType::Integer | FieldType::Decimal { .. } | FieldType::Money),
            Gather::Avg => matches!(kind, FieldType::Decimal { .. } | FieldType::Money),
            Gather::Min | Gather::Max => kind.is_sortable(),
        };
        if !fits {
            return Err(wrong("`returns` does not fit the function"));
        }
        if matches!(kind, FieldType::Money) != currency.is_some() {
            return Err(wrong("a rollup of money, and no other, needs `currency`"));
        }
        Ok((kind, Self { def: rollup, gather, currency }))
    }

    /// Whether values of a field can be gathered into another.
    pub fn takes(&self, from: &Field, into: &Field) -> bool {
        match (self.gather, &from.kind, &into.kind) {
            (Gather::Avg, FieldType::Integer | FieldType::Decimal { .. }, FieldType::Decimal { .. })
            | (Gather::Avg | Gather::Sum, FieldType::Money, FieldType::Money)
            | (Gather::Sum, FieldType::Integer, FieldType::Integer | FieldType::Decimal { .. }) => true,
            (Gather::Sum, FieldType::Decimal { scale, .. }, FieldType::Decimal { scale: into, .. }) => scale <= into,
            (Gather::Min | Gather::Max, from, into) => {
                std::mem::discriminant(from) == std::mem::discriminant(into)
                    && !matches!((from, into), (FieldType::Decimal { scale: a, .. }, FieldType::Decimal { scale: b, .. }) if a != b)
            }
            _ => false,
        }
    }

    /// What the values gathered so far come to, as a value of this type.
    pub fn result(&self, kind: &FieldType, gathered: &Gathered) -> Value {
        let number = |number: Decimal| match (kind, self.currency) {
            (FieldType::Integer, _) => number.to_i64().map(Value::Integer),
            (FieldType::Decimal { precision, scale }, _) => {
                let mut number = number.round_dp_with_strategy(*scale, RoundingStrategy::MidpointAwayFromZero);
                number.rescale(*scale);
                (number.mantissa().unsigned_abs() < 10_u128.pow(*precision)).then_some(Value::Decimal(number))
            }
            (FieldType::Money, Some(currency)) => {
                let minor = number.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64();
                minor.map(|minor| Value::Money(Money { minor, currency }))
            }
            _ => None,
        };
        let value = match self.gather {
            Gather::Count => i64::try_from(gathered.records).ok().map(Value::Integer),
            Gather::Sum => number(gathered.sum),
            Gather::Avg if gathered.values == 0 => None,
            Gather::Avg => gathered.sum.checked_div(gathered.values.into()).and_then(number),
            Gather::Min => gathered.min.clone(),
            Gather::Max => gathered.max.clone(),
        };
        value.unwrap_or(Value::Null)
    }
}

/// Values gathered so far. Money counts in minor units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// Records seen.
    pub records: u64,
    /// Records that had a value.
    pub values: u64,
    /// The sum of the values that are numbers.
    pub sum: Decimal,
    /// The smallest value.
    pub min: Option<Value>,
    /// The largest value.
    pub max: Option<Value>,
}

impl Gathered {
    /// Adds a record with this value; none when only records are counted.
    pub fn add(&mut self, value: Option<&Value>) {
        self.records += 1;
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        self.values += 1;
        let number = match value {
            Value::Integer(number) => Decimal::from(*number),
            Value::Decimal(number) => *number,
            Value::Money(money) => Decimal::from(money.minor),
            _ => Decimal::ZERO,
        };
        self.sum = self.sum.saturating_add(number);
        self.extend(Some(value.clone()), Some(value.clone()));
    }

    /// Takes in the ends of a further range.
    pub fn extend(&mut self, min: Option<Value>, max: Option<Value>) {
        let pick = |known: Option<Value>, new: Option<Value>, better: Ordering| match (known, new) {
            (Some(known), Some(new)) => Some(if new.compare(&known) == Some(better) { new } else { known }),
            (known, new) => known.or(new),
        };
        self.min = pick(self.min.take(), min, Ordering::Less);
        self.max = pick(self.max.take(), max, Ordering::Greater);
    }
}
