//! SQLite: readers that run where they are called, and one writer that
//! commits the units of work that are waiting together.
//!
//! A point read runs inline. A list runs inline too, but only for so many
//! steps of SQLite's machine; one that needs more starts again on a thread of
//! its own with a deadline, so that it never holds up the others.

mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sea_query_rusqlite::RusqliteValues;
use sqlx::ConnectOptions;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tokio::sync::{Semaphore, oneshot};

use writer::{Job, write};

use super::{CommitError, Reach, Row, Step, Stmt, StoreError};

/// Steps of SQLite's machine between two looks at the clock or the budget.
const STEPS_PER_LOOK: i32 = 1_000;
/// Looks that a list has inline: some 2 ms of work.
const INLINE_LOOKS: u32 = 50;
/// Longest run of a list on a thread of its own.
const LIST_DEADLINE: Duration = Duration::from_secs(5);
/// Lists on threads of their own at the same time.
const LIST_THREADS: usize = 8;
/// A group of commits touches many pages: with room for 32 MiB of them each is
/// written to the log once, and with a log of 32 MiB a page that many commits
/// touch goes back to the file once.
/// What is deleted is overwritten with zeros: whoever was erased is not to be found in the file.
const WRITER_SETTINGS: &str =
    "pragma cache_size = -32768; pragma wal_autocheckpoint = 8000; pragma secure_delete = on;";
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;
/// Connections kept open for readers.
const IDLE_READERS: usize = 16;

/// An open SQLite database.
pub struct Sqlite {
    readers: Arc<Readers>,
    long_lists: Arc<Semaphore>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// Brings the file to the current tables.
pub async fn migrate(path: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(10));
    let mut connection = options.connect().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    sqlx::migrate!("../migrations/sqlite")
        .run(&mut connection)
        .await
        .map_err(|error: MigrateError| StoreError::Driver(error.to_string()))?;
    sqlx::Connection::close(connection).await.map_err(|error| StoreError::Driver(error.to_string()))
}

impl Sqlite {
    /// Opens a migrated file and starts its writer.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let readers = Arc::new(Readers { path: path.to_owned(), idle: Mutex::default() });
        let connection = connect(path, false)?;
        connection.execute_batch(WRITER_SETTINGS).map_err(failure)?;
        let (jobs, queue) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write(&connection, &queue))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { readers, long_lists: Arc::new(Semaphore::new(LIST_THREADS)), jobs: Some(jobs), writer: Some(writer) })
    }

    /// All rows of a query.
    pub async fn all<T, M>(&self, reach: Reach, stmt: Stmt, map: M) -> Result<Vec<T>, StoreError>
    where
        T: Send + 'static,
        M: Fn(&Row<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        if reach == Reach::Point {
            return self.readers.with(|connection| query(connection, &stmt, &map));
        }
        let mut looks = 0;
        let within_budget = move || {
            looks += 1;
            looks > INLINE_LOOKS
        };
        match self.readers.with(|connection| watched(connection, within_budget, || query(connection, &stmt, &map))) {
            Err(StoreError::TooLong) => {}
            answered => return answered,
        }
        let place = Arc::clone(&self.long_lists).acquire_owned().await.map_err(|_| StoreError::TooLong)?;
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || {
            // The thread keeps its place to the end, even when the caller has gone.
            let _place = place;
            let deadline = Instant::now() + LIST_DEADLINE;
            let is_late = move || Instant::now() > deadline;
            readers.with(|connection| watched(connection, is_late, || query(connection, &stmt, &map)))
        })
        .await
        .map_err(|error| StoreError::Driver(error.to_string()))?
    }

    /// Hands the steps to the writer and waits until they are on disk.
    pub async fn commit(&self, steps: Vec<Step>) -> Result<(), CommitError> {
        let gone = || CommitError::Store(StoreError::Unavailable("the writer has stopped".to_owned()));
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { steps, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Sqlite {
    /// Brings everything from the log into the file, and empties the log.
    pub async fn empty_log(&self) -> Result<(), StoreError> {
        let path = self.readers.path.clone();
        let emptied = tokio::task::spawn_blocking(move || {
            let connection = connect(&path, false)?;
            let sql = "pragma wal_checkpoint(truncate)";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failure)
        });
        match emptied.await.map_err(|error| StoreError::Driver(error.to_string()))?? {
            0 => Ok(()),
            _ => Err(StoreError::Unavailable("a reader or writer is in the way of emptying the log".to_owned())),
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has already said so in the log.
            let _ = writer.join();
        }
    }
}

/// Connections for reading, last used first.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, true)?,
        };
        let result = read(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        result
    }
}

fn connect(path: &Path, read_only: bool) -> Result<Connection, StoreError> {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failure)?;
    connection
        .execute_batch(
            "pragma busy_timeout = 10000; pragma synchronous = full; pragma foreign_keys = on;
             pragma temp_store = memory;",
        )
        .map_err(failure)?;
    // A statement keeps its plan whatever is bound to it: it is prepared once,
    // and does not turn slow with a value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn query<T>(
    connection: &Connection,
    stmt: &Stmt,
    map: &dyn Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut prepared = connection.prepare_cached(&stmt.sql).map_err(failure)?;
    bind(&mut prepared, stmt).map_err(failure)?;
    let mut rows = prepared.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        found.push(map(&Row::Sqlite(row))?);
    }
    Ok(found)
}

/// Runs a read that ends early, as `TooLong`, when `is_over` says so.
fn watched<T>(
    connection: &Connection,
    is_over: impl FnMut() -> bool + Send + 'static,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.progress_handler(STEPS_PER_LOOK, Some(is_over)).map_err(failure)?;
    let result = read();
    connection.progress_handler(0, None::<fn() -> bool>).map_err(failure)?;
    result
}

fn bind(prepared: &mut rusqlite::CachedStatement<'_>, stmt: &Stmt) -> rusqlite::Result<()> {
    let values = RusqliteValues(stmt.values.iter().cloned().map(sea_query_rusqlite::RusqliteValue).collect());
    for (at, value) in values.0.iter().enumerate() {
        prepared.raw_bind_parameter(at + 1, value)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => StoreError::TooLong,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Driver(error.to_string()),
    }
}
