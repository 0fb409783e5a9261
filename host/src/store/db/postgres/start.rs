//! What happens before the first statement: is the server safe to use, is the
//! role held to the policies of the tables, and are the tables those of today.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, Row as _};

use super::{StoreError, failure};

/// The first release of each series in which statistics do not give away rows that a policy hides (CVE-2025-8713).
const SAFE: [(i32, i32); 3] = [(15, 14), (16, 10), (17, 6)];

/// Looks at the server and at the role, and brings the database to the current
/// tables; nodes that start together take turns.
pub async fn start(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = options.connect().await.map_err(failure)?;
    look(&mut connection).await?;
    sqlx::migrate!("../migrations/postgres")
        .run(&mut connection)
        .await
        .map_err(|error| StoreError::Driver(error.to_string()))?;
    connection.close().await.map_err(failure)
}

async fn look(connection: &mut PgConnection) -> Result<(), StoreError> {
    let sql = "select rolname::text, rolsuper, rolbypassrls, current_setting('server_version_num')::integer, \
               current_setting('server_version') from pg_roles where rolname = current_user";
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(failure)?;
    let (name, is_super, bypasses): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
    let (number, version): (i32, String) = (row.get(3), row.get(4));
    if !is_safe(number) {
        return Err(StoreError::Unsafe(format!(
            "PostgreSQL {version} shows rows that row-level security hides (CVE-2025-8713): \
             use 15.14, 16.10, 17.6 or a later release"
        )));
    }
    if is_super || bypasses {
        let why = if is_super { "is a superuser" } else { "has BYPASSRLS" };
        return Err(StoreError::Unsafe(format!(
            "the role `{name}` {why}, so that nothing holds it to one tenant's rows: \
             connect as a role of its own that owns the database (`create role guildhall login password '...'; \
             create database guildhall owner guildhall`), see \"PostgreSQL\" in docs/operators.md"
        )));
    }
    Ok(())
}

/// Whether a server of this `server_version_num` has what keeps hidden rows hidden.
fn is_safe(number: i32) -> bool {
    let (major, minor) = (number / 10_000, number % 10_000);
    let newest = SAFE.last().map_or(0, |(major, _)| *major);
    major > newest || SAFE.iter().any(|(series, first)| *series == major && minor >= *first)
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn releases_that_give_hidden_rows_away_are_refused() {
        for number in [90_624, 140_019, 150_000, 150_013, 160_009, 170_005] {
            assert!(!is_safe(number), "{number}");
        }
        for number in [150_014, 150_018, 160_010, 170_006, 170_007, 180_000, 190_001] {
            assert!(is_safe(number), "{number}");
        }
    }
}
