//! What a guest may ask for. The floor above answers.

use async_trait::async_trait;

use super::failure::Stop;
use crate::domain::plugin::{Fault, HostAnswer, HostCall};

/// Answers the host calls of one invocation.
#[async_trait]
pub trait Port: Send + Sync {
    /// Answers one call.
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault>;

    /// Why the guest ends here, instead of being answered one call more.
    fn stop(&self) -> Option<Stop> {
        None
    }
}
