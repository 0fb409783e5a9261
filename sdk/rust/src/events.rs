//! Events of the plugin's own, beside those of records.

use serde_json::Value;

use crate::Fault;
use crate::bindings::imports::guildhall::events::publish as wit;

/// Publishes an event of this type, which begins with the plugin's namespace or id: `valuation.deal.done`. The
/// subject names a record that the plugin may read, `contact/0192...`, or is empty. It is committed with the call.
pub fn publish(event_type: &str, subject: &str, data: &Value) -> Result<(), Fault> {
    Ok(wit::publish(event_type, subject, &data.to_string())?)
}
