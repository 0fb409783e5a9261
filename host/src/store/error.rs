//! What can go wrong in a database. The text is for the log, never for a caller.

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is full, or is too busy.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// It does not keep tenants apart as it should.
    #[error("{0}")]
    Unsafe(String),
    /// A query took longer than it may.
    #[error("the query took too long")]
    TooLong,
    /// It refused something that should work.
    #[error("the database failed: {0}")]
    Driver(String),
    /// It holds something that cannot be.
    #[error("the database holds something inconsistent: {0}")]
    Inconsistent(String),
}
