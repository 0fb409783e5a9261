//! The host calls of a plugin: each is named once with what it needs, and goes
//! through one gate, under the plugin's grants and the rights of who acts.

mod actions;
mod effects;
mod egress;
mod kv;
mod put_aside;
mod records;
mod secrets;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::catalog::Module;
use super::ledger::Recorder;
use super::unit_of_work::Work;
use crate::domain::plugin::{ExtensionPoint, Fault, HostAnswer, HostCall, Manifest, Need};
use crate::outbound::Trail;
use crate::plugin::Port;

pub use records::{
    GuestQuery, fault, is_encrypted, missing, read_query, settable, shown, unsettable, validation_fault, visible,
};

/// What may be done in a call, whatever the plugin was granted.
#[derive(Clone, Copy, Debug)]
pub struct Latitude {
    may_write: bool,
    may_reach_out: bool,
    /// Whether who asks may look only.
    looks_only: bool,
}

impl Latitude {
    /// What an extension point allows.
    pub fn at(point: ExtensionPoint) -> Self {
        Self { may_write: point.may_write(), may_reach_out: point.may_reach_out(), looks_only: false }
    }

    /// What an extension point allows, and who asks.
    pub fn of(point: ExtensionPoint, work: &Work) -> Self {
        Self { looks_only: work.cause.looks_only, ..Self::at(point) }
    }

    /// Lets a call pass that the plugin was granted, and that may be made here.
    pub fn gate(self, manifest: &Manifest, point: ExtensionPoint, call: &HostCall) -> Result<(), Fault> {
        let need = call.need();
        if !manifest.allows(&need) {
            return Err(Fault::new("permission_denied", need.refusal()));
        }
        let reaches_out = matches!(need, Need::Http { .. });
        let is_deed = call.is_write() || reaches_out || matches!(call, HostCall::SecretSign { .. });
        if self.looks_only && is_deed {
            return Err(Fault::new("permission_denied", "who asks may look only, and have modules do nothing"));
        }
        if (call.is_write() && !self.may_write) || (reaches_out && !self.may_reach_out) {
            return Err(Fault::new("not_allowed_here", format!("not in `{}`", point.name())));
        }
        Ok(())
    }

    /// The same, as far as a call allows that waits for this one.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        Self {
            may_write: self.may_write && outer.may_write,
            may_reach_out: self.may_reach_out && outer.may_reach_out,
            looks_only: self.looks_only || outer.looks_only,
        }
    }
}

/// Answers one invocation of a module.
pub struct GuestPort {
    work: Arc<Work>,
    module: Module,
    point: ExtensionPoint,
    reach: Latitude,
    /// Names the invocation.
    id: Uuid,
    trail: Arc<dyn Trail>,
}

impl GuestPort {
    /// Answers for the module of this recorder, called at this point; the recorder is told what it sends.
    pub fn new(recorder: &Arc<Recorder>, point: ExtensionPoint, reach: Latitude, id: Uuid) -> Self {
        let (work, module) = (Arc::clone(&recorder.work), recorder.module.clone());
        Self { work, module, point, reach, id, trail: Arc::clone(recorder) as _ }
    }

    /// Lets a call pass that the plugin was granted, and that may be made here.
    pub fn gate(&self, call: &HostCall) -> Result<(), Fault> {
        self.reach.gate(&self.module.manifest, self.point, call)
    }

    /// Who and what the call is about.
    fn context(&self) -> Json {
        let caller = &self.work.caller;
        let (kind, id) = match (&caller.module, caller.member) {
            (Some(module), _) => ("plugin", module.to_string()),
            (None, Some(member)) => ("user", member.to_string()),
            (None, None) => ("key", caller.asker().to_string()),
        };
        json!({
            "tenant": caller.tenant.0,
            "plugin": self.module.manifest.id,
            "version": self.module.manifest.version,
            "extension_point": self.point.name(),
            "invocation": self.id,
            "actor": {"kind": kind, "id": id},
            "timezone": self.work.catalog.timezone.name(),
            "dry_run": self.work.is_dry,
        })
    }

    fn log(&self, level: &str, message: &str, fields: &[(String, String)]) {
        // A plugin's text may hold anything; `{:?}` escapes what a terminal would obey.
        let (tenant, plugin) = (self.work.caller.tenant, self.module.manifest.id.as_str());
        match level {
            "error" => tracing::error!(target: "plugin", %tenant, plugin, ?fields, "{message:?}"),
            "warn" => tracing::warn!(target: "plugin", %tenant, plugin, ?fields, "{message:?}"),
            "debug" => tracing::debug!(target: "plugin", %tenant, plugin, ?fields, "{message:?}"),
            _ => tracing::info!(target: "plugin", %tenant, plugin, ?fields, "{message:?}"),
        }
    }
}

#[async_trait]
impl Port for GuestPort {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        self.gate(&call)?;
        match call {
            HostCall::Log { level, message, fields } => {
                self.log(&level, &message, &fields);
                Ok(HostAnswer::Done)
            }
            HostCall::Config => Ok(HostAnswer::Text(self.module.config.to_string())),
            HostCall::Now => Ok(HostAnswer::Text(self.work.at.to_string())),
            HostCall::Random { length } => Ok(HostAnswer::Bytes(self.work.app.ids.bytes(length as usize))),
            HostCall::Context => Ok(HostAnswer::Text(self.context().to_string())),
            HostCall::Get { object, id } => self.get(&object, &id).await.map(HostAnswer::MaybeText),
            HostCall::Query { object, query } => self.query(&object, &query).await.map(HostAnswer::Texts),
            HostCall::Aggregate { object, question } => self.aggregate(&object, &question).await.map(HostAnswer::Text),
            HostCall::Create { object, fields } => self.create(&object, &fields).await.map(HostAnswer::Text),
            HostCall::Update { object, id, fields } => self.update(&object, &id, &fields).await.map(HostAnswer::Text),
            HostCall::Delete { object, id } => self.delete(&object, &id).await.map(|()| HostAnswer::Done),
            other => self.effect(other).await,
        }
    }
}
