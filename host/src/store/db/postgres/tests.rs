//! Statements that forgot their tenant, over the connections that all tenants share.

use std::collections::{BTreeMap, BTreeSet};

use sea_query::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::{Db, Expect, Reach, Step, Stmt};
use crate::access::{Chore, HostPermit};
use crate::domain::clock::Clock;
use crate::domain::id::{Ids, TenantId};

const TENANTS: u128 = 8;
/// Whose rows are seen, and over which connection.
const SEEN: &str = "select tenant_id, pg_backend_pid()::bigint from link";

/// A database with one row of each tenant, which is gone when the test has ended well.
async fn database() -> Db {
    let server = std::env::var("GUILDHALL_TEST_POSTGRES")
        .expect("these tests need a PostgreSQL server: `cargo xtask test` starts one for them");
    let name = format!("walls_{}", Ids::new(Clock::system()).make().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    let db = Db::open_postgres(&format!("{server}/{name}")).await.unwrap();
    for tenant in (0..TENANTS).map(tenant) {
        db.of(tenant).commit_at_once(vec![add(tenant)]).await.unwrap();
    }
    db
}

fn tenant(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(1 + number))
}

fn add(tenant: TenantId) -> Step {
    let sql = "insert into link (tenant_id, object, field, from_id, to_id) values ($1, 'a', 'b', $1, $2)";
    let values: [Value; 2] = [tenant.0.into(), Ids::new(Clock::system()).make().into()];
    Step { stmt: Stmt::new(sql, values), expect: Expect::OneChange }
}

/// Everything that a statement without a tenant sees.
async fn seen(db: &Db, by: TenantId) -> Vec<(Uuid, i64)> {
    let map = |row: &super::Row<'_>| Ok((row.id(0)?, row.integer(1)?));
    db.of(by).all(Reach::List, Stmt::new(SEEN, []), map).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_one_tenant_after_the_other() {
    let db = database().await;
    let (ann, sam) = (tenant(0), tenant(1));
    let mut served: BTreeMap<i64, BTreeSet<Uuid>> = BTreeMap::new();
    for by in (0..3 * TENANTS).map(|turn| tenant(turn * 3 % TENANTS)) {
        let rows = seen(&db, by).await;
        assert_eq!(rows.iter().map(|(whose, _)| *whose).collect::<Vec<_>>(), [by.0]);
        served.entry(rows[0].1).or_default().insert(by.0);
    }
    assert!(served.values().any(|tenants| tenants.len() > 1), "no connection served two: {served:?}");
    let again = seen(&db, ann).await;
    assert_eq!(seen(&db, ann).await, again, "the connection that is set already");
    let everything = Stmt::new(SEEN, []);
    let chore = db.across(HostPermit::new(Chore::Serve)).all(Reach::List, everything, |_| Ok(())).await;
    assert!(chore.is_err(), "links are not open to chores");
    assert_eq!(seen(&db, ann).await[0].0, ann.0);
    // What a transaction changed and took back is no change of whom the connection is set for.
    let unmet = Step { stmt: Stmt::new("select 1 from link where false", []), expect: Expect::Rows(1) };
    for _ in 0..2 {
        assert!(db.of(sam).commit(vec![add(sam), unmet.clone()]).await.is_err());
        assert!(db.of(ann).commit_at_once(vec![add(ann), unmet.clone()]).await.is_err());
        assert!(db.of(sam).commit(vec![add(ann)]).await.is_err(), "rows of others cannot be written");
        for by in [sam, ann] {
            let rows = seen(&db, by).await;
            assert!(rows.len() == 1 && rows[0].0 == by.0, "{rows:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cancelled_under_way_leaves_nothing_behind() {
    let db = std::sync::Arc::new(database().await);
    let mut tasks = JoinSet::new();
    for at in 0..64_u128 {
        let db = std::sync::Arc::clone(&db);
        tasks.spawn(async move {
            for turn in 0..40_u128 {
                let by = tenant((at * 7 + turn * 3) % TENANTS);
                // After so many steps, wherever it is then: a setting under way, a query, a commit.
                let steps = usize::try_from((at + turn) % 5).unwrap();
                let given_up = stopped_after(steps, async {
                    let _ = db.of(by).commit(vec![add(by), add(by)]).await;
                    seen(&db, by).await
                });
                let ended = given_up.await;
                for rows in [ended.unwrap_or_default(), seen(&db, by).await] {
                    assert!(rows.iter().all(|(whose, _)| *whose == by.0), "{by:?} sees {rows:?}");
                }
                assert!(!seen(&db, by).await.is_empty());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// Drops a future after it was polled so many times.
async fn stopped_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
