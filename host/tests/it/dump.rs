//! Everything that a database holds, as bytes: to see that something is not there.

use guildhall::app::Database;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// All bytes of the database: the files of SQLite, or every row of every table of PostgreSQL as text.
pub async fn dump(database: &Database) -> Vec<u8> {
    match database {
        Database::Sqlite(path) => {
            let beside = |end: &str| std::fs::read(format!("{}{end}", path.display())).unwrap_or_default();
            [beside(""), beside("-wal")].concat()
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            let sql = "select table_name::text from information_schema.tables where table_schema = current_schema()";
            let mut bytes = Vec::new();
            for table in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
                let sql = format!("select t::text from \"{}\" t", table.get::<String, _>(0));
                for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap() {
                    bytes.extend(row.get::<String, _>(0).into_bytes());
                }
            }
            bytes
        }
    }
}

/// Whether the database holds a text, be it among bytes that PostgreSQL shows in hexadecimal.
pub async fn holds(database: &Database, text: &str) -> bool {
    let bytes = dump(database).await;
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    [text.as_bytes(), hex.as_bytes()].iter().any(|wanted| bytes.windows(wanted.len()).any(|window| window == *wanted))
}

/// Runs a statement in the database, past the host; returns how many rows it changed.
pub async fn run(database: &Database, sql: &str) -> u64 {
    attempt(database, sql).await.unwrap()
}

/// The same, where the database may refuse it.
pub async fn attempt(database: &Database, sql: &str) -> Result<u64, sqlx::Error> {
    match database {
        Database::Sqlite(path) => {
            let url = format!("sqlite://{}", path.display());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.map(|done| done.rows_affected())
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.map(|done| done.rows_affected())
        }
    }
}

/// The text in the first column of the first row.
pub async fn cell(test: &crate::support::TestApp, sql: &str) -> String {
    match &test.database {
        Database::Sqlite(path) => {
            let url = format!("sqlite://{}", path.display());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
        }
    }
}
