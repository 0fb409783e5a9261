//! A failure that is told to the caller.

use std::fmt;

use serde_json::{Map, Value};

use crate::bindings::imports::guildhall::core::types;

/// A failure with a stable code for programs and one sentence for people.
///
/// The host's calls fail with it, and a plugin refuses with it.
///
/// ```
/// use guildhall_sdk::Fault;
///
/// let fault = Fault::new("credit_exceeded", "The order exceeds the credit line.")
///     .with_detail("limit", "500.00");
/// assert_eq!(fault.code(), "credit_exceeded");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    code: String,
    message: String,
    retryable: bool,
    /// Boxed, so that a result with a fault stays small.
    details: Box<Map<String, Value>>,
}

impl Fault {
    /// A failure with a code in lower snake case, which is never changed
    /// afterwards, and one sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false, details: Box::default() }
    }

    /// What the caller sent is not acceptable: `validation_failed`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("validation_failed", message)
    }

    /// The plugin cannot go on, and it is not the caller's doing: `plugin_error`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("plugin_error", message)
    }

    /// Says that the same call may succeed when it is made again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The further facts; empty when there are none.
    pub fn details(&self) -> &Map<String, Value> {
        &self.details
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}

impl From<types::Fault> for Fault {
    fn from(fault: types::Fault) -> Self {
        let details = fault.details.as_deref().map(serde_json::from_str);
        Self {
            code: fault.code,
            message: fault.message,
            retryable: fault.retryable,
            details: match details {
                Some(Ok(details)) => Box::new(details),
                Some(Err(_)) | None => Box::default(),
            },
        }
    }
}

impl From<Fault> for types::Fault {
    fn from(fault: Fault) -> Self {
        let details = (!fault.details.is_empty()).then(|| Value::Object(*fault.details).to_string());
        Self { code: fault.code, message: fault.message, retryable: fault.retryable, details }
    }
}
