//! The disk without a server: how long it takes to be sure, and how many durable inserts that leaves.

use std::fs::{File, remove_file};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::json;

use super::Result;

const APPENDS: usize = 300;
const BLOCK: [u8; 4096] = [7; 4096];
/// Inserts of one commit, as many as the clients of the benchmark.
const GROUP: u64 = 32;
/// How long each kind of insert is measured.
const WINDOW: Duration = Duration::from_millis(500);

/// Appends and waits for the disk, and prints the times in microseconds.
pub fn fsync(folder: &Path) -> Result<()> {
    let path = folder.join("limits-fsync");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let start = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    remove_file(&path)?;
    times.sort_unstable();
    let micros = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    println!("{}", json!({"p50_us": micros(50), "p99_us": micros(99)}));
    Ok(())
}

/// Prints durable inserts per second, one by one and in groups.
pub fn inserts(folder: &Path) -> Result<()> {
    let path = folder.join("limits-insert.sqlite");
    let connection = Connection::open(&path)?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full;
         create table contact (id integer primary key, name text, email text, city text, external_id text) strict;",
    )?;
    let single = rate(&connection, 1)?;
    let grouped = rate(&connection, GROUP)?;
    drop(connection);
    for end in ["", "-wal", "-shm"] {
        // The last connection has removed the others already.
        let _ = remove_file(folder.join(format!("limits-insert.sqlite{end}")));
    }
    println!("{}", json!({"single_per_s": single, "grouped_per_s": grouped}));
    Ok(())
}

fn rate(connection: &Connection, group: u64) -> Result<f64> {
    let mut insert =
        connection.prepare("insert into contact (name, email, city, external_id) values (?1, ?2, ?3, ?4)")?;
    let mut count = 0_u32;
    let start = Instant::now();
    while start.elapsed() < WINDOW {
        connection.execute_batch("begin immediate")?;
        for _ in 0..group {
            let number = count.to_string();
            insert.execute(params!["Some Body", "somebody@example.com", "Some City", number])?;
            count += 1;
        }
        connection.execute_batch("commit")?;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}
