//! A PostgreSQL server that one test has for itself, because it stops or freezes it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use rand::RngExt;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use crate::support::superuser;

/// A running server; it ends with its value.
pub struct Cluster {
    directory: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        if let Some((user, group)) = account() {
            std::os::unix::fs::chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        let cluster = Self { directory, port: free_port() };
        let mut command = cluster.program("initdb");
        command.args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--username=postgres"]);
        assert!(command.status().await.unwrap().success());
        cluster.launch().await;
        let mut server = superuser(&cluster.url_of("postgres")).await;
        for sql in ["create role guildhall login createdb", "create database guildhall owner guildhall"] {
            sqlx::query(sql).execute(&mut server).await.unwrap();
        }
        cluster
    }

    /// Where the host connects.
    pub fn url(&self) -> String {
        self.url_of("guildhall")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://guildhall@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts the server, and waits until it answers.
    pub async fn launch(&self) {
        let settings = format!(
            "-c port={} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=100",
            self.port
        );
        let mut command = self.program("pg_ctl");
        let log = self.directory.path().join("server.log");
        command.args(["start", "--wait", "--silent", "--options", &settings, "--log"]).arg(&log);
        let started = command.status().await.unwrap().success();
        assert!(started, "{}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// Ends the server as a crash would: without a word to its clients.
    pub async fn stop_at_once(&self) {
        let mut command = self.program("pg_ctl");
        assert!(command.args(["stop", "--mode=immediate", "--silent"]).status().await.unwrap().success());
    }

    /// Stops all of its processes where they are: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let Ok(file) = std::fs::read_to_string(self.data().join("postmaster.pid")) else { return };
        let leader = file.lines().next().unwrap().trim();
        let children = std::fs::read_to_string(format!("/proc/{leader}/task/{leader}/children")).unwrap_or_default();
        // The leader first: it would start new ones, or wonder about the old.
        for id in [leader].into_iter().chain(children.split_whitespace()) {
            let id = id.parse().ok().and_then(Pid::from_raw).unwrap();
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(id, signal);
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let programs = std::env::var("GUILDHALL_TEST_POSTGRES_PROGRAMS")
            .expect("these tests need PostgreSQL's programs: `cargo xtask test` finds them");
        let mut command = Command::new(PathBuf::from(programs).join(name));
        if let Some((user, group)) = account() {
            command.uid(user).gid(group);
        }
        command.arg("--pgdata").arg(self.data()).current_dir(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        let mut command = self.program("pg_ctl").into_std();
        // A server that a failed test had stopped already is not there to be stopped.
        let _ = command.args(["stop", "--mode=immediate", "--silent"]).status();
    }
}

/// The user and group that may run a server, when we are root.
fn account() -> Option<(u32, u32)> {
    let account = std::env::var("GUILDHALL_TEST_POSTGRES_ACCOUNT").unwrap_or_default();
    let (user, group) = account.split_once(':')?;
    Some((user.parse().unwrap(), group.parse().unwrap()))
}

/// A port below those that the system hands out to clients: one of them would take it while the server is away.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::rng().random_range(12_000..32_000)).find(is_free).unwrap()
}
