//! A query that answers typed records.

use std::marker::PhantomData;

use crate::filter::Filter;
use crate::{Fault, Query, TypedRecord, records};

/// A [`Query`] for records of one type: [`TypedRecord::query`] begins it.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedQuery<T> {
    query: Query,
    answers: PhantomData<fn() -> T>,
}

impl<T: TypedRecord> TypedQuery<T> {
    pub(crate) fn new() -> Self {
        Self { query: Query::new(), answers: PhantomData }
    }

    /// Only records that meet the condition.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.query = self.query.filter(filter);
        self
    }

    /// Sorted by these fields, descending with `-` in front.
    #[must_use]
    pub fn sort<const N: usize>(mut self, fields: [&str; N]) -> Self {
        self.query = self.query.sort(fields);
        self
    }

    /// At most so many records, up to [`Query::MOST`].
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.query = self.query.limit(limit);
        self
    }

    /// As far as who asks may see it: [`Query::as_caller`].
    #[must_use]
    pub fn as_caller(mut self) -> Self {
        self.query = self.query.as_caller();
        self
    }

    /// The records that it finds.
    pub fn all(self) -> Result<Vec<T>, Fault> {
        records::query(T::OBJECT, self.query)?.iter().map(T::from_record).collect()
    }

    /// The first record that it finds, if there is one.
    pub fn first(self) -> Result<Option<T>, Fault> {
        Ok(self.limit(1).all()?.pop())
    }
}
