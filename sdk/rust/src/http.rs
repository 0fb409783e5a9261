//! Requests to other servers, where a call may make them: not in hooks that run before a commit.
//!
//! Only to hosts that the manifest names, over https. Requests that change
//! something carry an `idempotency-key`, the same when the call runs again.
//!
//! ```no_run
//! use guildhall_sdk::{Fault, http::Request};
//!
//! fn rate() -> Result<Vec<u8>, Fault> {
//!     let request = Request::get("https://api.example.com/rate").header("authorization", "Bearer {{secret:EXAMPLE_KEY}}");
//!     Ok(request.send()?.body)
//! }
//! ```

use crate::Fault;
use crate::bindings::imports::guildhall::http::client;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout_ms: u32,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
}

impl Request {
    /// A request of this method: `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new(), timeout_ms: 0 }
    }

    /// A request for something.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A request that sends something.
    pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", url).body(body)
    }

    /// Adds a header. `{{secret:NAME}}` in its value is replaced by the secret, which the plugin never sees.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the longest wait, at most 5 seconds.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// Sends it, and waits for the answer.
    pub fn send(self) -> Result<Response, Fault> {
        let Self { method, url, headers, body, timeout_ms } = self;
        let client::Response { status, headers, body } =
            client::send(&client::Request { method, url, headers, body, timeout_ms })?;
        Ok(Response { status, headers, body })
    }
}
