//! What the host answered in one call, call by call: a port that keeps it, and one that answers from it, so that
//! the same call can be run again anywhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::failure::Stop;
use super::port::Port;
use crate::domain::plugin::{Fault, HostAnswer, HostCall};

/// One host call and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Exchange {
    /// What was asked.
    pub call: HostCall,
    /// What was answered.
    pub answer: Result<HostAnswer, Fault>,
}

/// The host calls of one call, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Transcript {
    /// The host calls.
    pub exchanges: Vec<Exchange>,
    /// Whether there were more than there is room for: then it cannot be run again.
    pub is_cut: bool,
}

/// A port that keeps what goes through it.
pub struct RecordingPort {
    inner: Arc<dyn Port>,
    room: usize,
    kept: Mutex<(Transcript, usize)>,
}

impl RecordingPort {
    /// Keeps what this port answers, up to so many bytes as JSON.
    pub fn new(inner: Arc<dyn Port>, room: usize) -> Self {
        Self { inner, room, kept: Mutex::default() }
    }

    /// What was kept so far.
    pub fn take(&self) -> Transcript {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    fn keep(&self, exchange: Exchange) {
        let size = serde_json::to_vec(&exchange).map_or(usize::MAX, |bytes| bytes.len());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (transcript, used) = &mut *kept;
        if transcript.is_cut || size > self.room.saturating_sub(*used) {
            transcript.is_cut = true;
            return;
        }
        *used += size;
        transcript.exchanges.push(exchange);
    }
}

#[async_trait]
impl Port for RecordingPort {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        let answer = self.inner.answer(call.clone()).await;
        self.keep(Exchange { call, answer: answer.clone() });
        answer
    }
}

/// Where a call took another way than the one that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// Which host call, counted from 1.
    pub call: usize,
    /// What was asked then; nothing when there was no further call.
    pub expected: Option<HostCall>,
    /// What was asked now; nothing when there was no further call.
    pub got: Option<HostCall>,
}

/// A port that answers from a transcript.
pub struct ReplayPort {
    exchanges: Vec<Exchange>,
    /// What ended the call when it had made all of them.
    stop: Option<Stop>,
    place: Mutex<(usize, Option<Divergence>)>,
}

impl ReplayPort {
    /// Answers from this transcript. Where a clock ended the call, no clock of another machine finds the place again:
    /// the end of the transcript is all that is known of it, and there the guest is stopped as it was then.
    pub fn new(transcript: Transcript, stop: Option<Stop>) -> Self {
        Self { exchanges: transcript.exchanges, stop, place: Mutex::default() }
    }

    /// The first place where the call took another way, once it has ended.
    pub fn divergence(&self) -> Option<Divergence> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, divergence) = &*place;
        let left = || {
            let left = self.exchanges.get(*at)?;
            Some(Divergence { call: at + 1, expected: Some(left.call.clone()), got: None })
        };
        divergence.clone().or_else(left)
    }
}

#[async_trait]
impl Port for ReplayPort {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, divergence) = &mut *place;
        if divergence.is_none() {
            match self.exchanges.get(*at) {
                Some(exchange) if exchange.call.stands_for(&call) => {
                    *at += 1;
                    return exchange.answer.clone();
                }
                other => {
                    let expected = other.map(|exchange| exchange.call.clone());
                    *divergence = Some(Divergence { call: *at + 1, expected, got: Some(call) });
                }
            }
        }
        // From here on, nobody knows what the host would have said.
        Err(Fault::new("replay_diverged", "the transcript has no answer to this"))
    }

    fn stop(&self) -> Option<Stop> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, divergence) = &*place;
        self.stop.filter(|_| divergence.is_none() && *at == self.exchanges.len())
    }
}

/// A port for another version of a plugin: what was asked before is answered as it was then, in whatever order;
/// the settings are those of now, and what nobody asked before is answered by somebody else.
pub struct ShadowPort {
    may: Box<Gate>,
    live: Arc<dyn Port>,
    state: Mutex<Shadowed>,
}

/// Says why a host call may not be made.
type Gate = dyn Fn(&HostCall) -> Result<(), Fault> + Send + Sync;

/// What has become of it so far.
#[derive(Default)]
struct Shadowed {
    left: Vec<Exchange>,
    writes: Vec<HostCall>,
    asked_anew: usize,
}

impl ShadowPort {
    /// Answers what may be asked from this transcript, and beyond it from this port.
    pub fn new(transcript: Vec<Exchange>, may: Box<Gate>, live: Arc<dyn Port>) -> Self {
        Self { may, live, state: Mutex::new(Shadowed { left: transcript, ..Shadowed::default() }) }
    }

    /// What would have been written, and how many calls the transcript had no answer to.
    pub fn take(&self) -> (Vec<HostCall>, usize) {
        let Shadowed { writes, asked_anew, .. } = std::mem::take(&mut *self.state());
        (writes, asked_anew)
    }

