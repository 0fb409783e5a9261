//! Failures that cross the border between host and plugin.

use serde::{Deserialize, Serialize};

/// A failure that crosses the border between host and plugin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Fault {
    /// Stable code, lower snake case.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same call may succeed when it is made again.
    pub retryable: bool,
    /// Further facts: a JSON object as text.
    pub details: Option<String>,
}

impl Fault {
    /// A fault that will be the same next time.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false, details: None }
    }

    /// A fault that may be over next time.
    pub fn passing(code: &str, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(code, message) }
    }
}
