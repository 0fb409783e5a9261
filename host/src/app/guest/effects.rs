//! What a plugin does beside records.

use super::GuestPort;
use crate::domain::plugin::{Fault, HostAnswer, HostCall};

impl GuestPort {
    /// Answers a call that is about no record.
    pub(super) async fn effect(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        drop(call);
        Err(Fault::new("not_available", "this host cannot do that yet"))
    }
}
