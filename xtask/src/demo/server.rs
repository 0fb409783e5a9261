//! The host as a child process: started, known to be ready, explained when it dies, stopped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long the host may take to end its work when asked to.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much of a dead server's last words is shown.
const LAST_LINES: usize = 20;

pub struct Server {
    child: Child,
    log: PathBuf,
    address: String,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts the host and returns when it has said where it listens.
    pub async fn start(host: &Path, data_dir: &Path, listen: SocketAddr) -> Result<Self> {
        let mut command = Command::new(host);
        command.arg("serve").arg("--data-dir").arg(data_dir).args([
            "--listen",
            &listen.to_string(),
            "--key-rate",
            "0",
            "--tenant-rate",
            "0",
        ]);
        Self::launch(command, data_dir.join("demo-server.log")).await
    }

    async fn launch(mut command: Command, log: PathBuf) -> Result<Self> {
        let errors = std::fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
        // A group of its own keeps Ctrl-C from it: we stop it when we are done with it.
        let mut child = command.process_group(0).spawn().context("starting the server")?;
        let stdout = child.stdout.take().context("the server's output is not readable")?;
        let mut server = Self { child, log, address: String::new(), lines: BufReader::new(stdout).lines() };
        match server.announced().await {
            Ok(address) => server.address = address,
            Err(error) => return Err(server.explain(error).await),
        }
        Ok(server)
    }

    /// The address to send requests to, such as `http://127.0.0.1:8080`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns when the server has ended without being asked to.
    pub async fn ended(&mut self) -> Error {
        // What it still prints is read, or its pipe would fill.
        while let Ok(Some(_)) = self.lines.next_line().await {}
        match self.child.wait().await {
            Ok(status) => anyhow!("the server ended with {status}"),
            Err(error) => anyhow!(error).context("waiting for the server"),
        }
    }

    /// Adds a dead server's last words to an error; a living one is stopped.
    pub async fn explain(&mut self, error: Error) -> Error {
        // The process may be a moment behind the connection that it dropped.
        let died = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await.is_ok();
        if !died {
            return match self.stop().await {
                Ok(()) => error,
                Err(second) => error.context(second),
            };
        }
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let said = last_lines(&said);
        if said.is_empty() {
            return error.context("the server died without a word");
        }
        anyhow!("{error:#}\nIts last words, all of them in {}:\n{said}", self.log.display())
    }

    /// Stops the server and gives the reason back, for `bail!`.
    pub async fn stopped_by(&mut self, reason: &'static str) -> Error {
        match self.stop().await {
            Ok(()) => anyhow!(reason),
            Err(error) => error.context(reason),
        }
    }

    /// Asks the server to end, and insists after a while.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(id) = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else { return Ok(()) };
        kill_process(id, Signal::TERM).context("asking the server to end")?;
        let Ok(status) = tokio::time::timeout(PATIENCE, self.child.wait()).await else {
            self.child.kill().await?;
            bail!("the server did not end within {} s and was killed", PATIENCE.as_secs());
        };
        ended_well(status?)
    }

    async fn announced(&mut self) -> Result<String> {
        while let Some(line) = self.lines.next_line().await? {
            if let Some(address) = line.strip_prefix("listening on ") {
                return Ok(address.trim().to_owned());
            }
        }
        bail!("the server ended before it listened")
    }
}

fn ended_well(status: ExitStatus) -> Result<()> {
    use std::os::unix::process::ExitStatusExt as _;
    if status.success() || status.signal() == Some(Signal::TERM.as_raw()) {
        return Ok(());
    }
    bail!("the server ended with {status}")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a shell script in the host's place.
    async fn started(name: &str, script: &str) -> Result<Server> {
        let log = std::env::temp_dir().join(format!("guildhall-{name}-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let started = Server::launch(command, log.clone()).await;
        std::fs::remove_file(log)?;
        started
    }

    #[tokio::test]
    async fn the_announced_address_is_taken_and_the_server_stopped() {
        let mut server =
            started("lives", "echo hello; echo listening on http://127.0.0.1:7; exec tail -f /dev/null").await.unwrap();
        assert_eq!(server.address(), "http://127.0.0.1:7");
        server.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_dies_is_quoted() {
        let Err(error) = started("dies", "echo no such directory >&2; exit 3").await else {
            panic!("it must not start")
        };
        assert!(format!("{error:#}").contains("no such directory"), "{error:#}");
    }

    #[test]
    fn only_the_last_lines_are_quoted() {
        let text: String = (0..100).map(|number| format!("{number}\n")).collect();
        let shown = last_lines(&text);
        assert!(shown.starts_with("80\n") && shown.ends_with("99"));
    }
}
