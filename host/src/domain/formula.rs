//! Formulas: CEL expressions over the fields of a record.
//!
//! Numbers are exact decimals, never floats: literals and what functions count
//! are turned into [`Amount`]s before anything is computed. What cannot be
//! computed (a field is empty, a division by zero, too much work) is empty.

mod amount;
mod functions;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::common::types::{CelBool, CelList, CelNull, CelString, CelTimestamp};
use cel::common::value::{CowVal, Val};
use cel::{Context, IdedExpr, Value as Cel};
use chrono::{NaiveTime, Utc};
use rust_decimal::RoundingStrategy;
use rust_decimal::prelude::ToPrimitive;

use super::clock::Timestamp;
use super::field::FieldType;
use super::money::Money;
use super::value::Value;
use amount::Amount;

pub use work::WORK;

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 2_000;
/// Deepest nesting, in brackets and in the tree of the expression.
const MAX_DEPTH: usize = 50;
/// Deepest nesting of macros that go over lists: one walks 200 values at most.
const MAX_LOOPS: usize = 2;

/// Stack of a thread that computes: room for the deepest expression in any build, of which one for development needs
/// some megabytes.
pub const STACK: usize = 16 << 20;

/// How the reason reads when numbers have no result: too large, or divided by zero.
pub const NO_RESULT: &str = "has no result";

/// A checked expression.
#[derive(Clone, Debug)]
pub struct Expression {
    tree: Arc<IdedExpr>,
    names: Arc<BTreeSet<String>>,
}

impl Expression {
    /// Reads an expression; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an expression is needed".to_owned());
        }
        if text.len() > MAX_LENGTH {
            return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
        }
        if depth_of(text) > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        let parser = functions::environment().parser().max_recursion_depth(100);
        let mut tree = parser.parse(text).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.clone()).unwrap_or_default();
            format!("the expression cannot be read: {first}")
        })?;
        let mut walk = Walk { names: BTreeSet::new(), bound: Vec::new() };
        walk.expression(&mut tree, 0, 0)?;
        Ok(Self { tree: Arc::new(tree), names: Arc::new(walk.names) })
    }

    /// The fields that it reads.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// What it yields as this type, when its fields have these values; empty
    /// when it cannot be computed.
    pub fn evaluate(&self, kind: &FieldType, value_of: impl Fn(&str) -> Value) -> Value {
        self.compute(kind, value_of).unwrap_or(Value::Null)
    }

    /// The same, with the reason why it cannot be computed.
    pub fn compute(&self, kind: &FieldType, value_of: impl Fn(&str) -> Value) -> Result<Value, String> {
        let mut context = Context::with_env(functions::environment());
        for name in self.names() {
            context.add_variable_as_val(name, to_cel(&value_of(name)));
        }
        work::begin();
        let result = Cel::resolve_val(&self.tree, &context).map_err(|error| error.to_string())?;
        work::check().map_err(|error| error.to_string())?;
        from_cel(kind, &result).ok_or_else(|| format!("yields a {}", result.get_type().name()))
    }

    /// The same, with the work that it took.
    pub fn measured(&self, kind: &FieldType, value_of: impl Fn(&str) -> Value) -> (Result<Value, String>, u64) {
        let value = self.compute(kind, value_of);
        (value, work::done())
    }
}

/// Deepest nesting of brackets, and of what repeats before a value.
fn depth_of(text: &str) -> usize {
    let (mut depth, mut deepest, mut row) = (0_usize, 0, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'!' | b'-' | b'?' => row += 1,
            _ => {}
        }
        deepest = deepest.max(depth).max(row);
    }
    deepest
}

/// Checks an expression, notes the fields that it reads, and makes its numbers exact.
struct Walk {
    names: BTreeSet<String>,
    bound: Vec<String>,
}

impl Walk {
    /// Walks through a part; what it reads by name counts as work.
    fn expression(&mut self, expression: &mut IdedExpr, depth: usize, loops: usize) -> Result<(), String> {
        // Whatever else is computed is made of what was read, and no larger than a few times that.
        let is_read = match &expression.expr {
            Expr::Ident(name) => !name.starts_with('@'),
            Expr::Select(select) => !select.test,
            _ => false,
        };
        self.bare(expression, depth, loops)?;
        if is_read {
            work::counted(expression);
        }
        Ok(())
    }

