//! What a plugin does beside records: each kind has a file of its own.

use super::GuestPort;
use super::records::fault;
use crate::domain::plugin::{Fault, HostAnswer, HostCall};

impl GuestPort {
    /// Answers a call that is about no record.
    pub(super) async fn effect(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        match call {
            HostCall::KvGet { key } => self.kv_get(&key).await.map(HostAnswer::MaybeBytes),
            HostCall::KvSet { key, value } => self.kv_set(&key, value).await.map(|()| HostAnswer::Done),
            HostCall::KvDelete { key } => self.kv_delete(&key).await.map(|()| HostAnswer::Done),
            HostCall::KvKeys { prefix, after, limit } => {
                self.kv_keys(&prefix, &after, limit).await.map(HostAnswer::Texts)
            }
            HostCall::Http(request) => self.send(request).await.map(HostAnswer::Http),
            HostCall::Publish { kind, subject, data } => {
                self.publish(kind, &subject, &data).await.map(|()| HostAnswer::Done)
            }
            HostCall::Enqueue { name, payload, delay_ms } => {
                self.enqueue(&name, &payload, delay_ms).await.map(HostAnswer::Text)
            }
            HostCall::SecretIsSet { name } => {
                let value = self.secret(&name).await.map_err(fault)?;
                Ok(HostAnswer::Flag(value.is_some()))
            }
            HostCall::SecretSign { name, algorithm, data } => {
                self.sign(&name, &algorithm, &data).await.map(HostAnswer::Bytes)
            }
            HostCall::SecretVerify { name, algorithm, data, signature } => {
                self.verify(&name, &algorithm, &data, &signature).await.map(HostAnswer::Flag)
            }
            HostCall::Action { plugin, name, input } => self.act(&plugin, &name, input).await.map(HostAnswer::Text),
            // These were answered before.
            HostCall::Log { .. }
            | HostCall::Config
            | HostCall::Now
            | HostCall::Random { .. }
            | HostCall::Context
            | HostCall::Get { .. }
            | HostCall::Query { .. }
            | HostCall::Aggregate { .. }
            | HostCall::Create { .. }
            | HostCall::Update { .. }
            | HostCall::Delete { .. } => Err(Fault::new("not_available", "this host cannot do that")),
        }
    }
}
