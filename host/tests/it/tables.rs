//! The tables: the same on both engines, and made once.

use std::collections::BTreeSet;

use guildhall::app::Database;
use guildhall::domain::clock::Clock;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::support::{On, TestApp, plugin, superuser};

both!(opening_again_changes_nothing);

const LOYALTY: &str = "guildhall.retail-loyalty";

/// Every table and column, as `table.column`.
async fn columns(database: &Database) -> BTreeSet<String> {
    match database {
        Database::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            let sql = "select m.name || '.' || c.name from sqlite_schema m, pragma_table_info(m.name) c \
                       where m.type = 'table' and m.name not like 'sqlite_%'";
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
        Database::Postgres(url) => {
            let mut connection = superuser(url).await;
            let sql = "select table_name || '.' || column_name from information_schema.columns \
                       where table_schema = 'public'";
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_have_the_same_tables() {
    let (sqlite, postgres) = (TestApp::start(On::Sqlite).await, TestApp::start(On::Postgres).await);
    for test in [&sqlite, &postgres] {
        test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    }
    let (left, right) = (columns(&sqlite.database).await, columns(&postgres.database).await);
    assert!(left.contains("o_loyalty__member.points") && left.contains("event.record_id"), "{left:?}");
    assert_eq!(left, right);
}

async fn opening_again_changes_nothing(on: On) {
    let test = TestApp::start(on).await;
    let before = columns(&test.database).await;
    crate::support::open(&test.database, Clock::system()).await.unwrap();
    assert_eq!(columns(&test.database).await, before);
}
