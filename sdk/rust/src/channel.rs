//! A connector to a messaging platform. This host does not call it yet; the contract is there.

use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::channel::exports::guildhall::channel::channel as wit;
use crate::bindings::imports::guildhall::core::types;
use crate::{Fault, log};

/// A plugin that connects to a messaging platform.
pub trait Channel {
    /// Checks and reads a request of the platform: what it is answered, and what it says.
    fn receive(request: &ChannelRequest) -> Result<(ChannelReply, Vec<Value>), Fault>;

    /// Sends a message; returns at least `external_id`, by which the platform knows it.
    fn send(message: Value) -> Result<Value, Fault>;
}

/// A request of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The query string, as it came.
    pub query: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// What the platform is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelReply {
    /// 200 to 599.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The export of a plugin's channel; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct ChannelExport<P>(PhantomData<P>);

impl<P: Channel> ChannelExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: Channel> wit::Guest for ChannelExport<P> {
    fn receive(request: wit::Request) -> Result<(wit::Reply, Vec<String>), types::Fault> {
        log::report_panics();
        let wit::Request { method, query, headers, body } = request;
        let (reply, said) = P::receive(&ChannelRequest { method, query, headers, body })?;
        let ChannelReply { status, content_type, body } = reply;
        Ok((wit::Reply { status, content_type, body }, said.iter().map(Value::to_string).collect()))
    }

    fn send(message: String) -> Result<String, types::Fault> {
        log::report_panics();
        let message = serde_json::from_str(&message)
            .map_err(|error| Fault::internal(format!("The host sent no JSON: {error}")))?;
        Ok(P::send(message)?.to_string())
    }
}
