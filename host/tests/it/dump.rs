//! Everything that a database holds, as bytes: to see that something is not there.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use guildhall::app::Database;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::support::superuser;

/// All bytes of the database: the files of SQLite, or every row of every table of PostgreSQL as text.
pub async fn dump(database: &Database) -> Vec<u8> {
    match database {
        Database::Sqlite(path) => {
            let beside = |end: &str| std::fs::read(format!("{}{end}", path.display())).unwrap_or_default();
            [beside(""), beside("-wal")].concat()
        }
        Database::Postgres(url) => {
            let mut connection = superuser(url).await;
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

/// What the database holds, in a form that is the same only as long as it is: of each table, of each tenant. When a
/// key was used last is left out: everybody who asks changes that.
pub async fn digest(database: &Database) -> BTreeMap<(String, String), u64> {
    let rows: Vec<(String, String, String)> = match database {
        Database::Sqlite(path) => {
            let url = format!("sqlite://{}", path.display());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            let sql = "select m.name, p.name from sqlite_master m, pragma_table_info(m.name) p \
                       where m.type = 'table' and m.name not like 'sqlite_%' order by 1, 2";
            let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
                columns.entry(row.get(0)).or_default().push(row.get(1));
            }
            let mut rows = Vec::new();
            for (table, columns) in columns {
                let of_tenant = columns.iter().any(|name| name == "tenant_id");
                let tenant = if of_tenant { "lower(hex(tenant_id))" } else { "''" };
                let values =
                    columns.iter().filter(|name| *name != "last_used_at").map(|name| format!("quote(\"{name}\")"));
                let values = values.collect::<Vec<_>>().join(" || ',' || ");
                let sql = format!("select {tenant}, {values} from \"{table}\" order by 1, 2");
                for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap() {
                    rows.push((table.clone(), row.get(0), row.get(1)));
                }
            }
            rows
        }
        Database::Postgres(url) => {
            let mut connection = superuser(url).await;
            let sql = "select t.table_name::text, exists (select from information_schema.columns c \
                       where c.table_schema = t.table_schema and c.table_name = t.table_name and c.column_name = 'tenant_id') \
                       from information_schema.tables t where t.table_schema = current_schema() order by 1";
            let tables = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            let each = tables.iter().map(|row| {
                let (table, of_tenant): (String, bool) = (row.get(0), row.get(1));
                let tenant = if of_tenant { "replace(tenant_id::text, '-', '')" } else { "''" };
                let values = "md5((to_jsonb(t) - 'last_used_at')::text)";
                format!("select '{table}', {tenant}, string_agg({values}, ',' order by {values}) from \"{table}\" t group by 2")
            });
            let sql = each.collect::<Vec<_>>().join(" union all ");
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
        }
    };
    let mut hashers: BTreeMap<(String, String), DefaultHasher> = BTreeMap::new();
    for (table, tenant, row) in rows {
        row.hash(hashers.entry((table, tenant)).or_default());
    }
    hashers.into_iter().map(|(of, hasher)| (of, hasher.finish())).collect()
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
            let mut connection = superuser(url).await;
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
            let mut connection = superuser(url).await;
            sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
        }
    }
}
