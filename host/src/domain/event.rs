//! The immutable account of one committed change.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::clock::Timestamp;
use super::id::TenantId;
use super::position::Position;

/// What the kind of an event is called that a module published.
pub const PUBLISHED: &str = "published";
/// Most modules in a row, each acting on what the one before did: of what comes after that, no module hears.
pub const MAX_DEPTH: i32 = 5;

/// What happened to one record, or what a module published.
#[derive(Clone, Debug)]
pub struct Event {
    /// Id of the event.
    pub id: Uuid,
    /// `created`, `updated` or `deleted`; `published` for a module's own.
    pub kind: Cow<'static, str>,
    /// The type of a module's own event.
    pub own_type: Option<String>,
    /// Name of the object; empty when the event is about no record.
    pub object: String,
    /// Id of the record; nil when the event is about none.
    pub record: Uuid,
    /// Version of the record after the change.
    pub version: i64,
    /// Who asked for it.
    pub actor: String,
    /// The plugin that wrote it on the actor's behalf.
    pub plugin: Option<String>,
    /// The plugin that made what the event is about, when nobody else did.
    pub cause: Option<String>,
    /// How many modules in a row led to it.
    pub depth: i32,
    /// When it was committed.
    pub at: Timestamp,
    /// The changed fields before, as JSON.
    pub before: Json,
    /// The changed fields after, as JSON; the data of a module's own event.
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
    /// The type of a module's own event.
    pub own_type: Option<String>,
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
    /// The plugin that made what the event is about, when nobody else did.
    pub cause: Option<String>,
    /// How many modules in a row led to it.
    pub depth: i32,
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
        self.own_type.clone().unwrap_or_else(|| format!("{}.{}", self.object, self.kind))
    }

    /// Whether it names a record.
    pub fn has_record(&self) -> bool {
        !self.object.is_empty()
    }
}

impl Serialize for PastEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("specversion", "1.0")?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.event_type())?;
        map.serialize_entry("source", &format!("urn:guildhall:tenant:{}", self.tenant))?;
        if self.has_record() {
            map.serialize_entry("subject", &format!("{}/{}", self.object, self.record))?;
        }
        map.serialize_entry("time", &self.at.to_string())?;
        map.serialize_entry("datacontenttype", "application/json")?;
        let data = match &self.own_type {
            None => json!({
                "object": self.object,
                "record": self.record,
                "version": self.version,
                "actor": self.actor,
                "plugin": self.plugin,
                "before": self.before,
                "after": self.after,
            }),
            Some(_) => json!({"actor": self.actor, "plugin": self.plugin, "published": self.after}),
        };
        map.serialize_entry("data", &data)?;
        map.end()
    }
}