    fn state(&self) -> MutexGuard<'_, Shadowed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Port for ShadowPort {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        (self.may)(&call)?;
        let known = {
            let mut state = self.state();
            let at = state.left.iter().position(|exchange| exchange.call.stands_for(&call) && call != HostCall::Config);
            at.map(|at| state.left.remove(at).answer)
        };
        let is_new = known.is_none() && !matches!(call, HostCall::Config | HostCall::Log { .. });
        let answer = match known {
            Some(answer) => answer,
            None => self.live.answer(call.clone()).await,
        };
        let mut state = self.state();
        state.asked_anew += usize::from(is_new);
        if call.is_write() && answer.is_ok() {
            state.writes.push(call);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clock;

    #[async_trait]
    impl Port for Clock {
        async fn answer(&self, _: HostCall) -> Result<HostAnswer, Fault> {
            Ok(HostAnswer::Text("now".to_owned()))
        }
    }

    fn may(call: &HostCall) -> Result<(), Fault> {
        if *call == get("c") { Err(Fault::new("permission_denied", "not this one")) } else { Ok(()) }
    }

    struct Later;

    #[async_trait]
    impl Port for Later {
        async fn answer(&self, _: HostCall) -> Result<HostAnswer, Fault> {
            Ok(HostAnswer::Text("later".to_owned()))
        }
    }

    fn get(id: &str) -> HostCall {
        HostCall::Get { object: "contact".to_owned(), id: id.to_owned() }
    }

    async fn recorded(room: usize) -> Transcript {
        let port = RecordingPort::new(Arc::new(Clock), room);
        for id in ["a", "b"] {
            port.answer(get(id)).await.unwrap();
        }
        port.take()
    }

    #[tokio::test]
    async fn what_was_kept_answers_the_same_calls() {
        let transcript = recorded(1_000).await;
        let text = serde_json::to_string(&transcript).unwrap();
        let port = ReplayPort::new(serde_json::from_str(&text).unwrap(), None);
        for id in ["a", "b"] {
            assert_eq!(port.answer(get(id)).await, Ok(HostAnswer::Text("now".to_owned())));
        }
        assert_eq!(port.divergence(), None);
    }

    #[tokio::test]
    async fn the_first_other_call_is_told() {
        let port = ReplayPort::new(recorded(1_000).await, None);
        port.answer(get("a")).await.unwrap();
        assert_eq!(port.answer(get("x")).await.unwrap_err().code, "replay_diverged");
        assert_eq!(port.answer(get("b")).await.unwrap_err().code, "replay_diverged");
        let expected = Divergence { call: 2, expected: Some(get("b")), got: Some(get("x")) };
        assert_eq!(port.divergence(), Some(expected));
        // Fewer calls are another way, too.
        let port = ReplayPort::new(recorded(1_000).await, None);
        port.answer(get("a")).await.unwrap();
        assert_eq!(port.divergence(), Some(Divergence { call: 2, expected: Some(get("b")), got: None }));
    }

    #[tokio::test]
    async fn who_was_ended_by_a_clock_is_ended_where_the_transcript_ends() {
        let port = ReplayPort::new(recorded(1_000).await, Some(Stop::Cpu));
        for id in ["a", "b"] {
            assert_eq!(port.stop(), None);
            port.answer(get(id)).await.unwrap();
        }
        assert_eq!((port.stop(), port.divergence()), (Some(Stop::Cpu), None));
        // Who takes another way is not where the clock ended it.
        let port = ReplayPort::new(recorded(1_000).await, Some(Stop::Cpu));
        port.answer(get("x")).await.unwrap_err();
        assert_eq!(port.stop(), None);
    }

    #[tokio::test]
    async fn another_version_may_ask_otherwise() {
        let port = ShadowPort::new(recorded(1_000).await.exchanges, Box::new(may), Arc::new(Later));
        let delete = HostCall::Delete { object: "contact".to_owned(), id: "a".to_owned() };
        assert_eq!(port.answer(get("c")).await, may(&get("c")).map(|()| HostAnswer::Done));
        let mut answers = Vec::new();
        for call in [get("b"), get("a"), get("a"), HostCall::Config, delete.clone()] {
            answers.push(port.answer(call).await.unwrap());
        }
        let text = |text: &str| HostAnswer::Text(text.to_owned());
        assert_eq!(answers, [text("now"), text("now"), text("later"), text("later"), text("later")]);
        assert_eq!(port.take(), (vec![delete], 2));
    }

    #[tokio::test]
    async fn what_has_no_room_is_cut_and_said_to_be() {
        let whole = recorded(1_000).await;
        let one = serde_json::to_vec(&whole.exchanges[0]).unwrap().len();
        let cut = recorded(one).await;
        assert!(cut.is_cut && cut.exchanges.len() == 1 && !whole.is_cut);
    }
}
