//! Which records a query finds: the filter tree of the HTTP API, put together by functions.
//!
//! ```
//! use guildhall_sdk::filter;
//!
//! let large_and_open = filter::and([
//!     filter::gte("points", 1000),
//!     filter::not(filter::any_of("kind", ["adjust", "reverse"])),
//! ]);
//! ```

use serde_json::{Map, Value};

/// A condition that a record meets or does not meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Value);

/// The field is equal to the value.
pub fn eq(field: &str, value: impl Into<Value>) -> Filter {
    compare(field, "_eq", value.into())
}

/// The field is not equal to the value.
pub fn ne(field: &str, value: impl Into<Value>) -> Filter {
    compare(field, "_neq", value.into())
}

/// The field is less than the value.
pub fn lt(field: &str, value: impl Into<Value>) -> Filter {
    compare(field, "_lt", value.into())
}

/// The field is less than or equal to the value.
pub fn lte(field: &str, value: impl Into<Value>) -> Filter {
    compare(field, "_lte", value.into())
}

/// The field is greater than the value.
pub fn gt(field: &str, value: impl Into<Value>) -> Filter {
    compare(field, "_gt", value.into())
}

/// The field is greater than or equal to the value.
pub fn gte(field: &str, value: impl Into<Value>) -> Filter {
    compare(field, "_gte", value.into())
}

/// The field has no value.
pub fn missing(field: &str) -> Filter {
    compare(field, "_null", Value::Bool(true))
}

/// The record that the link names is there and meets the condition.
pub fn linked(link: &str, condition: Filter) -> Filter {
    Filter(Value::Object(Map::from_iter([(link.to_owned(), condition.0)])))
}

/// Some record that links to this one, by the name of the link's other end, meets the condition.
pub fn some(other_end: &str, condition: Filter) -> Filter {
    compare(other_end, "_some", condition.0)
}

/// The field is equal to one of the values.
pub fn any_of<V: Into<Value>>(field: &str, values: impl IntoIterator<Item = V>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    compare(field, "_in", Value::Array(values))
}

/// All of the conditions are met.
pub fn and(filters: impl IntoIterator<Item = Filter>) -> Filter {
    Filter(node("_and", list(filters)))
}

/// At least one of the conditions is met.
pub fn or(filters: impl IntoIterator<Item = Filter>) -> Filter {
    Filter(node("_or", list(filters)))
}

/// The condition is not met.
pub fn not(filter: Filter) -> Filter {
    Filter(node("_not", filter.0))
}

impl From<Filter> for Value {
    fn from(filter: Filter) -> Self {
        filter.0
    }
}

fn compare(field: &str, operator: &str, value: Value) -> Filter {
    Filter(node(field, node(operator, value)))
}

fn list(filters: impl IntoIterator<Item = Filter>) -> Value {
    Value::Array(filters.into_iter().map(Value::from).collect())
}

fn node(name: &str, value: Value) -> Value {
    let mut node = Map::new();
    node.insert(name.to_owned(), value);
    Value::Object(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_tree_of_the_http_api() {
        let filter = or([and([eq("contact", "c1"), lt("points", 5)]), not(any_of("kind", ["earn", "adjust"]))]);
        assert_eq!(
            Value::from(filter).to_string(),
            r#"{"_or":[{"_and":[{"contact":{"_eq":"c1"}},{"points":{"_lt":5}}]},{"_not":{"kind":{"_in":["earn","adjust"]}}}]}"#
        );
    }
}
