//! Compiles components in processes of their own, a few at a time, and keeps what comes out.
//!
//! A compiler is code that strangers feed: what it can use of time and memory is limited by the system, and when it
//! dies, nothing else does.

pub(super) mod cache;
pub(super) mod child;
#[cfg(target_os = "linux")]
mod seccomp;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::Invalid;
use super::audit::{Audited, Found};
use super::engine::{Counting, PluginEngine};
use cache::{Cache, Kept, Name};
use child::{ARTEFACT, COMMAND, COUNTING, MAX_ARTEFACT};

/// Compilations that run at the same time; more wait.
const AT_ONCE: usize = 2;
/// CPU time of one compilation, unless it is said otherwise.
const TIME: Duration = Duration::from_secs(30);
/// Longest wait for a turn, and for the rest of the machine while compiling.
const PATIENCE: Duration = Duration::from_mins(2);

/// How hard a compiler tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// As code that runs often deserves.
    Full,
    /// No more than is needed: for what takes too long otherwise.
    Little,
}

/// A component, compiled by this host's own program. What is in it is run as it is: there is no way to make one but by
/// a child's answer or by a file that carries this host's mark.
pub struct Artefact(Vec<u8>);

impl Artefact {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Where and how to compile.
#[derive(Clone, Debug, Default)]
pub struct CompilerOptions {
    /// The program that compiles; this one when none is named.
    pub program: Option<PathBuf>,
    /// CPU time of one compilation; 30 seconds when not given.
    pub time: Option<Duration>,
    /// Where artefacts are kept, and the key of the marks that they carry.
    pub cache: Option<(PathBuf, [u8; 32])>,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It cannot be.
    #[error(transparent)]
    Refused(Invalid),
    /// Others are being compiled, or the machine is busy.
    #[error("too much is being compiled")]
    Busy,
    /// The compiler cannot be used; for the log.
    #[error("{0}")]
    Host(String),
}

/// How a child ended.
enum Ended {
    Compiled(Vec<u8>),
    OutOfTime,
    Refused(String),
}

/// Compiles components.
pub struct Compiler {
    program: PathBuf,
    time: Duration,
    places: Semaphore,
    cache: Option<Cache>,
    /// Whether what it compiles counts instructions.
    counting: Counting,
    /// What artefacts of this engine have in common.
    compatibility: [u8; 32],
    counts: Counts,
}

/// What a compiler has done since it was made.
#[derive(Debug, Default)]
pub struct Counts {
    /// Artefacts that were kept.
    pub found: AtomicU64,
    /// Artefacts that had to be made, and components that could not be compiled.
    pub compiled: AtomicU64,
    /// Microseconds that this took, waiting for a turn included.
    pub micros: AtomicU64,
}

impl Compiler {
    /// A compiler for this engine.
    pub fn new(engine: &PluginEngine, options: CompilerOptions) -> Result<Self, String> {
        let own = || std::env::current_exe().map_err(|error| format!("the path of this program: {error}"));
        let cache = options.cache.map(|(directory, key)| Cache::open(&directory, key)).transpose()?;
        Ok(Self {
            program: options.program.map_or_else(own, Ok)?,
            time: options.time.unwrap_or(TIME),
            places: Semaphore::new(AT_ONCE),
            cache,
            counting: engine.counting,
            compatibility: engine.compatibility(),
            counts: Counts::default(),
        })
    }

    /// What it has done so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The artefact of a component: the one that is kept, or a new one.
    pub async fn artefact(&self, component: &[u8], audited: &Audited) -> Result<Artefact, CompileError> {
        let digest = Sha256::digest(component).into();
        if let Some((artefact, _)) = self.kept(digest).await {
            return Ok(artefact);
        }
        let began = Instant::now();
        let artefact = self.compile(component, audited).await;
        self.counts.compiled.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counts.micros.fetch_add(micros, Ordering::Relaxed);
        let artefact = artefact?;
        if let Some(cache) = &self.cache {
            let found = serde_json::to_vec(&audited.found).map_err(|error| CompileError::Host(error.to_string()))?;
            cache.put(self.name(digest), Kept { found, artefact: artefact.clone() }).await;
        }
        Ok(Artefact(artefact))
    }

