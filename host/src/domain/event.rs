//! The immutable account of one committed change.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::clock::Timestamp;
use super::id::TenantId;
use super::position::Position;

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
    pub before: Json,
    /// The changed fields after, as JSON.
    pub after: Json,
}

/// An event as it is read from the log. As JSON it is an event of `CloudEvents` 1.0, the
/// same one wherever it is shown or sent.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    /// Where it is in the log.
    pub position: Position,
    /// Whose record it was.
    pub tenant: TenantId,
    /// Id of the event.
    pub id: Uuid,
    /// `created`, `updated`, `deleted`, …
    pub kind: String,
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
    /// The changed fields before.
    pub before: Json,
    /// The changed fields after.
    pub after: Json,
}

impl PastEvent {
    /// Its type, such as `contact.created`.
    pub fn event_type(&self) -> String {
        format!("{}.{}", self.object, self.kind)
    }
}

impl Serialize for PastEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(8))?;
        map.serialize_entry("specversion", "1.0")?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.event_type())?;
        map.serialize_entry("source", &format!("urn:guildhall:tenant:{}", self.tenant))?;
        map.serialize_entry("subject", &format!("{}/{}", self.object, self.record))?;
        map.serialize_entry("time", &self.at.to_string())?;
        map.serialize_entry("datacontenttype", "application/json")?;
        let data = json!({
            "object": self.object,
            "record": self.record,
            "version": self.version,
            "actor": self.actor,
            "plugin": self.plugin,
            "before": self.before,
            "after": self.after,
        });
        map.serialize_entry("data", &data)?;
        map.end()
    }
}
