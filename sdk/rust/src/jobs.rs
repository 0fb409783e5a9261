//! Work that goes on after the call, done by the plugin's [`crate::Job`].

use std::time::Duration;

use serde_json::Value;

use crate::Fault;
use crate::bindings::imports::guildhall::jobs::queue;

/// Has [`crate::Job::run_job`] called with this name and input, not before the delay is over. It is queued with the
/// commit of the call. Returns the id of the job.
pub fn enqueue(name: &str, input: &Value, delay: Duration) -> Result<String, Fault> {
    let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Ok(queue::enqueue(name, &input.to_string(), delay)?)
}
