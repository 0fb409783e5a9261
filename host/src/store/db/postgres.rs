//! PostgreSQL, through sqlx.

mod connections;
mod pack;
mod start;
#[cfg(test)]
mod tests;

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sea_query::Values;
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, IntoArguments};

use super::{CommitError, Row, Scope, Step, Stmt, StoreError};
use connections::{Connections, Taken};
use pack::{UNMET, pack, unmet};

/// Connections of one node.
const CONNECTIONS: u32 = 32;
/// Longest wait for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// Longest run of a statement; changes of tables may take as long as they need.
const STATEMENT_TIMEOUT: &str = "5s";
/// Longest wait for an answer. The server ends a statement before that, unless it is frozen or out of reach.
const SILENCE: Duration = Duration::from_secs(7);
/// How steps begin that may take as long as they need.
const PATIENT: &str = "set local statement_timeout";
/// Codes, or their beginnings, of a database that cannot be had: connections
/// lost or refused, no such database or none let in, out of something, shut down.
const AWAY: [&str; 6] = ["08", "28", "3D000", "53", "55000", "57"];
/// Code of a statement that took too long.
const TOO_LONG: &str = "57014";
/// Longest text that stays prepared, in bytes: one with a thousand parameters takes
/// more memory, in each connection here and there, than it takes time to read again.
const LONGEST_KEPT: usize = 16 << 10;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 512;

/// A server and the connections to it.
pub struct Postgres {
    connections: Connections,
}

impl Postgres {
    /// Connects to a server that is safe to use, as a role that is held to the policies, and migrates.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
            .application_name("guildhall")
            .statement_cache_capacity(STATEMENTS)
            .options([("timezone", "UTC")])
            .disable_statement_logging();
        start::start(&options).await?;
        let options = options.options([("statement_timeout", STATEMENT_TIMEOUT)]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(failure)?;
        Ok(Self { connections: Connections::new(pool) })
    }

    /// All rows of a query.
    pub async fn all<T>(
        &self,
        scope: Scope,
        stmt: &Stmt,
        map: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut taken = Box::pin(self.connections.take_to_read(scope)).await.map_err(failure)?;
        let rows = answered(Box::pin(prepared(stmt).fetch_all(taken.connection()))).await;
        let rows = settled(taken, rows).map_err(failure)?;
        rows.iter().map(|row| map(&Row::Postgres(row))).collect()
    }

    /// Hears what is said on a channel.
    pub async fn listen(&self, channel: &str) -> Result<Listener, StoreError> {
        let mut listener = PgListener::connect_with(self.connections.pool()).await.map_err(failure)?;
        listener.listen(channel).await.map_err(failure)?;
        Ok(Listener(listener))
    }

    /// Runs the steps in one transaction.
    pub async fn commit(&self, scope: Scope, steps: &[Step]) -> Result<(), CommitError> {
        let mut taken = Box::pin(self.connections.take(scope)).await.map_err(failure)?;
        let done = match Box::pin(in_order(taken.connection(), steps)).await {
            Ok(None) => Ok(()),
            Ok(Some(unmet)) => Err(CommitError::Unmet(unmet)),
            Err((error, at)) => return Err(step_failure(taken.give_up(error), at)),
        };
        taken.put_back();
        done
    }

    /// Runs steps that do not see each other's effect: few of them as one
    /// statement, which is its own transaction; many as a few statements in one.
    pub async fn commit_at_once(&self, scope: Scope, steps: Vec<Step>) -> Result<(), CommitError> {
        let packs = pack(steps);
        let mut taken = Box::pin(self.connections.take(scope)).await.map_err(failure)?;
        if let [(first, stmt)] = &packs[..] {
            let done = answered(Box::pin(prepared(stmt).execute(taken.connection()))).await;
            return settled(taken, done).map(drop).map_err(|error| pack_failure(error, *first));
        }
        match Box::pin(in_packs(taken.connection(), &packs)).await {
            Ok(()) => {
                taken.put_back();
                Ok(())
            }
            Err((error, first)) => Err(pack_failure(taken.give_up(error), first)),
        }
    }
}

