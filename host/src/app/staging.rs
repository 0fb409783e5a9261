//! The buffer of a unit of work: what was read, and what is to be written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use uuid::Uuid;

use super::unit_of_work::{Keys, Published};
use crate::access::{self, Create, Delete, Permit, Update};
use crate::domain::plugin::Manifest;
use crate::domain::record::Record;
use crate::store::{Change, Further, MergeNote, NewJob, Read, Write};

/// Names a record.
pub type Key = (String, Uuid);

/// The key of a record.
pub fn key_of(record: &Record) -> Key {
    (record.object.name.clone(), record.id)
}

/// What was seen of a record.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The permit it was read under.
    pub permit: Permit<access::Read>,
    /// The record; none when only its existence was looked at.
    pub record: Option<Record>,
}

/// A write that waits for the commit.
#[derive(Clone, Debug)]
pub enum Staged {
    /// A new record.
    Create { permit: Permit<Create>, after: Record },
    /// A changed record, and the places that differ.
    Update { permit: Permit<Update>, before: Record, after: Record, places: Vec<usize> },
    /// A deleted record.
    Delete { permit: Permit<Delete>, before: Record },
    /// A record that comes back: as it was deleted, and as it will be.
    Restore { permit: Permit<Create>, deleted: Record, after: Record },
}

/// Reads and writes of one unit of work.
#[derive(Clone, Default)]
pub struct Buffer {
    /// What was read, by record.
    pub reads: HashMap<Key, Seen>,
    /// What is to be written, in the order in which it came up.
    pub staged: IndexMap<Key, Staged>,
    /// Which plugin amended the caller's change last.
    pub amended: HashMap<Key, Arc<Manifest>>,
    /// Which plugin gave which field of a record the value that it has, when somebody else staged the record.
    pub reworded: HashMap<Key, HashMap<usize, Arc<Manifest>>>,
    /// Changed records whose version counts up even when their values stay.
    touched: HashSet<Key>,
    /// What events of these records are called, when it is not what the write says.
    pub kinds: HashMap<Key, &'static str>,
    /// Who has which value of a unique field, looked up ahead: object, place and value as text.
    pub looked_up: HashMap<(String, usize, String), Option<Uuid>>,
    /// Merges that are made or undone.
    pub merges: Vec<MergeNote>,
    /// What else is part of the commit.
    pub further: Vec<Further>,
    /// Keys and values of modules.
    pub keys: Keys,
    /// Events that modules publish.
    pub published: Vec<Published>,
    /// Jobs that modules queue.
    pub queued: Vec<NewJob>,
}

impl Staged {
    /// `create`, `update` or `delete`. To a module, a record that comes back is a new one.
    pub fn operation(&self) -> crate::domain::permission::Action {
        use crate::domain::permission::Action;
        match self {
            Self::Create { .. } | Self::Restore { .. } => Action::Create,
            Self::Update { .. } => Action::Update,
            Self::Delete { .. } => Action::Delete,
        }
    }

    /// The record as it is stored.
    pub fn before(&self) -> Option<&Record> {
        match self {
            Self::Create { .. } | Self::Restore { .. } => None,
            Self::Update { before, .. } | Self::Delete { before, .. } => Some(before),
        }
    }

    /// The record as it would be stored.
    pub fn after(&self) -> Option<&Record> {
        match self {
            Self::Create { after, .. } | Self::Update { after, .. } | Self::Restore { after, .. } => Some(after),
            Self::Delete { .. } => None,
        }
    }

    /// The plugin that wanted it, if it was not the caller.
    pub fn plugin(&self) -> Option<&Arc<Manifest>> {
        match self {
            Self::Create { permit, .. } | Self::Restore { permit, .. } => permit.plugin(),
            Self::Update { permit, .. } => permit.plugin(),
            Self::Delete { permit, .. } => permit.plugin(),
        }
    }

    /// What its event says happened.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "created",
            Self::Update { .. } => "updated",
            Self::Delete { .. } => "deleted",
            Self::Restore { .. } => "restored",
        }
    }

    /// Whether committing it changes anything.
    pub fn is_change(&self) -> bool {
        !matches!(self, Self::Update { places, .. } if places.is_empty())
    }
}

impl Buffer {
    /// Stages a new record.
    pub fn create(&mut self, permit: Permit<Create>, after: Record) {
        self.staged.insert(key_of(&after), Staged::Create { permit, after });
    }

    /// Stages a change of a record, on top of what is staged for it already.
    pub fn update(&mut self, permit: Permit<Update>, current: Record, after: Record) {
        let key = key_of(&after);
        self.reword(&key, &after, permit.plugin());
        let staged = match self.staged.shift_remove(&key) {
            Some(Staged::Create { permit, .. }) => Staged::Create { permit, after },
            Some(Staged::Restore { permit, deleted, .. }) => Staged::Restore { permit, deleted, after },
            Some(Staged::Update { permit, before, .. }) => update(permit, before, after),
            Some(Staged::Delete { .. }) | None => update(permit, current, after),
        };
        self.staged.insert(key, staged);
    }

