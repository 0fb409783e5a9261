//! A server under test as a child process, killed when its value is dropped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a server may take to end its work when asked to.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Server {
    child: Child,
    process: u32,
    address: String,
    log: PathBuf,
    /// Kept, so that a server that prints something does not die of it.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a program that prints `listening on …`, and returns when it has.
    pub async fn start(mut command: Command, log: &Path) -> Result<Self> {
        let errors = std::fs::File::create(log).with_context(|| format!("making {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
        let mut child = command.spawn().context("starting a server")?;
        let process = child.id().context("a server ended as soon as it had started")?;
        let output = child.stdout.take().context("a server's output is not readable")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.strip_prefix("listening on ") {
                let address = address.trim().to_owned();
                return Ok(Self { child, process, address, log: log.to_owned(), _output: lines });
            }
        }
        bail!("a server ended before it listened:\n{}", said(log))
    }

    /// Such as `http://127.0.0.1:8080`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn process(&self) -> u32 {
        self.process
    }

    /// The end of what the server has logged.
    pub fn last_words(&self) -> String {
        said(&self.log)
    }

    /// Asks the server to end, and waits for it.
    pub async fn stop(mut self) -> Result<()> {
        let process = i32::try_from(self.process).ok().and_then(Pid::from_raw).context("a process without a number")?;
        kill_process(process, Signal::TERM).context("asking a server to end")?;
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            bail!("a server did not end within {} s:\n{}", PATIENCE.as_secs(), self.last_words());
        }
        Ok(())
    }
}

fn said(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
