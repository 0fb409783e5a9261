//! The host's side of the imports: counts every call, then asks the port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Result;

use super::bindings::guildhall::actions::call;
use super::bindings::guildhall::core::{clock, config, context, log, random, types};
use super::bindings::guildhall::data::records;
use super::bindings::guildhall::events::publish;
use super::bindings::guildhall::http::client;
use super::bindings::guildhall::jobs::queue;
use super::bindings::guildhall::kv::store;
use super::bindings::guildhall::secrets::handle;
use super::failure::Stop;
use super::lane::Ticket;
use super::limits::{Limits, MemoryWatch};
use super::meter::Meter;
use super::port::Port;
use crate::domain::plugin::{Fault, HostAnswer, HostCall, HttpRequest, HttpResponse};

/// Most random bytes of one call.
const MAX_RANDOM: u32 = 4 << 10;

/// What a host function gives back: its result, or the end of the guest.
type Answered<T> = Result<std::result::Result<T, types::Fault>>;

/// What a running instance carries.
pub struct Guest {
    port: Arc<dyn Port>,
    pub(super) memory: MemoryWatch,
    limits: Limits,
    ticket: Ticket,
    meter: Arc<Meter>,
    /// Host calls so far.
    calls: u32,
    http_calls: u32,
    /// What it has waited for other servers.
    http_time: Duration,
    log_lines_left: u32,
    log_bytes_left: usize,
}

impl Guest {
    /// A guest that talks to this port under these limits.
    pub fn new(port: Arc<dyn Port>, limits: &Limits, ticket: Ticket, meter: Arc<Meter>) -> Self {
        Self {
            port,
            memory: MemoryWatch::new(limits.memory),
            limits: *limits,
            ticket,
            meter,
            calls: 0,
            http_calls: 0,
            http_time: Duration::ZERO,
            log_lines_left: limits.log_lines,
            log_bytes_left: limits.log_bytes,
        }
    }

    fn count(&mut self) -> Result<()> {
        self.calls += 1;
        if self.calls > self.limits.host_calls {
            return Err(Stop::HostCalls.into());
        }
        Ok(())
    }

    /// Counts a call, and has the port answer it.
    async fn ask<T: FromAnswer>(&mut self, call: HostCall) -> Answered<T> {
        if let Some(stop) = self.port.stop() {
            return Err(stop.into());
        }
        self.count()?;
        // Whoever waits for the host keeps nobody from running.
        self.ticket.give_back();
        match self.port.answer(call).await {
            Ok(answer) => Ok(Ok(T::from_answer(answer).ok_or(Stop::Host)?)),
            Err(fault) => Ok(Err(fault.into())),
        }
    }

    /// The same, for what cannot be refused.
    async fn tell<T: FromAnswer>(&mut self, call: HostCall) -> Result<T> {
        self.ask(call).await?.map_err(|_| Stop::Host.into())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.meter.note_end(self.memory.used, self.calls);
    }
}

/// What a kind of call is answered with.
trait FromAnswer: Sized {
    fn from_answer(answer: HostAnswer) -> Option<Self>;
}

macro_rules! answers {
    ($($kind:ty: $pattern:pat => $value:expr;)*) => {
        $(impl FromAnswer for $kind {
            fn from_answer(answer: HostAnswer) -> Option<Self> {
                match answer { $pattern => Some($value), _ => None }
            }
        })*
    };
}

answers! {
    (): HostAnswer::Done => ();
    bool: HostAnswer::Flag(flag) => flag;
    String: HostAnswer::Text(text) => text;
    Option<String>: HostAnswer::MaybeText(text) => text;
    Vec<String>: HostAnswer::Texts(texts) => texts;
    Vec<u8>: HostAnswer::Bytes(bytes) => bytes;
    Option<Vec<u8>>: HostAnswer::MaybeBytes(bytes) => bytes;
    HttpResponse: HostAnswer::Http(response) => response;
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
        let size = message.len() + fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.log_lines_left == 0 || size > self.log_bytes_left {
            return self.count();
        }
        self.log_lines_left -= 1;
        self.log_bytes_left -= size;
        self.tell(HostCall::Log { level, message, fields }).await
    }
}

