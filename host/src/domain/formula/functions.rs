//! What formulas can call beyond CEL's own functions.

#![expect(clippy::trivially_copy_pass_by_ref, reason = "the form in which the crate hands arguments over")]

use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::common::types::{CelDouble, CelDuration, CelInt, CelString, CelTimestamp, CelUInt};
use cel::{Env, ExecutionError, IdedExpr, add_overload};
use chrono::Datelike;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::amount::Amount;
use crate::domain::money::{Currency, exact};

/// Turns text or one of CEL's own numbers into an exact number.
pub const NUMBER: &str = "number";

/// Functions of CEL that yield its own kind of number.
pub const COUNTING: &[&str] = &[
    "size",
    "int",
    "uint",
    "double",
    "getFullYear",
    "getMonth",
    "getDayOfMonth",
    "getDate",
    "getDayOfYear",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// Largest number of decimal places that `round` can ask for.
const MAX_PLACES: u32 = 18;

/// The functions that formulas know.
pub fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(build()));
    Arc::clone(&ENVIRONMENT)
}

/// A call of a function with one argument.
pub fn call(function: &str, argument: IdedExpr) -> Expr {
    Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args: vec![argument] })
}

/// The digits of a literal number.
pub fn number_text(literal: &LiteralValue) -> Option<String> {
    match literal {
        LiteralValue::Int(value) => Some(value.inner().to_string()),
        LiteralValue::UInt(value) => Some(value.inner().to_string()),
        // The shortest text that stands for the float is what was written.
        LiteralValue::Double(value) => Some(value.inner().to_string()),
        _ => None,
    }
}

fn build() -> Env {
    let mut env = Env::stdlib();
    let added = [
        add_overload!(env, fn of_text: (CelString<'_>) -> Result<Amount>, name = "number"),
        add_overload!(env, fn of_int: (CelInt) -> Amount, name = "number"),
        add_overload!(env, fn of_uint: (CelUInt) -> Amount, name = "number"),
        add_overload!(env, fn of_double: (CelDouble) -> Result<Amount>, name = "number"),
        add_overload!(env, fn of_amount: (Amount) -> Amount, name = "number"),
        add_overload!(env, fn money: (Amount, CelString<'_>) -> Result<Amount>),
        add_overload!(env, fn round: (Amount, Amount) -> Result<Amount>),
        add_overload!(env, fn whole: (Amount) -> Result<Amount>, name = "round"),
        add_overload!(env, fn floor: (Amount) -> Result<Amount>),
        add_overload!(env, fn ceil: (Amount) -> Result<Amount>),
        add_overload!(env, fn abs: (Amount) -> Result<Amount>),
        add_overload!(env, fn min: (Amount, Amount) -> Result<Amount>),
        add_overload!(env, fn max: (Amount, Amount) -> Result<Amount>),
        add_overload!(env, fn amount_text: (Amount) -> CelString<'static>, name = "text"),
        add_overload!(env, fn lower: (CelString<'_>) -> CelString<'static>),
        add_overload!(env, fn upper: (CelString<'_>) -> CelString<'static>),
        add_overload!(env, fn trim: (CelString<'_>) -> CelString<'static>),
        add_overload!(env, fn days: (CelDuration) -> Amount),
        add_overload!(env, fn hours: (CelDuration) -> Amount),
        add_overload!(env, fn year: (CelTimestamp) -> Amount),
        add_overload!(env, fn month: (CelTimestamp) -> Amount),
        add_overload!(env, fn day: (CelTimestamp) -> Amount),
    ];
    for one in added.into_iter().chain([super::work::declare(&mut env)]) {
        if let Err(error) = one {
            tracing::error!(%error, "a function of formulas cannot be declared");
        }
    }
    env
}

fn failed(function: &str, reason: &str) -> ExecutionError {
    ExecutionError::function_error(function, reason)
}

fn of_text(text: &CelString<'_>) -> Result<Amount, ExecutionError> {
    exact(text.inner()).map(Amount::number).ok_or_else(|| failed(NUMBER, "reads decimals like 12.50"))
}

fn of_int(value: &CelInt) -> Amount {
    Amount::number((*value.inner()).into())
}

fn of_uint(value: &CelUInt) -> Amount {
    Amount::number((*value.inner()).into())
}

fn of_double(value: &CelDouble) -> Result<Amount, ExecutionError> {
    exact(&value.inner().to_string()).map(Amount::number).ok_or_else(|| failed(NUMBER, "the number is too large"))
}

fn of_amount(value: &Amount) -> Amount {
    *value
}

fn money(number: &Amount, currency: &CelString<'_>) -> Result<Amount, ExecutionError> {
    match (number.plain(), Currency::parse(currency.inner())) {
        (Some(number), Some(currency)) => Ok(Amount::of(number, currency)),
        _ => Err(failed("money", "takes a number and a currency")),
    }
}

/// Applies a function to the number, and keeps the currency.
fn map(amount: &Amount, function: impl Fn(Decimal) -> Decimal) -> Result<Amount, ExecutionError> {
    match (amount.plain(), amount.in_currency()) {
        (Some(number), _) => Ok(Amount::number(function(number))),
        (_, Some((number, currency))) => Ok(Amount::of(function(number), currency)),
        _ => Err(failed(NUMBER, "takes a number")),
    }
}

fn round(amount: &Amount, places: &Amount) -> Result<Amount, ExecutionError> {
    let places = places.plain().and_then(|places| places.to_u32()).filter(|places| *places <= MAX_PLACES);
    let places = places.ok_or_else(|| failed("round", "takes 0 to 18 decimal places"))?;
    map(amount, |number| number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero))
}

fn whole(amount: &Amount) -> Result<Amount, ExecutionError> {
    map(amount, |number| number.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
}

fn floor(amount: &Amount) -> Result<Amount, ExecutionError> {
    map(amount, |number| number.floor())
}

fn ceil(amount: &Amount) -> Result<Amount, ExecutionError> {
    map(amount, |number| number.ceil())
}

fn abs(amount: &Amount) -> Result<Amount, ExecutionError> {
    map(amount, |number| number.abs())
}

fn min(a: &Amount, b: &Amount) -> Result<Amount, ExecutionError> {
    use cel::common::traits::Comparer;
    Ok(if a.compare(b)?.is_gt() { *b } else { *a })
}

fn max(a: &Amount, b: &Amount) -> Result<Amount, ExecutionError> {
    use cel::common::traits::Comparer;
    Ok(if a.compare(b)?.is_lt() { *b } else { *a })
}

fn amount_text(amount: &Amount) -> CelString<'static> {
    let number = amount.plain().or(amount.in_currency().map(|(number, _)| number)).unwrap_or_default();
    CelString::from(number.to_string())
}

fn lower(text: &CelString<'_>) -> CelString<'static> {
    CelString::from(text.inner().to_lowercase())
}

fn upper(text: &CelString<'_>) -> CelString<'static> {
    CelString::from(text.inner().to_uppercase())
}

fn trim(text: &CelString<'_>) -> CelString<'static> {
    CelString::from(text.inner().trim().to_owned())
}

fn days(duration: &CelDuration) -> Amount {
    Amount::number(duration.inner().num_days().into())
}

fn hours(duration: &CelDuration) -> Amount {
    Amount::number(duration.inner().num_hours().into())
}

fn year(at: &CelTimestamp) -> Amount {
    Amount::number(at.inner().to_utc().year().into())
}

fn month(at: &CelTimestamp) -> Amount {
    Amount::number(at.inner().to_utc().month().into())
}

fn day(at: &CelTimestamp) -> Amount {
    Amount::number(at.inner().to_utc().day().into())
}