    /// Stages a change that counts even when no value differs.
    pub fn touch(&mut self, permit: Permit<Update>, current: Record, after: Record) {
        self.touched.insert(key_of(&after));
        match self.staged.get_mut(&key_of(&after)) {
            // In its place, so that the order of what was staged stays.
            Some(Staged::Create { after: staged, .. } | Staged::Restore { after: staged, .. }) => *staged = after,
            Some(staged @ Staged::Update { .. }) => {
                if let Staged::Update { permit, before, .. } = staged.clone() {
                    *staged = update(permit, before, after);
                }
            }
            Some(Staged::Delete { .. }) => {}
            None => {
                self.staged.insert(key_of(&after), update(permit, current, after));
            }
        }
    }

    /// Replaces the outcome of a staged change in its place.
    pub fn amend(&mut self, key: &Key, amended: Record, by: &Arc<Manifest>) {
        self.reword(key, &amended, Some(by));
        self.amended.insert(key.clone(), Arc::clone(by));
        match self.staged.get_mut(key) {
            Some(Staged::Create { after, .. } | Staged::Restore { after, .. }) => *after = amended,
            Some(staged @ Staged::Update { .. }) => {
                if let Staged::Update { permit, before, .. } = staged.clone() {
                    *staged = update(permit, before, amended);
                }
            }
            Some(Staged::Delete { .. }) | None => {}
        }
    }

    /// Notes whose values a staged record has from now on.
    fn reword(&mut self, key: &Key, after: &Record, plugin: Option<&Arc<Manifest>>) {
        let Some(before) = self.staged.get(key).and_then(Staged::after) else { return };
        let places = differing(before, after);
        if places.iter().any(|place| after.object.audited.contains(place)) {
            let reworded = self.reworded.entry(key.clone()).or_default();
            for place in places {
                match plugin {
                    Some(plugin) => reworded.insert(place, Arc::clone(plugin)),
                    None => reworded.remove(&place),
                };
            }
        }
    }

    /// Stages the end of a record.
    pub fn delete(&mut self, permit: Permit<Delete>, current: Record) {
        let key = key_of(&current);
        let staged = match self.staged.shift_remove(&key) {
            // Made, or brought back, and deleted in one unit of work: it never was.
            Some(Staged::Create { .. } | Staged::Restore { .. }) => return,
            Some(Staged::Update { before, .. }) => Staged::Delete { permit, before },
            Some(Staged::Delete { .. }) | None => Staged::Delete { permit, before: current },
        };
        self.staged.insert(key, staged);
    }

    /// Puts another outcome in the place of a staged one.
    pub fn replace(&mut self, key: &Key, record: Record) {
        if let Some(Staged::Create { after, .. } | Staged::Restore { after, .. }) = self.staged.get_mut(key) {
            *after = record;
        }
    }

    /// Stages the return of a deleted record.
    pub fn restore(&mut self, permit: Permit<Create>, deleted: Record, after: Record) {
        self.staged.insert(key_of(&after), Staged::Restore { permit, deleted, after });
    }

    /// Takes writes back to an earlier state. What was read since then stays: what follows relies on it.
    pub fn take_back(&mut self, before: Self) {
        let since = std::mem::replace(self, before);
        for (key, seen) in since.reads {
            self.reads.entry(key).or_insert(seen);
        }
        self.keys.rely_on(since.keys);
    }

    /// Everything that was read, whether or not it is written, too.
    pub fn seen(&self) -> Vec<Read> {
        self.reads.iter().map(|((_, id), seen)| read(*id, seen.clone())).collect()
    }

    /// The reads to check: a record that is written is checked by its write.
    pub fn into_parts(self) -> (Vec<Read>, Vec<Staged>) {
        let touched = self.touched;
        let counts = |(key, staged): &(Key, Staged)| staged.is_change() || touched.contains(key);
        let staged: IndexMap<Key, Staged> = self.staged.into_iter().filter(counts).collect();
        let reads = self.reads.into_iter().filter(|(key, _)| !staged.contains_key(key));
        (reads.map(|((_, id), seen)| read(id, seen)).collect(), staged.into_values().collect())
    }
}

fn read(id: Uuid, seen: Seen) -> Read {
    Read { permit: seen.permit, id, version: seen.record.map(|record| record.version) }
}

impl From<Staged> for Write {
    fn from(staged: Staged) -> Self {
        match staged {
            Staged::Create { permit, after } => Self { change: Change::Create(permit), record: after, before: None },
            Staged::Update { permit, before, after, places } => {
                let change = Change::Update { permit, from: before.version, places };
                Self { change, record: after, before: Some(before.values) }
            }
            Staged::Delete { permit, before } => {
                Self { change: Change::Delete { permit, from: before.version }, record: before, before: None }
            }
            Staged::Restore { permit, deleted, after } => {
                let places = differing(&deleted, &after);
                Self { change: Change::Restore { permit, from: deleted.version, places }, record: after, before: None }
            }
        }
    }
}

fn update(permit: Permit<Update>, before: Record, mut after: Record) -> Staged {
    let places = differing(&before, &after);
    after.version = before.version + i64::from(!places.is_empty());
    if places.is_empty() {
        after.updated_at = before.updated_at;
    }
    Staged::Update { permit, before, after, places }
}

/// Places whose values differ.
fn differing(before: &Record, after: &Record) -> Vec<usize> {
    (0..after.values.len()).filter(|&at| before.values[at] != after.values[at]).collect()
}