/// Puts the connection of a statement back that stood alone, whether it did what it should or was refused for
/// what it asked; after anything else it is given up.
fn settled<T>(taken: Taken<'_>, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
    match answer {
        Err(error) if !is_refusal(&error) => Err(taken.give_up(error)),
        answer => {
            taken.put_back();
            answer
        }
    }
}

/// Whether the server refused a statement for what it asked, and has nothing against the next one.
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == UNMET || code == TOO_LONG || code.starts_with("23") || code.starts_with("40"))
}

/// Runs steps in one transaction; says which of them was not met.
async fn in_order(connection: &mut sqlx::PgConnection, steps: &[Step]) -> Result<Option<usize>, (sqlx::Error, usize)> {
    let is_patient = steps.first().is_some_and(|step| step.stmt.sql.starts_with(PATIENT));
    let mut transaction = answered(connection.begin()).await.map_err(|error| (error, 0))?;
    for (at, step) in steps.iter().enumerate() {
        let run = async {
            if step.expect.is_query() {
                let row = prepared(&step.stmt).fetch_optional(&mut *transaction).await?;
                return Ok::<_, sqlx::Error>(usize::from(row.is_some()));
            }
            let done = prepared(&step.stmt).execute(&mut *transaction).await?;
            Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
        };
        let rows = if is_patient { run.await } else { answered(run).await };
        if !step.expect.is_met(rows.map_err(|error| (error, at))?) {
            answered(transaction.rollback()).await.map_err(|error| (error, at))?;
            return Ok(Some(at));
        }
    }
    let done = if is_patient { transaction.commit().await } else { answered(transaction.commit()).await };
    done.map(|()| None).map_err(|error| (error, steps.len()))
}

async fn in_packs(connection: &mut sqlx::PgConnection, packs: &[(usize, Stmt)]) -> Result<(), (sqlx::Error, usize)> {
    let mut transaction = answered(connection.begin()).await.map_err(|error| (error, 0))?;
    for (first, stmt) in packs {
        answered(prepared(stmt).execute(&mut *transaction)).await.map_err(|error| (error, *first))?;
    }
    answered(transaction.commit()).await.map_err(|error| (error, usize::MAX))
}

/// Waits for an answer of the server, but not for ever.
async fn answered<T>(question: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let silent = || sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"));
    tokio::time::timeout(SILENCE, question).await.unwrap_or_else(|_| Err(silent()))
}

/// Hears what is said on a channel, over a connection that it keeps.
pub struct Listener(PgListener);

impl Listener {
    /// The next thing that is said; none when the connection was lost and is
    /// there again, so that something may have been missed.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let heard = self.0.try_recv().await.map_err(failure)?;
        Ok(heard.map(|notification| notification.payload().to_owned()))
    }
}

fn prepared(stmt: &Stmt) -> Query<'_, sqlx::Postgres, PgArguments> {
    let values = SqlxValues(Values(stmt.values.clone()));
    // Only text of this crate and of sea-query gets here; values are always bound.
    sqlx::query_with(AssertSqlSafe(Arc::clone(&stmt.sql)), values.into_arguments())
        .persistent(stmt.sql.len() <= LONGEST_KEPT)
}

fn pack_failure(error: sqlx::Error, first: usize) -> CommitError {
    match error.as_database_error().and_then(|cause| unmet(cause.code().as_deref(), cause.message())) {
        Some(at) => CommitError::Unmet(first.saturating_add(at)),
        None => step_failure(error, first),
    }
}

fn step_failure(error: sqlx::Error, at: usize) -> CommitError {
    match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
        Some("23505") => CommitError::Unique(at),
        Some("40001" | "40P01") => CommitError::Busy,
        Some(TOO_LONG) => StoreError::Unavailable("waited too long for a row".to_owned()).into(),
        _ => failure(error).into(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn failure(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            Some(TOO_LONG) => StoreError::TooLong,
            Some(code) if AWAY.iter().any(|kind| code.starts_with(kind)) => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Driver(error.to_string()),
        },
        // A connection that is cut in the middle of an answer breaks the protocol.
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Driver(error.to_string()),
    }
}
