//! PostgreSQL is frozen, crashes, is slow, or is cut off in the middle of a commit: callers are told so in
//! bounded time, nothing piles up, and what was answered is stored once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::cluster::Cluster;
use crate::faults::{away, write};
use crate::place::Place;
use crate::support::{Actor, On, TestApp, new_postgres_database, superuser};
use crate::wire::{Cut, Wire};

/// Requests at the same time: far more than a node has connections.
const CROWD: usize = 150;
/// Threads that the host may add for a crowd of any size: the ones that it starts when they are first needed.
const THREADS: usize = 8;
/// Longest time until everybody has an answer: for a place in the pool, and for an answer of the database.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often a commit is cut in each way.
const ROUNDS: usize = 8;

/// Threads of a process.
fn threads(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).unwrap().count()
}

/// Asks until the host says that it is ready: the state, not the clock, decides.
async fn until_ready(anon: &Actor) {
    while anon.get("/readyz").await.status.as_u16() != 200 {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_database_is_told_as_503_and_nothing_piles_up() {
    let cluster = Cluster::start().await;
    let place = Place::on_postgres(cluster.url());
    let key = place.key().await;
    let (host, address) = place.serve().await;
    let process = host.id().unwrap();
    let test = TestApp::start(On::Sqlite).await;
    let (ann, anon) = (test.ann.with_key(&key).at(&address), test.anon.at(&address));
    let first = ann.create("contact", json!({"name": "first"})).await;
    let path = format!("/api/v1/records/contact/{}", first["id"].as_str().unwrap());
    for round in 0..2 {
        cluster.freeze();
        let before = threads(process);
        let crowd = (0..CROWD).map(|at| {
            let (ann, path) = (ann.with("idempotency-key", &format!("{round}-{at}")), &path);
            async move {
                if at % 3 == 0 {
                    away(ann.get(path).await);
                } else {
                    away(ann.post("/api/v1/records/contact", &json!({"name": format!("{round}-{at}")})).await);
                }
            }
        });
        let health = async {
            anon.get("/livez").await.assert(200);
            away(anon.get("/readyz").await);
            threads(process)
        };
        let (_, during) =
            tokio::time::timeout(PATIENCE, async { tokio::join!(join_all(crowd), health) }).await.unwrap();
        assert!(during <= before + THREADS, "{before} threads became {during}");
        cluster.thaw();
        until_ready(&anon).await;
        assert_eq!(ann.get(&path).await.assert(200).json(), first);
        // Some of them may have been done: their keys tell.
        for at in (0..CROWD).filter(|at| at % 3 > 0).take(20) {
            write(&ann, &format!("{round}-{at}")).await;
        }
        let stored = ann.all("contact", &[]).await;
        let mut names: Vec<&str> = stored.iter().map(|record| record["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), stored.len(), "a record is there twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_stopped_at_once_and_started_again() {
    let cluster = Cluster::start().await;
    let test = TestApp::on_postgres(cluster.url()).await;
    let mut answered = Vec::new();
    for round in 0..2 {
        for part in 0..20 {
            let name = format!("{round}-{part}");
            answered.push((write(&test.ann, &name).await.0, name));
        }
        cluster.stop_at_once().await;
        // All at once: each of them waits for a connection as long as a request may.
        let crowd = (0..CROWD).map(|_| async {
            away(test.ann.post("/api/v1/records/contact", &json!({"name": "lost"})).await);
            away(test.ann.get("/api/v1/records/contact").await);
        });
        let health = async { away(test.anon.get("/readyz").await) };
        tokio::time::timeout(PATIENCE, async { tokio::join!(join_all(crowd), health) }).await.unwrap();
        test.anon.get("/livez").await.assert(200);
        cluster.launch().await;
        until_ready(&test.anon).await;
        write(&test.ann, &format!("back-{round}")).await;
    }
    let stored = test.ann.all("contact", &[]).await;
    assert_eq!(stored.len(), answered.len() + 2);
    for (id, name) in answered {
        let found = stored.iter().find(|record| record["id"] == json!(id)).unwrap();
        assert_eq!(found["name"], json!(name));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_database_and_a_pool_that_is_used_up() {
    let test = TestApp::start(On::Postgres).await;
    let guildhall::app::Database::Postgres(url) = &test.database else { panic!("not on PostgreSQL") };
    let first = test.ann.create("contact", json!({"name": "first"})).await;
    let mut other = superuser(url).await;
    // Every write waits for this lock until the server ends it, and takes a connection meanwhile.
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query("lock table o_contact in share row exclusive mode").execute(&mut other).await.unwrap();
    let crowd = (0..CROWD).map(|at| {
        let ann = test.ann.with("idempotency-key", &format!("slow-{at}"));
        async move { away(ann.post("/api/v1/records/contact", &json!({"name": format!("slow-{at}")})).await) }
    });
    tokio::time::timeout(PATIENCE, join_all(crowd)).await.unwrap();
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    until_ready(&test.anon).await;
    assert_eq!(test.ann.all("contact", &[]).await, [first]);
    for at in 0..CROWD {
        write(&test.ann, &format!("slow-{at}")).await;
    }
    assert_eq!(test.ann.all("contact", &[]).await.len(), CROWD + 1);
}

/// Reads of one tenant that wait for the database leave connections to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_one_tenant_take_turns() {
    let test = TestApp::start(On::Postgres).await;
    let guildhall::app::Database::Postgres(url) = &test.database else { panic!("not on PostgreSQL") };
    let theirs = test.sam.create("contact", json!({"name": "Theirs"})).await;
    let (mut other, mut watch) = (superuser(url).await, superuser(url).await);
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query("lock table o_company in access exclusive mode").execute(&mut other).await.unwrap();
    let crowd = (0..CROWD).map(|_| {
        let ann = test.ann.clone();
        tokio::spawn(async move { ann.get("/api/v1/records/company").await })
    });
    let crowd: Vec<_> = crowd.collect();
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut watch).await.unwrap() == 0 {
        assert!(!crowd.iter().any(tokio::task::JoinHandle::is_finished));
    }
    let path = format!("/api/v1/records/contact/{}", theirs["id"].as_str().unwrap());
    for _ in 0..40 {
        test.sam.get(&path).await.assert(200);
    }
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    for reply in join_all(crowd).await {
        // A slow machine may have let some wait for too long, and that is said.
        let reply = reply.unwrap();
        if reply.status.as_u16() != 200 {
            away(reply);
        }
    }
}

/// What a module waits for the host is not the module's time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_is_not_blamed_for_a_slow_database() {
    let test = TestApp::with_plugin(On::Postgres, "guildhall.retail-loyalty").await;
    let guildhall::app::Database::Postgres(url) = &test.database else { panic!("not on PostgreSQL") };
    let contact = test.ann.create("contact", json!({"name": "Ann"})).await;
    let (mut other, mut watch) = (superuser(url).await, superuser(url).await);
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query("lock table o_loyalty__member in access exclusive mode").execute(&mut other).await.unwrap();
    let total = json!({"amount": "5.00", "currency": "USD"});
    let body = json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total});
    let order = tokio::spawn({
        let ann = test.ann.clone();
        async move { ann.post("/api/v1/records/order", &body).await }
    });
    // Until the hook has waited for longer than it may run.
    let waits = "select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and now() - query_start > interval '400 ms'";
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut watch).await.unwrap() == 0 {
        assert!(!order.is_finished(), "{:?}", order.await);
    }
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    order.await.unwrap().assert(201);
    assert_eq!(test.ann.all("loyalty.member", &[]).await[0]["points"], 5);
}

/// A host whose way to the database is a wire.
async fn on_a_wire() -> (TestApp, Wire) {
    let url = new_postgres_database().await;
    let (before, rest) = url.rsplit_once(':').unwrap();
    let (port, path) = rest.split_once('/').unwrap();
    let wire = Wire::to(port.parse().unwrap()).await;
    (TestApp::on_postgres(format!("{before}:{}/{path}", wire.port)).await, wire)
}

/// One statement is its own transaction: cut while it runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_in_the_middle_is_decided_by_the_retry() {
    let (test, wire) = on_a_wire().await;
    let mut count = 0;
    for round in 0..ROUNDS {
        for cut in [Cut::Before, Cut::Meanwhile, Cut::After] {
            let name = format!("{cut:?}-{round}");
            let keyed = test.ann.with("idempotency-key", &name);
            let body = json!({"name": name, "note": format!("mark of {name}")});
            wire.arm(format!("mark of {name}").as_bytes(), cut);
            away(keyed.post("/api/v1/records/contact", &body).await);
            assert!(wire.has_cut());
            let retry = keyed.post("/api/v1/records/contact", &body).await.assert(201);
            let was_done = retry.headers.contains_key("idempotency-replayed");
            assert!(cut == Cut::Meanwhile || was_done == (cut == Cut::After), "{cut:?}: done before: {was_done}");
            count += 1;
            let stored = test.ann.all("contact", &[]).await;
            assert_eq!(stored.len(), count);
            assert!(stored.contains(&retry.json()));
        }
    }
    let events = test.ann.get("/api/v1/events?limit=500").await.assert(200).json();
    assert_eq!(events["data"].as_array().unwrap().len(), count, "an event for each record, and no more");
}

/// A large unit of work has a `COMMIT` of its own: cut there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_commit_that_is_cut_at_its_commit_is_all_or_nothing() {
    let (test, wire) = on_a_wire().await;
    let mut count = 0;
    for round in 0..ROUNDS {
        for cut in [Cut::Before, Cut::Meanwhile, Cut::After] {
            let fields = |part| json!({"op": "create", "fields": {"name": format!("{round}-{cut:?}-{part}")}});
            let body = json!({"mode": "atomic", "operations": (0..40).map(fields).collect::<Vec<_>>()});
            let keyed = test.ann.with("idempotency-key", &format!("{round}-{cut:?}"));
            wire.arm(b"COMMIT\0", cut);
            away(keyed.post("/api/v1/records/contact/batch", &body).await);
            assert!(wire.has_cut());
            let stored = test.ann.all("contact", &[]).await.len();
            assert!(stored == count || stored == count + 40, "{stored} records: a part of the batch");
            assert!(cut != Cut::Before || stored == count);
            assert!(cut != Cut::After || stored == count + 40);
            keyed.post("/api/v1/records/contact/batch", &body).await.assert(200);
            count += 40;
            assert_eq!(test.ann.all("contact", &[]).await.len(), count);
        }
    }
}