    /// The same for a part that is no reading, or of one.
    fn bare(&mut self, expression: &mut IdedExpr, depth: usize, loops: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        let depth = depth + 1;
        match &mut expression.expr {
            Expr::Literal(literal) => {
                if let Some(text) = functions::number_text(literal) {
                    let text = LiteralValue::String(CelString::from(text));
                    let argument = IdedExpr { id: expression.id, expr: Expr::Literal(text) };
                    expression.expr = functions::call(functions::NUMBER, argument);
                }
            }
            Expr::Ident(name) => {
                if !self.bound.contains(name) {
                    self.names.insert(name.clone());
                }
            }
            Expr::Select(select) => match select.operand.expr {
                // The crate reads a row of names as one.
                Expr::Ident(_) | Expr::Select(_) => self.bare(&mut select.operand, depth, loops)?,
                _ => self.expression(&mut select.operand, depth, loops)?,
            },
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.expression(element, depth, loops)?;
                }
            }
            Expr::Call(call) => {
                let is_index = call.func_name == cel::common::ast::operators::INDEX;
                if let Some(target) = &mut call.target {
                    self.expression(target, depth, loops)?;
                }
                for (at, argument) in call.args.iter_mut().enumerate() {
                    // A place in a list is a whole number of CEL's own.
                    if !(is_index && at == 1 && matches!(argument.expr, Expr::Literal(_))) {
                        self.expression(argument, depth, loops)?;
                    }
                }
                if functions::COUNTING.contains(&call.func_name.as_str()) {
                    let inner = std::mem::take(expression);
                    expression.expr = functions::call(functions::NUMBER, inner);
                }
            }
            Expr::Comprehension(inner) => {
                if loops == MAX_LOOPS {
                    return Err(format!("loops are nested deeper than {MAX_LOOPS}"));
                }
                self.expression(&mut inner.iter_range, depth, loops)?;
                self.expression(&mut inner.accu_init, depth, loops)?;
                let bound = self.bound.len();
                self.bound.push(inner.iter_var.clone());
                self.bound.extend(inner.iter_var2.clone());
                self.bound.push(inner.accu_var.clone());
                for part in [&mut inner.loop_cond, &mut inner.loop_step, &mut inner.result] {
                    self.expression(part, depth, loops + 1)?;
                }
                self.bound.truncate(bound);
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        // A key is a value of CEL's own.
                        if !matches!(entry.key.expr, Expr::Literal(_)) {
                            self.expression(&mut entry.key, depth, loops)?;
                        }
                        self.expression(&mut entry.value, depth, loops)?;
                    }
                }
            }
            Expr::Struct(_) | Expr::Unspecified => return Err("the expression makes a message".to_owned()),
        }
        Ok(())
    }
}

/// A value of a field as CEL sees it.
fn to_cel(value: &Value) -> Box<dyn Val> {
    let text = |text: &str| -> Box<dyn Val> { Box::new(CelString::from(text.to_owned())) };
    let time = |at: chrono::DateTime<Utc>| -> Box<dyn Val> { Box::new(CelTimestamp::from(at.fixed_offset())) };
    match value {
        Value::Null | Value::Json(_) | Value::Sealed(_) => Box::new(CelNull),
        Value::Boolean(value) => Box::new(CelBool::from(*value)),
        Value::Integer(value) => Box::new(Amount::number((*value).into())),
        Value::Decimal(value) => Box::new(Amount::number(*value)),
        Value::Money(money) => Box::new(Amount::money(*money)),
        Value::Text(value) => text(value),
        Value::Date(date) => time(date.and_time(NaiveTime::MIN).and_utc()),
        Value::Datetime(at) => time(at.to_chrono()),
        Value::Id(id) => text(&id.to_string()),
        Value::Reference(reference) => text(&reference.id.to_string()),
        Value::List(items) => Box::new(CelList::from(items.iter().map(|item| text(item)).collect::<Vec<_>>())),
        Value::Ids(ids) => Box::new(CelList::from(ids.iter().map(|id| text(&id.to_string())).collect::<Vec<_>>())),
    }
}

/// What an expression yields, as a value of this type.
fn from_cel(kind: &FieldType, result: &CowVal<'_, '_>) -> Option<Value> {
    if result.downcast_ref::<CelNull>().is_some() {
        return Some(Value::Null);
    }
    let number = || result.downcast_ref::<Amount>();
    let text = || result.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned());
    let round = |number: rust_decimal::Decimal, scale: u32| {
        let mut rounded = number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
        rounded.rescale(scale);
        rounded
    };
    match kind {
        FieldType::Boolean => result.downcast_ref::<CelBool>().map(|value| Value::Boolean(*value.inner())),
        FieldType::Integer => round(number()?.plain()?, 0).to_i64().map(Value::Integer),
        FieldType::Decimal { precision, scale } => {
            let rounded = round(number()?.plain()?, *scale);
            (rounded.mantissa().unsigned_abs() < 10_u128.pow(*precision)).then_some(Value::Decimal(rounded))
        }
        FieldType::Money => {
            let (amount, currency) = number()?.in_currency()?;
            let minor = round(amount, currency.exponent()).mantissa();
            Some(Value::Money(Money { minor: i64::try_from(minor).ok()?, currency }))
        }
        FieldType::Date | FieldType::Datetime => {
            let at = result.downcast_ref::<CelTimestamp>()?.inner().with_timezone(&Utc);
            Some(match kind {
                FieldType::Date => Value::Date(at.date_naive()),
                _ => Value::Datetime(Timestamp::from(at)),
            })
        }
        FieldType::Text(_) | FieldType::LongText | FieldType::Select(_) | FieldType::Url => {
            kind.parse(&text()?.into()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