    /// The artefact of a component with this SHA-256, and what this version of the host found when it looked at it;
    /// none when it is not kept.
    pub async fn kept(&self, digest: [u8; 32]) -> Option<(Artefact, Found)> {
        let Kept { found, artefact } = self.cache.as_ref()?.get(self.name(digest)).await?;
        self.counts.found.fetch_add(1, Ordering::Relaxed);
        Some((Artefact(artefact), serde_json::from_slice(&found).ok()?))
    }

    fn name(&self, component: [u8; 32]) -> Name {
        Name::of(component, self.compatibility)
    }

    async fn compile(&self, component: &[u8], audited: &Audited) -> Result<Vec<u8>, CompileError> {
        let _place = tokio::time::timeout(PATIENCE, self.places.acquire())
            .await
            .map_err(|_| CompileError::Busy)?
            .map_err(|_| CompileError::Busy)?;
        for effort in [Effort::Full, Effort::Little] {
            let limit = self.time + PATIENCE;
            match tokio::time::timeout(limit, self.run(component, effort)).await.map_err(|_| CompileError::Busy)?? {
                Ended::Compiled(bytes) => return Ok(bytes),
                Ended::Refused(reason) => return Err(CompileError::Refused(Invalid::Component(reason))),
                Ended::OutOfTime => {
                    tracing::info!(?effort, plugin = audited.found.manifest.id, "compiling took too long");
                }
            }
        }
        let largest = audited.largest.first().map(|largest| format!("; the largest function is {largest}"));
        Err(CompileError::Refused(Invalid::Component(format!(
            "compiling the component takes more than {} s{}",
            self.time.as_secs(),
            largest.unwrap_or_default()
        ))))
    }

    async fn run(&self, component: &[u8], effort: Effort) -> Result<Ended, CompileError> {
        let host = |error: std::io::Error| CompileError::Host(format!("{}: {error}", self.program.display()));
        let mut command = Command::new(&self.program);
        command.arg(COMMAND).arg(self.time.as_secs().max(1).to_string()).arg(effort.word());
        if self.counting == Counting::On {
            command.arg(COUNTING);
        }
        command.env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(host)?;
        if let Some(mut input) = child.stdin.take() {
            // One that has died says how by its status.
            let _ = input.write_all(component).await;
        }
        let mut answer = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(MAX_ARTEFACT as u64 + 2).read_to_end(&mut answer).await.map_err(host)?;
        }
        if answer.len() > MAX_ARTEFACT + 1 {
            // It would wait for ever for somebody who reads the rest.
            child.kill().await.map_err(host)?;
            return Ok(Ended::Refused(format!("the compiled component is larger than {MAX_ARTEFACT} bytes")));
        }
        let status = child.wait().await.map_err(host)?;
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        if let Some(signal) = signal {
            return Ok(if [Signal::XCPU, Signal::KILL].iter().any(|known| known.as_raw() == signal) {
                Ended::OutOfTime
            } else if signal == Signal::ABORT.as_raw() {
                Ended::Refused("compiling the component takes more memory than it may".to_owned())
            } else {
                Ended::Refused("the compiler does not survive the component".to_owned())
            });
        }
        match answer.split_first() {
            Some((&ARTEFACT, artefact)) if status.success() && !artefact.is_empty() => {
                Ok(Ended::Compiled(artefact.to_vec()))
            }
            Some((&child::REFUSAL, text)) if status.success() => {
                let text: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect();
                Ok(Ended::Refused(format!("the component cannot be compiled: {text}")))
            }
            _ => Err(CompileError::Host(format!("{}: not a compiler: it ended with {status}", self.program.display()))),
        }
    }
}
