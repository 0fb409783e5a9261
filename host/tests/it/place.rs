//! An installation whose host is a process of its own.

use std::process::Stdio;

use serde_json::Value as Json;
use sqlx::{Connection, SqliteConnection};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::support::{On, new_postgres_database};

/// Where an installation is, as arguments of the command line.
pub struct Place {
    arguments: Vec<String>,
    pub directory: tempfile::TempDir,
}

fn in_directory(directory: &tempfile::TempDir) -> Vec<String> {
    vec!["--data-dir".to_owned(), directory.path().to_str().unwrap().to_owned()]
}

impl Place {
    pub async fn make(on: On) -> Self {
        let directory = tempfile::tempdir().unwrap();
        match on {
            On::Sqlite => Self { arguments: in_directory(&directory), directory },
            On::Postgres => Self::on_postgres(new_postgres_database().await),
        }
    }

    /// On a PostgreSQL that is there already.
    pub fn on_postgres(url: String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut arguments = in_directory(&directory);
        arguments.extend(["--database-url".to_owned(), url]);
        Self { arguments, directory }
    }

    pub fn command(&self, words: &[&str]) -> Command {
        // A write past a limit of the process fails like one on a full disk, instead of ending it.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_guildhall")]);
        command.args(words).args(&self.arguments).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// An admin's key of a new tenant.
    pub async fn key(&self) -> String {
        let made = self.command(&["tenant", "create", "--slug", "shop", "--name", "Shop", "--json"]).output().await;
        let made: Json = serde_json::from_slice(&made.unwrap().stdout).unwrap();
        made["api_key"].as_str().unwrap().to_owned()
    }

    /// What a command prints as JSON.
    pub async fn run(&self, words: &[&str]) -> Json {
        let done = self.command(words).arg("--json").output().await.unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// What a command that needs no installation prints as JSON.
    pub async fn alone(words: &[&str]) -> Json {
        let done = Command::new(env!("CARGO_BIN_EXE_guildhall")).args(words).arg("--json").output().await.unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// What a command that fails says.
    pub async fn refused(&self, words: &[&str]) -> String {
        let done = self.command(words).output().await.unwrap();
        assert!(!done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stdout));
        String::from_utf8(done.stderr).unwrap()
    }

    /// Starts the host, and says where it listens.
    pub async fn serve(&self) -> (Child, String) {
        let words =
            ["serve", "--listen", "127.0.0.1:0", "--allow-private-webhooks", "--key-rate", "0", "--tenant-rate", "0"];
        let mut child = self.command(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the host ended before it listened");
        (child, line.strip_prefix("listening on ").unwrap().to_owned())
    }

    /// Starts the host at its most verbose; its log is whole once it has ended.
    pub async fn serve_verbose(&self) -> (Child, String, JoinHandle<String>) {
        let words =
            ["serve", "--listen", "127.0.0.1:0", "--allow-private-webhooks", "--key-rate", "0", "--tenant-rate", "0"];
        let mut command = self.command(&words);
        let mut child = command
            .env("GUILDHALL_LOG", "guildhall=trace,plugin=trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the host ended before it listened");
        let mut errors = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut log = String::new();
            errors.read_to_string(&mut log).await.unwrap();
            log
        });
        (child, line.strip_prefix("listening on ").unwrap().to_owned(), log)
    }

    /// What SQLite says of its file.
    pub async fn integrity(&self) -> String {
        let path = self.directory.path().join("guildhall.sqlite");
        let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        sqlx::query_scalar("pragma integrity_check").fetch_one(&mut connection).await.unwrap()
    }
}
