//! The watch over one call: its place in the queue, its recorder, and what becomes of what they saw.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::kept::{self, KeptCall};
use super::observed::Observed;
use super::recorder::Recorder;
use super::redaction;
use super::{Entry, Place};
use crate::app::App;
use crate::app::catalog::Module;
use crate::app::unit_of_work::Work;
use crate::domain::accountability::{CallAccount, FailureNote, Invocation, LogLine, Reach, SpentOf};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::plugin::{ExtensionPoint, Input};
use crate::domain::seal::Spot;
use crate::plugin::{Ended, Failure, Limits, Port, RecordingPort, Spent};

/// Watches one call. One that is given up before its end, because nobody waits for it any more, has read what it has
/// read.
pub struct Watch {
    place: Option<Place>,
    began: Instant,
    point: ExtensionPoint,
    invocation: Invocation,
    recorder: Arc<Recorder>,
    port: Arc<dyn Port>,
    recording: Option<(Input, Arc<RecordingPort>)>,
    is_recorded: bool,
}

impl Watch {
    /// Waits for a place in the queue, and notes what the call is shown.
    pub async fn begin(recorder: Arc<Recorder>, id: Uuid, port: Arc<dyn Port>, input: &Input) -> Result<Self, Failure> {
        let (work, module) = (&recorder.work, &recorder.module);
        let place = Some(work.app.ledger.place().await?);
        recorder.note_input(input);
        let mut port: Arc<dyn Port> = Arc::new(Observed::new(port, Arc::clone(&recorder)));
        // What a dry run would do is nothing that another version has to do, too.
        let is_recorded = module.records_calls > 0 && input.point().is_hook() && !work.is_dry;
        let recording = (module.keeps_failures || is_recorded).then(|| {
            let room = kept::ROOM.saturating_sub(kept::size_of(input));
            let recording = Arc::new(RecordingPort::new(Arc::clone(&port), room));
            port = Arc::clone(&recording) as Arc<dyn Port>;
            (input.clone(), recording)
        });
        let (began, point) = (Instant::now(), input.point());
        let invocation = invocation(work, module, id, point);
        Ok(Self { place, began, point, invocation, recorder, port, recording, is_recorded })
    }

    /// What answers the call.
    pub fn port(&self) -> Arc<dyn Port> {
        Arc::clone(&self.port)
    }

    /// Counts what the call came to, and puts what was seen into the queue.
    pub async fn end(mut self, limits: &Limits, ended: &Ended) {
        let recorder = Arc::clone(&self.recorder);
        let (work, module) = (&recorder.work, &recorder.module);
        if let Ok(output) = &ended.result {
            recorder.note_output(output);
        }
        let (reaches, lines) = self.settle(&ended.spent, ended.result.as_ref().err());
        let is_breakage = ended.result.as_ref().is_err_and(Failure::is_breakage);
        let mut recording = None;
        let mut transcript = None;
        if let Some((input, port)) = self.recording.take()
            && (self.is_recorded || is_breakage)
        {
            let call = KeptCall::new(&self.invocation, limits, input, port.take(), (&ended.result).into());
            let is_whole = !call.is_cut;
            let sealed = work.app.sealed_call(work, module, call).await;
            if is_breakage && module.keeps_failures {
                transcript.clone_from(&sealed);
            }
            recording = sealed.filter(|_| self.is_recorded && is_whole).map(|call| (call, module.records_calls));
        }
        let failure = ended.result.as_ref().err().filter(|failure| is_told(failure, &self.invocation));
        let failure = failure.map(|failure| FailureNote { transcript, ..note_of(failure, &ended.spent) });
        self.put(CallAccount { invocation: self.invocation.clone(), reaches, lines, failure, recording });
    }

    /// Takes what was seen, and adds what it came to to the usage of the module.
    fn settle(&self, spent: &Spent, failure: Option<&Failure>) -> (Vec<Reach>, Vec<LogLine>) {
        let Recorder { work, module, .. } = &*self.recorder;
        let (reaches, lines, cost) = self.recorder.take();
        work.app.account(work.caller.tenant, module, self.point, spent, cost, failure);
        (reaches, lines)
    }

    fn put(&mut self, account: CallAccount) {
        let Some(place) = self.place.take() else { return };
        if !account.is_empty() {
            drop(place.send(Entry::Call(self.recorder.work.caller.tenant, Box::new(account))));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.place.is_some() {
            // How much time of a processor it had, nobody knows any more.
            let spent = Spent { wall: self.began.elapsed(), ..Spent::default() };
            let (reaches, lines) = self.settle(&spent, None);
            let invocation = self.invocation.clone();
            self.put(CallAccount { invocation, reaches, lines, failure: None, recording: None });
        }
    }
}

/// Whether a failure is kept. A hook that says no has given its answer.
fn is_told(failure: &Failure, invocation: &Invocation) -> bool {
    let is_hook = ExtensionPoint::ALL.iter().any(|point| point.name() == invocation.point && point.is_hook());
    !(is_hook && matches!(failure, Failure::Fault(_)))
}

fn note_of(failure: &Failure, spent: &Spent) -> FailureNote {
    let (trap, frames) = match failure {
        Failure::Trap { trap, frames } => (Some(trap.clone()), frames.clone()),
        _ => (None, Vec::new()),
    };
    let code = failure.code().to_owned();
    FailureNote { code, message: failure.to_string(), trap, frames, spent: spent_of(spent), transcript: None }
}

/// What a call used, as it is told.
pub fn spent_of(spent: &Spent) -> SpentOf {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    SpentOf {
        cpu_us: micros(spent.cpu),
        wall_us: micros(spent.wall),
        memory: spent.memory as u64,
        host_calls: u64::from(spent.host_calls),
    }
}

fn invocation(work: &Work, module: &Module, id: Uuid, point: ExtensionPoint) -> Invocation {
    let (actor_kind, actor) = actor_of(&work.caller);
    Invocation {
        id,
        at: work.at,
        plugin: module.manifest.id.clone(),
        version: module.manifest.version.clone(),
        point: point.name().to_owned(),
        actor_kind: actor_kind.to_owned(),
        actor,
        request: work.caller.origin.as_ref().and_then(|origin| origin.request.clone()),
    }
}

/// For whom a call is made, named as in the audit trail.
fn actor_of(caller: &Caller) -> (&'static str, String) {
    match (&caller.module, caller.member) {
        (Some(module), _) => ("plugin", module.to_string()),
        (None, Some(member)) => ("user", member.to_string()),
        (None, None) => ("key", caller.asker().to_string()),
    }
}

impl App {
    /// A call as it is kept: without what must not be, and sealed where there are keys.
    async fn sealed_call(&self, work: &Work, module: &Module, mut call: KeptCall) -> Option<String> {
        redaction::redact(&mut call, work, &module.manifest);
        let tenant = work.caller.tenant;
        let text = serde_json::to_string(&call).ok()?;
        let spot = spot(tenant, call.invocation);
        match self.seal_text(tenant, &spot, text).await {
            Ok(text) => Some(text),
            Err(error) => {
                tracing::error!(%tenant, %error, "a failed call is not kept: it cannot be sealed");
                None
            }
        }
    }
}

/// Where a kept call stands.
pub fn spot(tenant: TenantId, id: Uuid) -> Spot {
    Spot::kept(tenant, "transcript", &[id.as_bytes()])
}
