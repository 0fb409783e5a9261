//! Exact numbers in CEL: decimals, and amounts of money.

use std::any::Any;
use std::cmp::Ordering;

use cel::ExecutionError;
use cel::common::traits::{Adder, Comparer, Divider, Indexer, Modder, Multiplier, Negator, Subtractor};
use cel::common::types::{CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use rust_decimal::Decimal;

use crate::domain::money::{Currency, Money};

static AMOUNT: Type = Type::new_unspecified_type("number");

/// A number, or so much of a currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    number: Decimal,
    currency: Option<Currency>,
}

impl Amount {
    /// A plain number.
    pub const fn number(number: Decimal) -> Self {
        Self { number, currency: None }
    }

    /// So much of a currency.
    pub fn money(money: Money) -> Self {
        let number = Decimal::from_i128_with_scale(i128::from(money.minor), money.currency.exponent());
        Self { number, currency: Some(money.currency) }
    }

    /// So much of this currency.
    pub const fn of(number: Decimal, currency: Currency) -> Self {
        Self { number, currency: Some(currency) }
    }

    /// The number, when it is no money.
    pub fn plain(&self) -> Option<Decimal> {
        self.currency.is_none().then_some(self.number)
    }

    /// The number and its currency, when it is money.
    pub fn in_currency(&self) -> Option<(Decimal, Currency)> {
        self.currency.map(|currency| (self.number, currency))
    }

    fn other<'a>(operator: &'static str, other: &'a dyn Val) -> Result<&'a Self, ExecutionError> {
        other.downcast_ref::<Self>().ok_or_else(|| wrong(operator, "works between numbers"))
    }

    /// Both sides of a sum, a difference or a comparison are of one currency, or none.
    fn alike<'a>(&self, operator: &'static str, other: &'a dyn Val) -> Result<&'a Self, ExecutionError> {
        let other = Self::other(operator, other)?;
        if self.currency == other.currency { Ok(other) } else { Err(wrong(operator, "works within one currency")) }
    }

    fn made<'b, 'v>(
        operator: &'static str,
        number: Option<Decimal>,
        currency: Option<Currency>,
    ) -> Result<CowVal<'b, 'v>, ExecutionError> {
        let number = number.ok_or_else(|| wrong(operator, super::NO_RESULT))?;
        Ok(CowVal::owned(Self { number, currency }))
    }
}

fn wrong(operator: &'static str, reason: &str) -> ExecutionError {
    ExecutionError::function_error(operator, reason)
}

impl Val for Amount {
    fn get_type(&self) -> &Type {
        &AMOUNT
    }

    fn cel_type() -> &'static Type {
        &AMOUNT
    }

    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_subtractor<'b, 'v>(&'b self) -> Option<&'b (dyn Subtractor + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_multiplier<'b, 'v>(&'b self) -> Option<&'b (dyn Multiplier + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_divider<'b, 'v>(&'b self) -> Option<&'b (dyn Divider + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_modder<'b, 'v>(&'b self) -> Option<&'b (dyn Modder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_negator<'b, 'v>(&'b self) -> Option<&'b (dyn Negator + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>() == Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(*self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Amount {}

impl Adder for Amount {
    fn add<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = self.alike("+", rhs)?;
        Self::made("+", self.number.checked_add(other.number), self.currency)
    }
}

impl Subtractor for Amount {
    fn sub<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = self.alike("-", rhs)?;
        Self::made("-", self.number.checked_sub(other.number), self.currency)
    }
}

impl Multiplier for Amount {
    fn mul<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = Self::other("*", rhs)?;
        if self.currency.is_some() && other.currency.is_some() {
            return Err(wrong("*", "does not multiply money by money"));
        }
        Self::made("*", self.number.checked_mul(other.number), self.currency.or(other.currency))
    }
}

impl Divider for Amount {
    fn div<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = Self::other("/", rhs)?;
        let currency = match (self.currency, other.currency) {
            (of, None) => of,
            (of, by) if of == by => None,
            _ => return Err(wrong("/", "works within one currency")),
        };
        Self::made("/", self.number.checked_div(other.number), currency)
    }
}

impl Modder for Amount {
    fn modulo<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = self.alike("%", rhs)?;
        Self::made("%", self.number.checked_rem(other.number), self.currency)
    }
}

impl Negator for Amount {
    fn negate<'v>(&self) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        Ok(Box::new(Self { number: -self.number, ..*self }))
    }
}

impl Comparer for Amount {
    fn compare(&self, rhs: &dyn Val) -> Result<Ordering, ExecutionError> {
        Ok(self.number.cmp(&self.alike("<", rhs)?.number))
    }
}

impl Indexer for Amount {
    /// `total.amount` and `total.currency`.
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        match (index.downcast_ref::<CelString<'_>>().map(CelString::inner), self.currency) {
            (Some("amount"), Some(_)) => Ok(CowVal::owned(Self::number(self.number))),
            (Some("currency"), Some(currency)) => Ok(CowVal::owned(CelString::from(currency.code().to_owned()))),
            _ => Err(wrong(".", "money has `amount` and `currency`")),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}
