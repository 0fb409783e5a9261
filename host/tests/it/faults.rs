//! The database fails: writes are refused as what they are, reads go on where
//! they can, nothing that was answered is lost, and the host is back by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use guildhall::app::Database;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::{Child, Command};

use crate::place::Place;
use crate::support::{Actor, On, Reply, TestApp};

/// Bytes of a frame of SQLite's log: a page and its head.
const FRAME: u64 = 4_096 + 24;
/// Places in the log at which the disk is full.
const PLACES: u64 = 40;
/// Clients that write while connections are cut.
const WRITERS: usize = 4;
/// Records that each of them writes.
const WRITES: usize = 60;
/// Longest time until the host is back.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest file that a process may write.
async fn limit(process: u32, bytes: &str) {
    let arguments = [format!("--pid={process}"), format!("--fsize={bytes}:")];
    assert!(Command::new("prlimit").args(arguments).status().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_at_the_nth_write() {
    let place = Place::make(On::Sqlite).await;
    let key = place.key().await;
    let (mut host, address) = place.serve().await;
    let test = TestApp::start(On::Sqlite).await;
    a_full_log(&place, &mut host, &test.ann.with_key(&key).at(&address)).await;
}

/// The log of SQLite may not grow any further, at one place after the other.
pub async fn a_full_log(place: &Place, host: &mut Child, ann: &Actor) {
    let process = host.id().unwrap();
    let first = ann.create("contact", json!({"name": "first"})).await;
    let path = format!("/api/v1/records/contact/{}", first["id"].as_str().unwrap());
    let log = place.directory.path().join("guildhall.sqlite-wal");
    let mut stored = ann.all("contact", &[]).await.len();
    let mut refused = 0;
    for at in 0..PLACES {
        let keyed = ann.with("idempotency-key", &format!("write-{at}"));
        let body = json!({"name": format!("{at}")});
        // In the middle of a frame, and between two.
        let full = std::fs::metadata(&log).unwrap().len() + at * FRAME / 2;
        limit(process, &full.to_string()).await;
        let reply = keyed.post("/api/v1/records/contact", &body).await;
        if reply.status.as_u16() == 201 {
            stored += 1;
        } else {
            refused += 1;
            assert_eq!(reply.header("retry-after"), "1");
            let problem = reply.problem(503, "unavailable").to_string();
            assert!(!problem.contains("disk") && !problem.contains("sqlite"), "{problem}");
            assert_eq!(ann.get(&path).await.assert(200).json(), first);
            assert_eq!(ann.all("contact", &[]).await.len(), stored);
            limit(process, "unlimited").await;
            keyed.post("/api/v1/records/contact", &body).await.assert(201);
            stored += 1;
        }
        limit(process, "unlimited").await;
        keyed.post("/api/v1/records/contact", &body).await.assert(201);
        assert_eq!(ann.all("contact", &[]).await.len(), stored);
    }
    assert!(refused >= 10, "only {refused} writes met a full disk");
    ann.get("/readyz").await.assert(200);
    host.kill().await.unwrap();
    assert_eq!(place.integrity().await, "ok");
}

/// A connection to the server, beside the database of a test, and that one's name.
async fn beside(test: &TestApp) -> (PgConnection, String) {
    let server = std::env::var("GUILDHALL_TEST_POSTGRES").unwrap();
    let Database::Postgres(url) = &test.database else { panic!("not on PostgreSQL") };
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    (PgConnection::connect(&server).await.unwrap(), name.to_owned())
}

async fn cut(server: &mut PgConnection, name: &str) {
    let all = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1";
    sqlx::query(all).bind(name).execute(server).await.unwrap();
}

/// Sends the same with the same key until it is answered.
pub async fn write(ann: &Actor, name: &str) -> (String, usize) {
    let keyed = ann.with("idempotency-key", name);
    for refused in 0.. {
        let reply = keyed.post("/api/v1/records/contact", &json!({"name": name})).await;
        match reply.status.as_u16() {
            201 => return (reply.json()["id"].as_str().unwrap().to_owned(), refused),
            // Its own first try may still run.
            409 => {}
            _ => away(reply),
        }
    }
    unreachable!()
}

/// It says that the database is away, in full form and without a word about it.
#[track_caller]
pub fn away(reply: Reply) {
    assert_eq!(reply.status.as_u16(), 503, "{}", reply.text);
    assert_eq!(reply.header("retry-after"), "1");
    let problem = reply.problem(503, "unavailable").to_string().to_lowercase();
    assert!(!problem.contains("postgres") && !problem.contains("connection"), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_that_are_killed() {
    let test = TestApp::start(On::Postgres).await;
    let (mut server, name) = beside(&test).await;
    let writers = (0..WRITERS).map(|writer| {
        let ann = test.ann.clone();
        tokio::spawn(async move {
            let (mut answered, mut refused) = (BTreeMap::new(), 0);
            for part in 0..WRITES {
                let name = format!("{writer}-{part}");
                let (id, times) = write(&ann, &name).await;
                answered.insert(name, id);
                refused += times;
            }
            (answered, refused)
        })
    });
    let writers: Vec<_> = writers.collect();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        cut(&mut server, &name).await;
        // As many reads as it takes until one is served.
        let start = Instant::now();
        loop {
            let reply = test.ann.get("/api/v1/records/contact?limit=1").await;
            if reply.status.as_u16() == 200 {
                break;
            }
            away(reply);
            assert!(start.elapsed() < PATIENCE, "not back in time");
        }
    }
    let (mut answered, mut refused) = (BTreeMap::new(), 0);
    for writer in writers {
        let (more, times) = writer.await.unwrap();
        answered.extend(more);
        refused += times;
    }
    assert!(refused > 0, "no write met a cut connection");
    // What else was cut of the pool is met now, each once.
    for _ in 0..40 {
        let reply = test.ann.get("/api/v1/records/contact?limit=1").await;
        if reply.status.as_u16() != 200 {
            away(reply);
        }
    }
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let stored = test.ann.all("contact", &[]).await;
    assert_eq!(stored.len(), answered.len());
    let stored: BTreeMap<String, String> =
        stored.iter().map(|record| (text(&record["name"]), text(&record["id"]))).collect();
    assert_eq!(stored, answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away() {
    let test = TestApp::start(On::Postgres).await;
    let (mut server, name) = beside(&test).await;
    let first = test.ann.create("contact", json!({"name": "first"})).await;
    let path = format!("/api/v1/records/contact/{}", first["id"].as_str().unwrap());
    let allow = |yes: bool| AssertSqlSafe(format!("alter database {name} with allow_connections {yes}"));
    for round in 0..3 {
        sqlx::query(allow(false)).execute(&mut server).await.unwrap();
        cut(&mut server, &name).await;
        // More than the pool has connections, so that new ones are asked for.
        for _ in 0..40 {
            away(test.ann.post("/api/v1/records/contact", &json!({"name": "lost"})).await);
        }
        away(test.ann.get(&path).await);
        away(test.ann.get("/api/v1/records/contact").await);
        away(test.anon.get("/readyz").await);
        test.anon.get("/livez").await.assert(200);
        sqlx::query(allow(true)).execute(&mut server).await.unwrap();
        let start = Instant::now();
        write(&test.ann, &format!("back-{round}")).await;
        assert!(start.elapsed() < Duration::from_secs(2), "back after {:?}", start.elapsed());
        assert_eq!(test.ann.get(&path).await.assert(200).json(), first);
    }
    assert_eq!(test.ann.all("contact", &[]).await.len(), 4);
}
