//! What to ask of the records of an object.

use serde_json::{Map, Value};

use crate::filter::Filter;

/// A filter, an order and a limit; without any of them, the first 50 records.
///
/// ```
/// use guildhall_sdk::{Query, filter};
///
/// let latest = Query::new()
///     .filter(filter::eq("member", "0192"))
///     .sort(["-occurred_at"])
///     .limit(10);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query(Map<String, Value>);

impl Query {
    /// The most records that one query can find.
    pub const MOST: u32 = 500;

    /// A query for all records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only records that meet the condition.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.0.insert("filter".to_owned(), filter.into());
        self
    }

    /// Sorted by these fields, descending with `-` in front.
    #[must_use]
    pub fn sort<const N: usize>(mut self, fields: [&str; N]) -> Self {
        let fields = fields.into_iter().map(Value::from).collect();
        self.0.insert("sort".to_owned(), Value::Array(fields));
        self
    }

    /// At most so many records, up to [`Query::MOST`].
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.0.insert("limit".to_owned(), limit.into());
        self
    }

    /// As far as who asks may see it, on the plugin's own objects, too: their records, and their fields.
    /// For what is shown to a caller; without it, the manifest alone counts there.
    #[must_use]
    pub fn as_caller(mut self) -> Self {
        self.0.insert("as_caller".to_owned(), true.into());
        self
    }

    /// The JSON text in which the query travels.
    pub(crate) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }
}
