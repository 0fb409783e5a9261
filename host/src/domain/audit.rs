//! The audit trail: who read or changed which fields, and never their values.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::{Caller, Origin};
use super::clock::Timestamp;
use super::object::Object;
use super::permission::Area;

/// The kind of subject that runs the installation.
const OPERATOR: &str = "operator";
/// Where the operator did it.
const COMMAND_LINE: &str = "command_line";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The fields were shown.
    Read,
    /// The fields were changed.
    Change,
    /// Many records were taken out as a file, or asked for so.
    Export,
    /// Records were brought in from a file, or that was taken back.
    Import,
    /// A person was erased, or that was asked for.
    Erase,
}

/// What was done with fields whose reads and changes are noted, or with something else than records.
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
    /// `user`, `key`, `plugin`, `operator` or `host`, or `nobody` when a sign-in failed.
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
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Change, Self::Export, Self::Import, Self::Erase];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Export => "export",
            Self::Import => "import",
            Self::Erase => "erase",
        }
    }

    /// The deed of that word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.name() == name)
    }
}

impl Note {
    /// That something of an area was changed: which, and what of it.
    pub fn of_area(area: Area, id: Option<Uuid>, fields: Vec<String>) -> Self {
        Self { deed: Deed::Change, object: area.name().to_owned(), record: id, fields, plugin: None }
    }

    /// That something was done with records of an object as a whole.
    pub fn of_all(deed: Deed, object: &str, record: Option<Uuid>, what: &str) -> Self {
        Self { deed, object: object.to_owned(), record, fields: vec![what.to_owned()], plugin: None }
    }

    /// The entry that it becomes when the operator did it at the command line.
    pub fn by_operator(self, at: Timestamp) -> Entry {
        let (subject_kind, subject) = (OPERATOR.to_owned(), COMMAND_LINE.to_owned());
        Entry { at, subject_kind, subject, on_behalf_of: None, peer: None, request: None, note: self }
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
            None => match (&caller.module, caller.member) {
                (Some(module), _) => ("plugin", module.to_string(), None),
                (None, Some(member)) => ("user", member.to_string(), None),
                (None, None) => ("key", caller.asker().to_string(), None),
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
