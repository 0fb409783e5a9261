//! Events that a plugin publishes, and work that it puts aside.

use std::time::Duration;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::GuestPort;
use crate::access::Read;
use crate::app::module_jobs::JOB;
use crate::app::unit_of_work::Published;
use crate::domain::caller::Caller;
use crate::domain::event_type::is_own_type;
use crate::domain::plugin::{ExtensionPoint, Fault};

/// Most bytes of what an event says, and of what a job is given.
const MAX_DATA: usize = 64 << 10;
/// Longest name of a job.
const MAX_NAME: usize = 100;
/// Longest time until a job.
const MAX_DELAY: Duration = Duration::from_hours(366 * 24);
/// Most jobs of one call.
const MAX_JOBS: usize = 100;

impl GuestPort {
    pub(super) async fn publish(&self, kind: String, subject: &str, data: &str) -> Result<(), Fault> {
        let manifest = &self.module.manifest;
        is_own_type(&kind, &manifest.namespace, &manifest.id)
            .map_err(|reason| Fault::new("validation_failed", format!("`{kind}` {reason}")))?;
        if manifest.objects.iter().any(|object| kind.starts_with(&format!("{}.", object.name))) {
            let text = format!("`{kind}` would be taken for what happened to a record");
            return Err(Fault::new("validation_failed", text));
        }
        let data = json_of(data)?;
        let subject = if subject.is_empty() { None } else { Some(self.subject(subject).await?) };
        let published = Published { plugin: manifest.id.clone(), event_type: kind, subject, data };
        self.work.buffer().await.published.push(published);
        Ok(())
    }

    /// The record that an event is about: one that the plugin may read.
    async fn subject(&self, subject: &str) -> Result<(String, Uuid), Fault> {
        let unknown = || Fault::new("validation_failed", format!("`{subject}` is no record that the plugin may read"));
        let (object, id) = subject.split_once('/').ok_or_else(unknown)?;
        self.permit::<Read>(object)?;
        let record = self.record(object, id).await?.ok_or_else(unknown)?;
        Ok((record.object.name.clone(), record.id))
    }

    pub(super) async fn enqueue(&self, name: &str, payload: &str, delay_ms: u64) -> Result<String, Fault> {
        if !self.module.plugin.compiled.has(ExtensionPoint::Job) {
            return Err(Fault::new("not_available", "the plugin has no handler of jobs"));
        }
        let delay = Duration::from_millis(delay_ms);
        if name.is_empty() || name.len() > MAX_NAME || delay > MAX_DELAY {
            let text = format!("a job has a name of 1 to {MAX_NAME} bytes, and waits for at most a year");
            return Err(Fault::new("validation_failed", text));
        }
        let plugin = self.module.manifest.id.as_str();
        let payload = json!({
            "plugin": plugin, "name": name, "payload": json_of(payload)?, "chain": self.work.cause.chain,
        });
        let caller = Caller::of_module(self.work.caller.tenant, plugin, self.work.caller.origin.clone());
        let app = &self.work.app;
        let job = app.new_job(&caller, JOB, payload, self.work.at.plus(delay));
        let id = job.id.to_string();
        let mut buffer = self.work.buffer().await;
        if buffer.queued.len() >= MAX_JOBS {
            return Err(Fault::new("host_call_limit", format!("a call may queue {MAX_JOBS} jobs")));
        }
        buffer.queued.push(job);
        Ok(id)
    }
}

/// JSON that is not too large.
fn json_of(text: &str) -> Result<Json, Fault> {
    if text.len() > MAX_DATA {
        return Err(Fault::new("payload_limit", format!("at most {MAX_DATA} bytes")));
    }
    serde_json::from_str(text).map_err(|_| Fault::new("validation_failed", "it is not JSON"))
}
