//! The audit trail: who read or changed which fields, and never their values.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::{Caller, Origin};
use super::clock::Timestamp;
use super::object::Object;
use super::permission::Area;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The fields were shown.
    Read,
    /// The fields were changed.
    Change,
}

/// What was done with fields whose reads and changes are noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What was done.
    pub deed: Deed,
    /// The object.
    pub object: String,
    /// The record; none for many at once.
    pub record: Option<Uuid>,
    /// Names of the fields.
    pub fields: Vec<String>,
    /// The plugin that did it, when it was not the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

/// An entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// `user`, `key`, `plugin`, or `nobody` when a sign-in failed.
    pub subject_kind: String,
    /// Which one.
    pub subject: String,
    /// Whom a plugin did it for.
    pub on_behalf_of: Option<String>,
    /// The address that the request came from.
    pub peer: Option<String>,
    /// The request, or the job.
    pub request: Option<String>,
    /// What was done, to what.
    pub note: Note,
}

impl Deed {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
        }
    }

    /// The deed of that word.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Read, Self::Change].into_iter().find(|deed| deed.name() == name)
    }
}

impl Note {
    /// That something of an area was changed: which, and what of it.
    pub fn of_area(area: Area, id: Option<Uuid>, fields: Vec<String>) -> Self {
        Self { deed: Deed::Change, object: area.name().to_owned(), record: id, fields, plugin: None }
    }

    /// Of the fields at these places, as far as they are noted; none when none is.
    pub fn of(
        deed: Deed,
        object: &Object,
        record: Option<Uuid>,
        is_meant: impl Fn(usize) -> bool,
        plugin: Option<&str>,
    ) -> Option<Self> {
        let places = object.audited.iter().filter(|&&place| is_meant(place));
        let fields: Vec<String> = places.map(|&place| object.fields[place].name().to_owned()).collect();
        let plugin = plugin.map(str::to_owned);
        (!fields.is_empty()).then(|| Self { deed, object: object.name.clone(), record, fields, plugin })
    }

    /// The entry that it becomes when a member did it who has no credential yet, or nobody that is known.
    pub fn by_member(self, member: Option<Uuid>, origin: &Origin, at: Timestamp) -> Entry {
        let (kind, subject) = match member {
            Some(member) => ("user", member.to_string()),
            None => ("nobody", String::new()),
        };
        Entry {
            at,
            subject_kind: kind.to_owned(),
            subject,
            on_behalf_of: None,
            peer: origin.peer.clone(),
            request: origin.request.clone(),
            note: self,
        }
    }

    /// The entry that it becomes when this caller did it, or had it done.
    pub fn by(self, caller: &Caller, at: Timestamp) -> Entry {
        let origin = caller.origin.as_deref();
        let (subject_kind, subject, on_behalf_of) = match &self.plugin {
            None => match caller.member {
                Some(member) => ("user", member.to_string(), None),
                None => ("key", caller.asker().to_string(), None),
            },
            Some(plugin) => ("plugin", plugin.clone(), Some(caller.actor())),
        };
        Entry {
            at,
            subject_kind: subject_kind.to_owned(),
            subject,
            on_behalf_of,
            peer: origin.and_then(|origin| origin.peer.clone()),
            request: origin.and_then(|origin| origin.request.clone()),
            note: self,
        }
    }
}
