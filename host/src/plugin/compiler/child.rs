//! The process that compiles: a component comes in on standard input, an artefact goes out on standard output.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Effort;
#[cfg(target_os = "linux")]
use super::seccomp;
use crate::plugin::audit::MAX_COMPONENT;
use crate::plugin::engine::{Counting, compiling};

/// The command by which the host starts itself as a compiler.
pub const COMMAND: &str = "compile-plugin";
/// The last argument, where instructions are to be counted.
pub const COUNTING: &str = "counting";
/// What an answer begins with.
pub const ARTEFACT: u8 = 1;
pub const REFUSAL: u8 = 2;
/// Largest artefact.
pub const MAX_ARTEFACT: usize = 64 << 20;
/// Memory of one compilation, with all that the program maps.
const MEMORY: u64 = 2 << 30;
/// Open files: the three that it has, and a few that the standard library may want.
const FILES: u64 = 16;
/// Longest text of a refusal.
const TEXT: usize = 500;

impl Effort {
    /// What it is called among the arguments.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Little => "little",
        }
    }
}

/// Runs as a compiler when the arguments of the process say so, and then does nothing else.
pub fn run(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.skip(1).map(|argument| argument.to_string_lossy().into_owned());
    if arguments.next()? != COMMAND {
        return None;
    }
    let seconds = arguments.next().and_then(|text| text.parse().ok());
    let word = arguments.next().unwrap_or_default();
    let effort = [Effort::Full, Effort::Little].into_iter().find(|effort| effort.word() == word);
    let counting = match arguments.next().as_deref() {
        None => Some(Counting::Off),
        Some(COUNTING) => Some(Counting::On),
        Some(_) => None,
    };
    let (Some(seconds), Some(effort), Some(counting)) = (seconds, effort, counting) else {
        return Some(ExitCode::FAILURE);
    };
    let done = limit(seconds).and_then(|()| answer(effort, counting));
    Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What this process may use, before it has read a byte.
fn limit(seconds: u64) -> std::io::Result<()> {
    let limits = [
        (Resource::Cpu, seconds, seconds + 1),
        (Resource::As, MEMORY, MEMORY),
        (Resource::Core, 0, 0),
        (Resource::Nofile, FILES, FILES),
        (Resource::Fsize, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?;
    }
    Ok(())
}

fn answer(effort: Effort, counting: Counting) -> std::io::Result<()> {
    let engine = compiling(effort, counting).map_err(std::io::Error::other)?;
    #[cfg(target_os = "linux")]
    seccomp::confine()?;
    let mut component = Vec::new();
    std::io::stdin().lock().take(MAX_COMPONENT as u64 + 1).read_to_end(&mut component)?;
    let mut output = std::io::stdout().lock();
    match engine.precompile_component(&component) {
        Ok(artefact) => {
            output.write_all(&[ARTEFACT])?;
            output.write_all(&artefact)?;
        }
        Err(error) => {
            output.write_all(&[REFUSAL])?;
            let text: String = format!("{error:#}").chars().take(TEXT).collect();
            output.write_all(text.as_bytes())?;
        }
    }
    output.flush()
}
