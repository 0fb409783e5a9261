//! The port of a call with its recorder around it: what each host call is about.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::Instrument;

use super::recorder::Recorder;
use crate::domain::accountability::LogLine;
use crate::domain::plugin::{Fault, HostAnswer, HostCall};
use crate::plugin::Port;

/// A port, and the recorder that watches it.
pub struct Observed {
    port: Arc<dyn Port>,
    recorder: Arc<Recorder>,
}

/// What a host call is about, kept while it is answered.
pub enum About {
    /// Nothing that is counted.
    Nothing,
    /// What comes back may hold records of this object; so much was to be written.
    Records(String, usize),
    /// Figures of an object.
    Figures(String, String),
    /// A line.
    Line(LogLine),
    /// So many bytes were to be kept.
    Kept(usize),
}

impl Observed {
    /// The same port, watched.
    pub fn new(port: Arc<dyn Port>, recorder: Arc<Recorder>) -> Self {
        Self { port, recorder }
    }
}

#[async_trait]
impl Port for Observed {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        let about = About::of(&call);
        // What is asked and answered may hold anything: a span names the call alone.
        let span = tracing::trace_span!("host_call", call = call.name());
        let answer = async {
            let name = call.name();
            let answer = self.port.answer(call).instrument(span).await;
            self.recorder.note(about, &answer);
            if let Err(fault) = &answer
                && ["permission_denied", "egress_denied"].contains(&fault.code.as_str())
            {
                self.recorder.deny(name, &fault.code);
            }
            answer
        };
        unless_given_up(|| self.recorder.is_closed(), answer).await
    }
}

/// What is answered, as long as somebody waits for the call: one that was given up may still run for a moment, and then
/// neither does anything nor learns anything.
async fn unless_given_up<T>(
    is_given_up: impl Fn() -> bool,
    answer: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let given_up = || Fault::new("given_up", "nobody waits for this call any more");
    if is_given_up() {
        return Err(given_up());
    }
    let answer = answer.await;
    if is_given_up() { Err(given_up()) } else { answer }
}

impl About {
    /// What this call is about.
    pub fn of(call: &HostCall) -> Self {
        match call {
            HostCall::Get { object, .. } | HostCall::Query { object, .. } => Self::Records(object.clone(), 0),
            HostCall::Create { object, fields } | HostCall::Update { object, fields, .. } => {
                Self::Records(object.clone(), fields.len())
            }
            HostCall::Aggregate { object, question } => Self::Figures(object.clone(), question.clone()),
            HostCall::Log { level, message, fields } => {
                Self::Line(LogLine { level: level.clone(), message: message.clone(), fields: fields.clone() })
            }
            HostCall::KvSet { key, value } => Self::Kept(key.len() + value.len()),
            HostCall::Publish { data, .. } => Self::Kept(data.len()),
            HostCall::Enqueue { payload, .. } => Self::Kept(payload.len()),
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn who_was_given_up_does_nothing_and_learns_nothing() {
        let (is_given_up, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        let ask = async |ends_it: bool| {
            let answer = async {
                is_done.store(true, Ordering::Relaxed);
                is_given_up.fetch_or(ends_it, Ordering::Relaxed);
                Ok("a secret")
            };
            unless_given_up(|| is_given_up.load(Ordering::Relaxed), answer).await
        };
        assert_eq!(ask(false).await.unwrap(), "a secret");
        // What was read is not handed over when nobody waits any more.
        assert_eq!(ask(true).await.unwrap_err().code, "given_up");
        is_done.store(false, Ordering::Relaxed);
        assert_eq!(ask(false).await.unwrap_err().code, "given_up");
        assert!(!is_done.load(Ordering::Relaxed), "nothing was done");
    }
}
