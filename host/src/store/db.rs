//! The database: the only place that knows there are two engines.
//!
//! Statements are text with `$1` placeholders, whose first uses come in
//! ascending order, and sea-query values. SQLite is read and written through
//! rusqlite (see [`sqlite`]); PostgreSQL through sqlx; sqlx migrates both.

mod postgres;
mod row;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

pub use row::Row;
use sea_query::{PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder, Value};

pub use postgres::Listener;

use super::error::StoreError;
use crate::access::HostPermit;
use crate::domain::id::TenantId;

/// Which engine it is, for the few texts that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one machine.
    Sqlite,
    /// A server, many nodes.
    Postgres,
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub struct Stmt {
    sql: Arc<str>,
    values: Vec<Value>,
}

impl Stmt {
    /// From text.
    pub fn new(sql: impl Into<Arc<str>>, values: impl Into<Vec<Value>>) -> Self {
        Self { sql: sql.into(), values: values.into() }
    }

    /// The same behind these words, for the tests of the plans.
    #[cfg(test)]
    pub fn behind(self, head: &str) -> Self {
        Self { sql: format!("{head}{}", self.sql).into(), values: self.values }
    }

    /// From a sea-query statement.
    pub fn build(engine: Engine, statement: &impl QueryStatementWriter) -> Self {
        let (sql, values) = match engine {
            Engine::Sqlite => statement.build(SqliteQueryBuilder),
            Engine::Postgres => statement.build(PostgresQueryBuilder),
        };
        Self::new(sql, values.0)
    }
}

/// How much a read may have to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A few rows by a unique key: never long.
    Point,
    /// A list: may turn out long, and has a deadline.
    List,
}

/// One statement of a commit, and what must come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The statement.
    pub stmt: Stmt,
    /// What must come of it.
    pub expect: Expect,
}

/// What must come of a step, or the commit is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Nothing,
    /// A query finds so many rows.
    Rows(usize),
    /// A change changes just one row.
    OneChange,
    /// A change changes so many rows.
    Changes(usize),
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The step at this place did not do what was expected of it.
    #[error("step {0} of the commit met something else than expected")]
    Unmet(usize),
    /// The step at this place would have broken a unique key.
    #[error("step {0} of the commit breaks a unique key")]
    Unique(usize),
    /// Another commit was in the way; the same one may work now.
    #[error("another commit was in the way")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For whom statements run. The policies of PostgreSQL's tables hold them to it, whatever they ask for;
/// SQLite has no second wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For a tenant: its rows alone.
    Tenant(TenantId),
    /// For a chore of the host: the rows of all tenants, in the tables that are open to it.
    Host,
}

/// A database, for statements that run for somebody. There is no other way to run one.
#[derive(Clone, Copy)]
pub struct Scoped<'a> {
    db: &'a Db,
    scope: Scope,
}

/// A database of either engine.
pub enum Db {
    /// SQLite.
    Sqlite(sqlite::Sqlite),
    /// PostgreSQL.
    Postgres(postgres::Postgres),
}

impl Db {
    /// Opens the file, makes it when it is not there, and migrates it.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        sqlite::migrate(path).await?;
        Ok(Self::Sqlite(sqlite::Sqlite::open(path)?))
    }

    /// Connects to the server and migrates the database.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        Ok(Self::Postgres(postgres::Postgres::open(url).await?))
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// For statements about what is this tenant's.
    pub fn of(&self, tenant: TenantId) -> Scoped<'_> {
        Scoped { db: self, scope: Scope::Tenant(tenant) }
    }

    /// For statements of a chore of the host, about what is everybody's or nobody's.
    pub fn across(&self, _: HostPermit) -> Scoped<'_> {
        Scoped { db: self, scope: Scope::Host }
    }

    /// Leaves nothing of what was deleted behind: SQLite's writer overwrites it in the file, and here the log is
    /// emptied, which may still hold pages as they were. A PostgreSQL server does that in its own time.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(db) => db.empty_log().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Hears what other nodes say; none where there is one node.
    pub async fn listen(&self, channel: &str) -> Result<Option<Listener>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(db) => db.listen(channel).await.map(Some),
        }
    }
}

impl Scoped<'_> {
    /// All rows of a query.
    pub async fn all<T, M>(self, reach: Reach, stmt: Stmt, map: M) -> Result<Vec<T>, StoreError>
    where
        T: Send + 'static,
        M: Fn(&Row<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        match self.db {
            Db::Sqlite(db) => db.all(reach, stmt, map).await,
            Db::Postgres(db) => db.all(self.scope, &stmt, map).await,
        }
    }

    /// The first row of a query.
    pub async fn maybe<T, M>(self, stmt: Stmt, map: M) -> Result<Option<T>, StoreError>
    where
        T: Send + 'static,
        M: Fn(&Row<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        Ok(self.all(Reach::Point, stmt, map).await?.into_iter().next())
    }

    /// Runs the steps in one transaction: all of them, or none.
    pub async fn commit(self, steps: Vec<Step>) -> Result<(), CommitError> {
        match self.db {
            Db::Sqlite(db) => db.commit(steps).await,
            Db::Postgres(db) => db.commit(self.scope, &steps).await,
        }
    }

    /// Runs steps that do not see each other's effect in one transaction: all
    /// of them, or none. PostgreSQL gets them in as few statements as possible.
    pub async fn commit_at_once(self, steps: Vec<Step>) -> Result<(), CommitError> {
        match self.db {
            Db::Sqlite(db) => db.commit(steps).await,
            Db::Postgres(db) => db.commit_at_once(self.scope, steps).await,
        }
    }

    /// Runs steps whose expectations cannot fail.
    pub async fn run(self, steps: Vec<Step>) -> Result<(), StoreError> {
        self.commit(steps).await.map_err(store_error)
    }

    /// Whether it answers, writers and readers.
    pub async fn ping(self) -> Result<(), CommitError> {
        let stmt = Stmt::new("select 1", []);
        self.maybe(stmt.clone(), |_| Ok(())).await?;
        self.commit(vec![Step { stmt, expect: Expect::Rows(1) }]).await
    }
}

impl Expect {
    /// Whether this number of rows, found or changed, is what was expected.
    fn is_met(self, rows: usize) -> bool {
        match self {
            Self::Nothing => true,
            Self::OneChange => rows == 1,
            Self::Rows(expected) | Self::Changes(expected) => rows == expected,
        }
    }

    /// Whether the statement is a query.
    fn is_query(self) -> bool {
        matches!(self, Self::Rows(_))
    }
}

/// For commits that nothing but a failure of the database can keep from happening.
pub fn store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::Driver(other.to_string()),
    }
}
