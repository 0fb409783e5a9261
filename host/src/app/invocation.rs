//! One call of a module: its turn, its limits, and how it went.

use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument;
use uuid::Uuid;

use super::App;
use super::catalog::Module;
use super::guest::{GuestPort, Latitude};
use super::ledger::{Recorder, Watch};
use super::unit_of_work::Work;
use crate::access::{Chore, HostPermit};
use crate::domain::audit::{Entry, Note};
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::domain::plugin::{Input, Output};
use crate::plugin::{Ended, Failure, Limits, Port, Turn};

impl App {
    /// Calls a module inside a unit of work.
    pub(super) async fn invoke(
        &self,
        work: &Arc<Work>,
        module: &Module,
        timeout_ms: Option<u64>,
        input: Input,
    ) -> Result<Output, Failure> {
        let latitude = Latitude::of(input.point(), work);
        self.call(work, module, timeout_ms, latitude, input).await
    }

    /// Calls a module for another one, which waits: it may no more than that one.
    pub(super) async fn invoke_inside(
        &self,
        work: &Arc<Work>,
        module: &Module,
        outer: Latitude,
        input: Input,
    ) -> Result<Output, Failure> {
        let latitude = Latitude::of(input.point(), work).within(outer);
        self.call(work, module, None, latitude, input).await
    }

    async fn call(
        &self,
        work: &Arc<Work>,
        module: &Module,
        timeout_ms: Option<u64>,
        latitude: Latitude,
        input: Input,
    ) -> Result<Output, Failure> {
        let (tenant, manifest) = (work.caller.tenant, &module.manifest);
        let (point, id) = (input.point(), self.ids.make());
        // No contents of records: spans go to whoever collects them.
        let trace = work.caller.origin.as_ref().map(|origin| origin.trace.id.as_str());
        let span = tracing::info_span!(
            "plugin_call", %tenant, plugin = %manifest.id, version = %manifest.version,
            extension_point = point.name(), invocation = %id, trace
        );
        async {
            let is_inner = work.depth() > 0;
            let standing = self.standing(tenant).await.map_err(|_| Failure::HostFault)?;
            let allowed = standing.map(|standing| standing.limits.plugins).unwrap_or_default();
            let began = Instant::now();
            let turn = self.runs.turn(tenant, &manifest.id, is_inner, &allowed, self.clock.now()).await;
            let waited = began.elapsed();
            let turn = turn.inspect_err(|failure| self.metrics.missed(module, point, failure))?;
            let limits = Limits::of(manifest, timeout_ms, &input, &allowed);
            let recorder = Recorder::new(work, module);
            let port = Arc::new(GuestPort::new(&recorder, point, latitude, id));
            let terms = Turn { limits: &limits, queue: &turn.queue, is_inner };
            let ended = self.watched(recorder, id, terms, port, input).await?;
            work.explain_call(module, point, id, &ended);
            let Ended { result, spent } = ended;
            self.metrics.count(module, point, &spent, waited, result.as_ref().err());
            if let Some(failure) = result.as_ref().err() {
                tell(module, failure);
            }
            if let (Err(failure), Some(until)) = (&result, turn.judge(result.as_ref().err(), self.clock.now())) {
                tracing::warn!(%tenant, plugin = %manifest.id, %until, "a module failed too often and is suspended");
                self.note_suspension(tenant, &manifest.id, failure).await;
            }
            result
        }
        .instrument(span)
        .await
    }

    /// Has the tenant's admins see that a module is suspended, and for what.
    pub(super) async fn note_suspension(&self, tenant: TenantId, plugin: &str, failure: &Failure) {
        let fields = vec![plugin.to_owned(), format!("suspended: {}", failure.code())];
        let entry = Entry {
            at: self.clock.now(),
            subject_kind: "host".to_owned(),
            subject: "breaker".to_owned(),
            on_behalf_of: None,
            peer: None,
            request: None,
            note: Note::of_area(Area::Modules, None, fields),
        };
        let steps = self.store.note(HostPermit::new(Chore::Serve), tenant, &[entry]);
        if let Err(error) = self.commit_steps(tenant, steps).await {
            tracing::warn!(%tenant, plugin, %error, "a suspension is not in the audit trail");
        }
    }

    /// Calls a module against this port, and keeps what it read, said and cost.
    pub(super) async fn watched(
        &self,
        recorder: Arc<Recorder>,
        id: Uuid,
        terms: Turn<'_>,
        port: Arc<dyn Port>,
        input: Input,
    ) -> Result<Ended, Failure> {
        let watch = Watch::begin(Arc::clone(&recorder), id, port, &input).await?;
        let ended = self.engine.call(&recorder.module.plugin.compiled, terms, watch.port(), input).await;
        watch.end(terms.limits, &ended).await;
        Ok(ended)
    }
}

/// What the host's log is told of a failure: never what the plugin said.
fn tell(module: &Module, failure: &Failure) {
    let plugin = module.manifest.id.as_str();
    match failure {
        Failure::Fault(_) => {}
        Failure::Trap { trap, frames } => tracing::warn!(plugin, trap, ?frames, "a module crashed"),
        other => tracing::warn!(plugin, code = other.code(), "a call of a module failed"),
    }
}
