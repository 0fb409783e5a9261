//! The host's side of the imports: counts every call, then asks the port.

use std::sync::Arc;

use wasmtime::Result;

use super::bindings::guildhall::core::{clock, config, log, types};
use super::bindings::guildhall::data::records;
use super::failure::Stop;
use super::limits::{Limits, MemoryWatch};
use super::port::Port;
use crate::domain::plugin::Fault;

/// What a running instance carries.
pub struct Guest {
    port: Arc<dyn Port>,
    pub(super) memory: MemoryWatch,
    calls_left: u32,
    log_lines_left: u32,
    log_bytes_left: usize,
}

impl Guest {
    /// A guest that talks to this port under these limits.
    pub fn new(port: Arc<dyn Port>, limits: &Limits) -> Self {
        Self {
            port,
            memory: MemoryWatch::new(limits.memory),
            calls_left: limits.host_calls,
            log_lines_left: limits.log_lines,
            log_bytes_left: limits.log_bytes,
        }
    }

    fn count(&mut self) -> Result<()> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(Stop::HostCalls)?;
        Ok(())
    }
}

impl From<Fault> for types::Fault {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code, message: fault.message, retryable: fault.retryable, details: fault.details }
    }
}

impl From<types::Fault> for Fault {
    fn from(fault: types::Fault) -> Self {
        Self { code: fault.code, message: fault.message, retryable: fault.retryable, details: fault.details }
    }
}

impl types::Host for Guest {}

impl log::Host for Guest {
    async fn write(&mut self, level: String, message: String, fields: Vec<(String, String)>) -> Result<()> {
        self.count()?;
        let size = message.len() + fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.log_lines_left == 0 || size > self.log_bytes_left {
            return Ok(());
        }
        self.log_lines_left -= 1;
        self.log_bytes_left -= size;
        self.port.log(&level, &message, &fields);
        Ok(())
    }
}

impl config::Host for Guest {
    async fn get(&mut self) -> Result<String> {
        self.count()?;
        Ok(self.port.config())
    }
}

impl clock::Host for Guest {
    async fn now(&mut self) -> Result<String> {
        self.count()?;
        Ok(self.port.now())
    }
}

impl records::Host for Guest {
    async fn get(&mut self, object: String, id: String) -> Result<Result<Option<String>, types::Fault>> {
        self.count()?;
        Ok(self.port.get(&object, &id).await.map_err(Into::into))
    }

    async fn query(&mut self, object: String, query: String) -> Result<Result<Vec<String>, types::Fault>> {
        self.count()?;
        Ok(self.port.query(&object, &query).await.map_err(Into::into))
    }

    async fn create(&mut self, object: String, fields: String) -> Result<Result<String, types::Fault>> {
        self.count()?;
        Ok(self.port.create(&object, &fields).await.map_err(Into::into))
    }

    async fn update(&mut self, object: String, id: String, fields: String) -> Result<Result<String, types::Fault>> {
        self.count()?;
        Ok(self.port.update(&object, &id, &fields).await.map_err(Into::into))
    }

    async fn delete(&mut self, object: String, id: String) -> Result<Result<(), types::Fault>> {
        self.count()?;
        Ok(self.port.delete(&object, &id).await.map_err(Into::into))
    }
}
