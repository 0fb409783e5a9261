//! The immutable account of one committed change.

use uuid::Uuid;

use super::clock::Timestamp;

/// What happened to one record.
#[derive(Clone, Debug)]
pub struct Event {
    /// Id of the event.
    pub id: Uuid,
    /// `created`, `updated` or `deleted`.
    pub kind: &'static str,
    /// Name of the object.
    pub object: String,
    /// Id of the record.
    pub record: Uuid,
    /// Version of the record after the change.
    pub version: i64,
    /// Who asked for it.
    pub actor: String,
    /// The plugin that wrote it on the actor's behalf.
    pub plugin: Option<String>,
    /// When it was committed.
    pub at: Timestamp,
    /// The changed fields before, as JSON.
    pub before: serde_json::Value,
    /// The changed fields after, as JSON.
    pub after: serde_json::Value,
}
