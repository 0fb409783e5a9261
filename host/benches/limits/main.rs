//! What this machine can do at most, to hold the host against: bare servers, raw databases, the hook alone.
//!
//! Not a benchmark by itself: `cargo xtask bench` runs these programs between those of the host.
#![expect(clippy::print_stdout, reason = "the results go to the program that started this one")]

mod answer;
mod contacts;
mod decisions;
mod disk;
mod hook;
mod reader;
mod seed;
mod server;
mod sink;
mod statements;
mod stub;
mod writer;

use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    limit: Limit,
}

#[derive(Subcommand)]
enum Limit {
    /// A bare axum route
    Hello,
    /// axum and rusqlite: a point read, a list of 50, a durable insert
    Sqlite {
        /// A seeded database of the host's
        file: PathBuf,
        #[arg(long)]
        tenant: Uuid,
        /// Add the index that the list wants
        #[arg(long)]
        index: bool,
    },
    /// axum and rusqlite: the statements of a file, one on a line
    Statements { database: PathBuf, file: PathBuf },
    /// A receiver of webhooks that counts them
    Sink,
    /// Append 4 KiB and wait for the disk
    Fsync { folder: PathBuf },
    /// Durable inserts without a server: one by one, and in groups of 32
    SqliteInsert { folder: PathBuf },
    /// Decisions of the access policy, with so many tenants' policies loaded
    Decisions {
        #[arg(long)]
        tenants: usize,
    },
    /// The hook of a plugin, with a host that answers from memory
    Hook { plugin: PathBuf },
    /// The hook of a plugin that trims the names of contacts
    Contact { plugin: PathBuf },
    /// Contacts straight into the host's SQLite file
    SeedSqlite {
        file: PathBuf,
        #[command(flatten)]
        seed: seed::Seed,
    },
    /// Contacts straight into the host's PostgreSQL tables
    SeedPostgres {
        url: String,
        #[command(flatten)]
        seed: seed::Seed,
        /// Make the tables that pgbench reads and writes
        #[arg(long)]
        limits: bool,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match Arguments::parse().limit {
        Limit::Hello => runtime.block_on(server::hello()),
        Limit::Sqlite { file, tenant, index } => runtime.block_on(server::sqlite(&file, tenant, index)),
        Limit::Statements { database, file } => runtime.block_on(statements::run(&database, &file)),
        Limit::Sink => runtime.block_on(sink::run()),
        Limit::Fsync { folder } => disk::fsync(&folder),
        Limit::SqliteInsert { folder } => disk::inserts(&folder),
        Limit::Decisions { tenants } => runtime.block_on(decisions::measure(tenants)),
        Limit::Hook { plugin } => hook::measure(&plugin),
        Limit::Contact { plugin } => hook::measure_contact(&plugin),
        Limit::SeedSqlite { file, seed } => seed::sqlite(&file, &seed),
        Limit::SeedPostgres { url, seed, limits } => runtime.block_on(seed::postgres(&url, &seed, limits)),
    }
}
