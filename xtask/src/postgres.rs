//! A PostgreSQL cluster of our own in a temporary directory, gone when its value is dropped.

mod account;
mod binaries;
mod scratch;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::interrupt::Interrupt;
use crate::workspace;
use account::Account;
use binaries::Binaries;
use scratch::Scratch;

/// How far a commit must reach before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// To the disk, as in production: what a benchmark has to pay.
    Disk,
    /// To the operating system: the same answers, faster; for tests.
    Memory,
}

/// A running server. Dropping it stops the server and removes its directory.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    account: Account,
    scratch: Scratch,
    port: u16,
}

impl Cluster {
    /// Starts a server on a free port, getting PostgreSQL first where there is none.
    pub fn start(durability: Durability) -> Result<Self> {
        let binaries = Binaries::find_or_install()?;
        let account = Account::for_server()?;
        let scratch = Scratch::create(&binaries, account)?;
        let cluster = Self { binaries, account, scratch, port: 0 };
        cluster.initialise()?;
        // A port is free again before the server takes it: another program may be faster once, not three times.
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            match cluster.launch(port, durability) {
                Ok(()) => {
                    let cluster = Self { port, ..cluster };
                    cluster.make_database()?;
                    return Ok(cluster);
                }
                Err(error) if attempt == 3 => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// Where the host connects: as a role without any privilege but to make databases, which owns the database.
    pub fn url(&self) -> String {
        self.url_of(account::HOST)
    }

    /// The same database for whoever must see past row-level security: seeding, and the raw figures of a benchmark.
    pub fn superuser_url(&self) -> String {
        self.url_of(account::SUPERUSER)
    }

    fn url_of(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{}", self.port, account::HOST)
    }

    /// The folder with the server's programs, and the user and group that may run them when we are root:
    /// for tests that stop a server of their own.
    pub fn programs(&self) -> (&Path, Option<(u32, u32)>) {
        (self.binaries.folder(), self.account.ids())
    }

    /// The server's process, for measuring what it uses.
    pub fn process_id(&self) -> Option<u32> {
        self.scratch.postmaster()
    }

    fn initialise(&self) -> Result<()> {
        let mut command = self.command("initdb");
        command
            .arg("--pgdata")
            .arg(self.scratch.data())
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg(format!("--username={}", account::SUPERUSER));
        workspace::output(&mut command).map(drop).context("making a PostgreSQL cluster")
    }

    /// `pg_ctl` waits until the server answers, and gives it a session of its own, out of reach of Ctrl-C.
    fn launch(&self, port: u16, durability: Durability) -> Result<()> {
        let log = self.scratch.log();
        let options = settings(port, durability, self.scratch.directory()).join(" -c ");
        let mut command = self.command("pg_ctl");
        command
            .args(["start", "--wait", "--silent", "--timeout=60", "--pgdata"])
            .arg(self.scratch.data())
            .arg("--log")
            .arg(&log)
            .arg("--options")
            .arg(format!("-c {options}"))
            .stdout(Stdio::null());
        // Not captured through a pipe: the server would inherit it and never close it.
        let status = command.status().context("starting pg_ctl")?;
        if !status.success() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            anyhow::bail!("PostgreSQL did not start:\n{}", said.trim_end());
        }
        Ok(())
    }

    /// What an operator does for the host: a role that is no superuser, and a database that it owns.
    fn make_database(&self) -> Result<()> {
        let host = account::HOST;
        let mut command = self.command("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--dbname=postgres"])
            .arg(format!("--port={}", self.port))
            .arg(format!("--username={}", account::SUPERUSER))
            .arg(format!("--command=create role {host} login createdb"))
            .arg(format!("--command=create database {host} owner {host}"));
        workspace::output(&mut command).map(drop).context("making the host's role and database")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.path(program));
        self.account.apply(&mut command);
        command.current_dir(self.scratch.directory()).stdin(Stdio::null());
        command
    }
}

fn settings(port: u16, durability: Durability, sockets: &Path) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", sockets.display()),
        "max_connections=400".to_owned(),
        "shared_buffers=256MB".to_owned(),
        "max_wal_size=4GB".to_owned(),
        "checkpoint_timeout=30min".to_owned(),
        "autovacuum_naptime=10min".to_owned(),
    ];
    if durability == Durability::Memory {
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    settings
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// `cargo xtask postgres`: a cluster in the foreground, for work by hand.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let cluster = Cluster::start(Durability::Disk)?;
        let process = cluster.process_id().context("PostgreSQL ended as soon as it had started")?;
        println!("PostgreSQL runs at {} (process {process})", cluster.url());
        println!("Ctrl-C stops it and removes its data");
        interrupt.received().await;
        Ok(())
    })
}