impl config::Host for Guest {
    async fn get(&mut self) -> Result<String> {
        self.tell(HostCall::Config).await
    }
}

impl clock::Host for Guest {
    async fn now(&mut self) -> Result<String> {
        self.tell(HostCall::Now).await
    }
}

impl random::Host for Guest {
    async fn bytes(&mut self, length: u32) -> Result<Vec<u8>> {
        self.tell(HostCall::Random { length: length.min(MAX_RANDOM) }).await
    }
}

impl context::Host for Guest {
    async fn get(&mut self) -> Result<String> {
        self.tell(HostCall::Context).await
    }
}

impl records::Host for Guest {
    async fn get(&mut self, object: String, id: String) -> Answered<Option<String>> {
        self.ask(HostCall::Get { object, id }).await
    }

    async fn query(&mut self, object: String, query: String) -> Answered<Vec<String>> {
        self.ask(HostCall::Query { object, query }).await
    }

    async fn create(&mut self, object: String, fields: String) -> Answered<String> {
        self.ask(HostCall::Create { object, fields }).await
    }

    async fn update(&mut self, object: String, id: String, fields: String) -> Answered<String> {
        self.ask(HostCall::Update { object, id, fields }).await
    }

    async fn delete(&mut self, object: String, id: String) -> Answered<()> {
        self.ask(HostCall::Delete { object, id }).await
    }

    async fn aggregate(&mut self, object: String, question: String) -> Answered<String> {
        self.ask(HostCall::Aggregate { object, question }).await
    }
}

impl store::Host for Guest {
    async fn get(&mut self, key: String) -> Answered<Option<Vec<u8>>> {
        self.ask(HostCall::KvGet { key }).await
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answered<()> {
        self.ask(HostCall::KvSet { key, value }).await
    }

    async fn delete(&mut self, key: String) -> Answered<()> {
        self.ask(HostCall::KvDelete { key }).await
    }

    async fn keys(&mut self, prefix: String, after: String, limit: u32) -> Answered<Vec<String>> {
        self.ask(HostCall::KvKeys { prefix, after, limit }).await
    }
}

impl client::Host for Guest {
    async fn send(&mut self, request: client::Request) -> Answered<client::Response> {
        self.http_calls += 1;
        if self.http_calls > self.limits.http_calls {
            self.count()?;
            let text = format!("a call may send {} requests", self.limits.http_calls);
            return Ok(Err(Fault::new("host_call_limit", text).into()));
        }
        // It has chosen whom it asks: a server that is slow is not the host's slowness.
        if self.meter.used() + self.http_time > self.limits.wall {
            return Err(Stop::Wall.into());
        }
        let client::Request { method, url, headers, body, timeout_ms } = request;
        let began = Instant::now();
        let answered = self.ask(HostCall::Http(HttpRequest { method, url, headers, body, timeout_ms })).await?;
        self.http_time += began.elapsed();
        Ok(answered.map(|HttpResponse { status, headers, body }| client::Response { status, headers, body }))
    }
}

impl publish::Host for Guest {
    async fn publish(&mut self, kind: String, subject: String, data: String) -> Answered<()> {
        self.ask(HostCall::Publish { kind, subject, data }).await
    }
}

impl queue::Host for Guest {
    async fn enqueue(&mut self, name: String, payload: String, delay_ms: u64) -> Answered<String> {
        self.ask(HostCall::Enqueue { name, payload, delay_ms }).await
    }
}

impl handle::Host for Guest {
    async fn is_set(&mut self, name: String) -> Answered<bool> {
        self.ask(HostCall::SecretIsSet { name }).await
    }

    async fn sign(&mut self, name: String, algorithm: String, data: Vec<u8>) -> Answered<Vec<u8>> {
        self.ask(HostCall::SecretSign { name, algorithm, data }).await
    }

    async fn verify(&mut self, name: String, algorithm: String, data: Vec<u8>, signature: Vec<u8>) -> Answered<bool> {
        self.ask(HostCall::SecretVerify { name, algorithm, data, signature }).await
    }
}

impl call::Host for Guest {
    async fn run(&mut self, plugin: String, name: String, input: String) -> Answered<String> {
        self.ask(HostCall::Action { plugin, name, input }).await
    }
}
