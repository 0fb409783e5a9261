//! A failed call, run again from its file: the same input, the same answers of the host, and what comes of it beside
//! what came of it then.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::AppError;
use super::ledger::{KeptCall, KeptResult};
use super::plugins::ready;
use crate::plugin::{Divergence, Failure, Limits, PluginEngine, Port, Queue, ReplayPort, Stop, Transcript, Turn};

/// The format that this host reads.
const FORMAT: u32 = 1;
/// How much longer a call may take to the same place than it might then: this machine may be slower.
const SLOWER: (u32, Duration) = (4, Duration::from_secs(1));
/// Longest wait for a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_mins(10);

/// What came of a call that was run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rerun {
    /// The plugin.
    pub plugin: String,
    /// Its version then.
    pub version: String,
    /// Whether it took the same way to the same end, to the bit.
    pub same: bool,
    /// Whether it is the component that failed; unknown when the file does not say which that was.
    pub same_component: Option<bool>,
    /// SHA-256 of the component then, as far as the file says.
    pub digest_then: Option<String>,
    /// SHA-256 of the component now.
    pub digest_now: String,
    /// Whether something was taken out of the file.
    pub is_redacted: bool,
    /// The first host call that was another one.
    pub divergence: Option<Divergence>,
    /// How it ended then.
    pub expected: KeptResult,
    /// How it ended now.
    pub got: KeptResult,
}

/// Runs a failed call again.
pub async fn replay(file: &[u8], component: &[u8]) -> Result<Rerun, AppError> {
    let kept: KeptCall = serde_json::from_slice(file)
        .map_err(|error| AppError::Refused(format!("this is no file of a failed call: {error}")))?;
    if kept.format != FORMAT {
        return Err(AppError::Refused(format!("the file is of format {}; this host reads {FORMAT}", kept.format)));
    }
    let Some(input) = kept.input.filter(|_| !kept.is_cut) else {
        return Err(AppError::Refused("the call was too large to be kept whole: it cannot be run again".to_owned()));
    };
    let engine = PluginEngine::new().map_err(|error| AppError::Setup(format!("wasmtime: {error:#}")))?;
    let compiled = ready(&engine, component).await?;
    if !compiled.has(input.point()) {
        return Err(AppError::InvalidPlugin(format!("it does not export `{}`", input.point().name())));
    }
    let stop = stop_of(&kept.result);
    let mut limits: Limits = kept.limits.into();
    // Only where a clock ended a call that had asked for nothing, it is the clock that says where the end is.
    if stop.is_none() || !kept.transcript.is_empty() {
        let (times, more) = SLOWER;
        limits.cpu = limits.cpu.saturating_mul(times).saturating_add(more);
        limits.wall = limits.wall.saturating_mul(times).saturating_add(more);
    }
    if stop != Some(Stop::Wall) {
        limits.wall = PATIENCE;
    }
    let port = Arc::new(ReplayPort::new(Transcript { exchanges: kept.transcript, is_cut: false }, stop));
    let queue = Queue::default();
    let terms = Turn { limits: &limits, queue: &queue, is_inner: false };
    let ended = engine.call(&compiled, terms, Arc::clone(&port) as Arc<dyn Port>, input).await;
    let (got, divergence) = (KeptResult::from(&ended.result), port.divergence());
    let digest_now = Sha256::digest(component).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(Rerun {
        plugin: kept.plugin,
        version: kept.version,
        same: divergence.is_none() && got == kept.result,
        same_component: kept.digest.as_ref().map(|then| *then == digest_now),
        digest_then: kept.digest,
        digest_now,
        is_redacted: kept.is_redacted,
        divergence,
        expected: kept.result,
        got,
    })
}

/// What stopped a call that a clock has ended.
fn stop_of(result: &KeptResult) -> Option<Stop> {
    let KeptResult::Failed { code, .. } = result else { return None };
    [(Failure::CpuLimit, Stop::Cpu), (Failure::WallTimeout, Stop::Wall)]
        .into_iter()
        .find_map(|(failure, stop)| (failure.code() == code).then_some(stop))
}
