//! How much work a formula may make: every value that it reads counts, by its size and each time.
//!
//! Length, depth and loops bound an expression, not what it costs: two loops over
//! long texts would keep a processor busy for minutes, in every write.

use std::cell::Cell;

use cel::common::types::{CelBytes, CelList, CelMap, CelOptional, CelString, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError, IdedExpr};

/// Most work of one evaluation: some tenths of a second at worst.
pub const WORK: u64 = 4_000_000;
/// What any value counts, however small.
const VALUE: u64 = 8;
/// The function that counts; nobody can write its name.
const COUNT: &str = "@work";

thread_local! {
    /// An evaluation runs on one thread, from its beginning to its end.
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// An evaluation begins.
pub fn begin() {
    DONE.set(0);
}

/// The work since then.
pub fn done() -> u64 {
    DONE.get()
}

/// Fails when there was too much, whatever became of the faults inside of the expression.
pub fn check() -> Result<(), ExecutionError> {
    if done() > WORK {
        Err(ExecutionError::function_error(COUNT, "takes more work than a formula may"))
    } else {
        Ok(())
    }
}

/// Makes a reading count what it yields.
pub fn counted(expression: &mut IdedExpr) {
    let inner = std::mem::take(expression);
    expression.expr = super::functions::call(COUNT, inner);
}

/// Declares the function that counts.
pub fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(COUNT, COUNT, vec![DYN_TYPE], count)
}

fn count<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    check()?;
    let Some(value) = values.into_iter().next() else {
        return Err(ExecutionError::function_error(COUNT, "has no value"));
    };
    DONE.set(done() + VALUE + size(value.as_ref()));
    check()?;
    Ok(value)
}

/// Bytes of texts, and so much for each value of a list.
fn size(value: &dyn Val) -> u64 {
    let length = if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        text.inner().len()
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        bytes.inner().len()
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().map(|item| VALUE + size(item.as_ref())).sum();
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return map.inner().values().map(|item| VALUE + size(item.as_ref())).sum();
    } else if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        return optional.inner().map_or(0, size);
    } else {
        0
    };
    u64::try_from(length).unwrap_or(u64::MAX)
}
