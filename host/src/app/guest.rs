//! The host calls of a plugin: each is named once with what it needs, and goes
//! through one gate, under the plugin's grants and the rights of who acts.

mod effects;
mod records;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::catalog::Module;
use super::unit_of_work::Work;
use crate::domain::plugin::{ExtensionPoint, Fault, HostAnswer, HostCall, Need};
use crate::plugin::Port;

pub use records::{is_encrypted, validation_fault, visible};

/// Answers one invocation of a module.
pub struct GuestPort {
    work: Arc<Work>,
    module: Module,
    point: ExtensionPoint,
    /// Names the invocation.
    id: Uuid,
}

impl GuestPort {
    /// Answers for this module, called at this point, inside this unit of work.
    pub fn new(work: Arc<Work>, module: Module, point: ExtensionPoint, id: Uuid) -> Self {
        Self { work, module, point, id }
    }

    /// Lets a call pass that the plugin was granted, and that may be made here.
    fn gate(&self, call: &HostCall) -> Result<(), Fault> {
        let need = call.need();
        if !self.module.manifest.allows(&need) {
            return Err(Fault::new("permission_denied", need.refusal()));
        }
        let is_refused = (call.is_write() && !self.point.may_write())
            || (matches!(need, Need::Http { .. }) && !self.point.may_reach_out());
        if is_refused {
            return Err(Fault::new("not_allowed_here", format!("not in `{}`", self.point.name())));
        }
        Ok(())
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
