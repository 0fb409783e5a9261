//! Reads on a connection of each thread, with nothing between.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

/// More than a list of statements has.
const STATEMENTS: usize = 8_192;

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// The file that is read.
pub struct Reader(PathBuf);

impl Reader {
    pub fn of(file: &Path) -> Self {
        Self(file.to_owned())
    }

    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        CONNECTION.with_borrow_mut(|connection| {
            let connection = match connection {
                Some(connection) => connection,
                None => connection.insert(self.connect()?),
            };
            read(connection)
        })
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.0, flags)?;
        connection.execute_batch("pragma busy_timeout = 10000; pragma mmap_size = 268435456;")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }
}
