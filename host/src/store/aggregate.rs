//! Figures over records as SQL: exact on both engines, in whole numbers only.

use std::cmp::Ordering;
use std::sync::Arc;

use rust_decimal::Decimal;
use sea_query::{Alias, Asterisk, CaseStatement, Expr, ExprTrait, Func, Query as Sql, SelectStatement};
use serde_json::{Value as Json, json};

use super::db::{Engine, Reach, Row, Stmt};
use super::list::{Compiler, column};
use super::{Store, StoreError, custom};
use crate::access::Permits;
use crate::domain::aggregate::{AVERAGE_SCALE, Aggregate, Function, MAX_GROUPS, Measure};
use crate::domain::field::FieldType;
use crate::domain::filter::{Filter, Target};
use crate::domain::money::Currency;
use crate::domain::object::Object;
use crate::domain::value::Value;

/// Sums are made of two halves, so that the sum of any number of 64-bit numbers is exact.
const HALF: i64 = 1_000_000_000;

/// One figure of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A value as a field has it.
    Value(Value),
    /// An exact number, in a currency when it is money.
    Number(Decimal, Option<Currency>),
}

/// The bounds of the stretches of one key: stretch `n` is from bound `n` to the next.
pub type Bounds = Option<Vec<Value>>;

impl Cell {
    /// As JSON in the form of the API.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Value(value) => serde_json::to_value(value).unwrap_or(Json::Null),
            Self::Number(amount, Some(currency)) => {
                json!({"amount": amount.to_string(), "currency": currency.code()})
            }
            Self::Number(number, None) => json!(number.to_string()),
        }
    }

    /// The order of figures of one column; missing ones last.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Value(Value::Null), Self::Value(Value::Null)) => Ordering::Equal,
            (Self::Value(Value::Null), _) => Ordering::Greater,
            (_, Self::Value(Value::Null)) => Ordering::Less,
            (Self::Value(a), Self::Value(b)) => a.compare(b).unwrap_or(Ordering::Equal),
            (Self::Number(a, _), Self::Number(b, _)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

impl Store {
    /// The least and the greatest value of a field among the records that meet a filter.
    pub async fn extent(
        &self,
        permits: &Permits,
        filter: Option<&Filter>,
        target: Target,
    ) -> Result<Option<(Value, Value)>, StoreError> {
        let (mut select, sql) = self.filtered(permits, filter, false)?;
        select.expr(Func::min(sql.column(target))).expr(Func::max(sql.column(target)));
        let object = Arc::clone(permits.own().object());
        let stmt = Stmt::build(self.db.engine(), &select);
        let end = move |row: &Row<'_>| Ok((value(row, 0, &object, target)?, value(row, 1, &object, target)?));
        let rows = self.db.of(permits.own().tenant()).all(Reach::List, stmt, end).await?;
        Ok(rows.into_iter().next().filter(|(least, _)| !least.is_null()))
    }

    /// The groups of a question, each with its keys and measures; one more than the bound at most.
    pub async fn aggregate(
        &self,
        permits: &Permits,
        filter: Option<&Filter>,
        aggregate: &Aggregate,
        bounds: &[Bounds],
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        let select = self.figures(permits, filter, aggregate, bounds)?;
        let object = Arc::clone(permits.own().object());
        let aggregate = aggregate.clone();
        let bucketed: Vec<bool> = bounds.iter().map(Option::is_some).collect();
        let read = move |row: &Row<'_>| read_group(&object, &aggregate, &bucketed, row);
        self.db.of(permits.own().tenant()).all(Reach::List, Stmt::build(self.db.engine(), &select), read).await
    }

    fn figures(
        &self,
        permits: &Permits,
        filter: Option<&Filter>,
        aggregate: &Aggregate,
        bounds: &[Bounds],
    ) -> Result<SelectStatement, StoreError> {
        let engine = self.db.engine();
        let object = permits.own().object();
        let (mut inner, sql) = self.filtered(permits, filter, false)?;
        let mut outer = Sql::select();
        let group = |outer: &mut SelectStatement, name: String| {
            outer.expr(column(&name));
            outer.add_group_by([column(&name)]);
        };
        for (at, (key, bounds)) in aggregate.keys.iter().zip(bounds).enumerate() {
            let own = sql.column(key.target);
            let expr = match bounds {
                None => own,
                Some(bounds) => stretch(&sql, key.target, bounds, &mut inner),
            };
            inner.expr_as(expr, Alias::new(format!("k{at}")));
            group(&mut outer, format!("k{at}"));
        }
        for (at, target) in aggregate.money(object).into_iter().enumerate() {
            let Target::Field(place) = target else { continue };
            inner.expr_as(sql.currency(place), Alias::new(format!("c{at}")));
            group(&mut outer, format!("c{at}"));
        }
        // The number of records comes first, whether it was asked for or not.
        outer.expr(Func::count(Expr::col(Asterisk)));
        inner.expr_as(Expr::val(1), Alias::new("one"));
        for (at, measure) in aggregate.measures.iter().enumerate() {
            let Some(target) = measure.target else { continue };
            let name = format!("m{at}");
            inner.expr_as(measured(engine, &sql, measure, target, object), Alias::new(name.clone()));
            let value = || column(&name);
            match measure.function {
                Function::Count => outer.expr(Func::count(value())),
                Function::CountDistinct => outer.expr(Func::count_distinct(value())),
                Function::Least => outer.expr(Func::min(value())),
                Function::Greatest => outer.expr(Func::max(value())),
                Function::Sum | Function::Average => {
                    let half = |half: Expr| Expr::from(Func::sum(half)).cast_as(Alias::new("bigint"));
                    outer.expr(half(value().div(Expr::val(HALF))));
                    outer.expr(half(value().modulo(Expr::val(HALF))));
                    outer.expr(Func::count(value()))
                }
            };
        }
        outer.from_subquery(inner, Alias::new("figures")).limit(MAX_GROUPS as u64 + 1);
        Ok(outer)
    }
}

/// A value as [`Compiler::column`] gives it.
fn value(row: &Row<'_>, at: usize, object: &Object, target: Target) -> Result<Value, StoreError> {
    let kind = target.kind(object);
    if target.is_custom(object) { custom::value(row, at, kind) } else { row.value(at, kind) }
}

/// What a measure is made of: for sums whole numbers of the smallest unit.
fn measured(engine: Engine, sql: &Compiler<'_>, measure: &Measure, target: Target, object: &Object) -> Expr {
    let own = sql.column(target);
    match (target.kind(object), measure.function) {
        (FieldType::Decimal { scale, .. }, Function::Sum | Function::Average)
            if engine == Engine::Postgres && !target.is_custom(object) =>
        {
            own.mul(Expr::val(10_i64.pow(*scale))).cast_as(Alias::new("bigint"))
        }
        _ => own,
    }
}

/// The number of the stretch that a value is in, found by halving; values beyond all of them are left out.
fn stretch(sql: &Compiler<'_>, target: Target, bounds: &[Value], inner: &mut SelectStatement) -> Expr {
    let own = || sql.column(target);
    let bound = |at: usize| sql.value(target, &bounds[at]);
    let last = bounds.len() - 1;
    let is_within = own().gte(bound(0)).and(own().lt(bound(last)));
    inner.and_where(own().is_null().or(is_within));
    let found = halve(0, last, &|at| own().lt(bound(at)));
    CaseStatement::new().case(own().is_not_null(), found).into()
}

fn halve(from: usize, to: usize, is_before: &dyn Fn(usize) -> Expr) -> Expr {
    if to - from <= 1 {
        return Expr::val(i64::try_from(from).unwrap_or(i64::MAX));
    }
    let middle = from.midpoint(to);
    let (lower, upper) = (halve(from, middle, is_before), halve(middle, to, is_before));
    CaseStatement::new().case(is_before(middle), lower).finally(upper).into()
}

fn read_group(
    object: &Object,
    aggregate: &Aggregate,
    bucketed: &[bool],
    row: &Row<'_>,
) -> Result<Vec<Cell>, StoreError> {
    let mut cells = Vec::with_capacity(aggregate.keys.len() + aggregate.measures.len());
    let mut at = 0;
    for (key, is_bucketed) in aggregate.keys.iter().zip(bucketed) {
        let value = if *is_bucketed { row.value(at, &FieldType::Integer) } else { value(row, at, object, key.target) };
        cells.push(Cell::Value(value?));
        at += 1;
    }
    let money = aggregate.money(object);
    let mut currencies = Vec::with_capacity(money.len());
    for _ in &money {
        let code = row.value(at, &FieldType::LongText)?;
        currencies.push(if let Value::Text(code) = code { Currency::parse(&code) } else { None });
        at += 1;
    }
    let count = row.integer(at)?;
    at += 1;
    for measure in &aggregate.measures {
        let Some(target) = measure.target else {
            cells.push(Cell::Value(Value::Integer(count)));
            continue;
        };
        let currency = money.iter().position(|of| *of == target).and_then(|of| currencies[of]);
        let (cell, columns) = read_measure(measure.function, object, target, currency, row, at)?;
        cells.push(cell);
        at += columns;
    }
    Ok(cells)
}

fn read_measure(
    function: Function,
    object: &Object,
    target: Target,
    currency: Option<Currency>,
    row: &Row<'_>,
    at: usize,
) -> Result<(Cell, usize), StoreError> {
    let kind = target.kind(object);
    let scale = match kind {
        FieldType::Decimal { scale, .. } => *scale,
        _ => currency.map_or(0, Currency::exponent),
    };
    let number = |units: i128, scale: u32| {
        let number = Decimal::try_from_i128_with_scale(units, scale);
        number.map(|number| Cell::Number(number, currency)).map_err(|_| StoreError::TooLong)
    };
    match function {
        Function::Count | Function::CountDistinct => Ok((Cell::Value(Value::Integer(row.integer(at)?)), 1)),
        Function::Least | Function::Greatest if matches!(kind, FieldType::Money) => Ok((
            match row.value(at, &FieldType::Integer)? {
                Value::Integer(minor) => number(i128::from(minor), scale)?,
                _ => Cell::Value(Value::Null),
            },
            1,
        )),
        Function::Least | Function::Greatest => Ok((Cell::Value(value(row, at, object, target)?), 1)),
        Function::Sum | Function::Average => {
            let halves = (row.value(at, &FieldType::Integer)?, row.value(at + 1, &FieldType::Integer)?);
            let (Value::Integer(high), Value::Integer(low)) = halves else {
                return Ok((Cell::Value(Value::Null), 3));
            };
            let sum = i128::from(high) * i128::from(HALF) + i128::from(low);
            if function == Function::Sum {
                let small = if matches!(kind, FieldType::Integer) { i64::try_from(sum).ok() } else { None };
                let cell = small.map_or_else(|| number(sum, scale), |sum| Ok(Cell::Value(Value::Integer(sum))));
                return Ok((cell?, 3));
            }
            let count = i128::from(row.integer(at + 2)?).max(1);
            let more = if currency.is_some() { 0 } else { AVERAGE_SCALE };
            let mean = rounded(sum, 10_i128.pow(more), count).ok_or(StoreError::TooLong)?;
            Ok((number(mean, scale + more)?, 3))
        }
    }
}

/// `sum * factor / count`, rounded half away from zero.
fn rounded(sum: i128, factor: i128, count: i128) -> Option<i128> {
    let whole = sum.checked_mul(factor)?;
    let half = if whole < 0 { -count / 2 } else { count / 2 };
    Some(whole.checked_add(half)? / count)
}

#[cfg(test)]
impl Store {
    /// How the engine would find figures, for the tests of the plans.
    pub async fn plan_of_figures(
        &self,
        permits: &Permits,
        filter: Option<&Filter>,
        aggregate: &Aggregate,
        bounds: &[Bounds],
    ) -> String {
        self.plan_of(permits, &self.figures(permits, filter, aggregate, bounds).unwrap()).await
    }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn means_are_rounded_half_away_from_zero() {
        assert_eq!(rounded(5, 1, 2), Some(3));
        assert_eq!(rounded(-5, 1, 2), Some(-3));
        assert_eq!(rounded(4, 1, 3), Some(1));
        assert_eq!(rounded(-4, 1, 3), Some(-1));
        assert_eq!(rounded(1, 1_000_000, 3), Some(333_333));
        assert_eq!(rounded(i128::MAX, 2, 1), None);
    }
}
