//! What modules do beside records, while it waits for the commit: keys and
//! values, events of their own, jobs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use serde_json::Value as Json;
use uuid::Uuid;

use super::{Buffer, Work};
use crate::domain::event::{Event, PUBLISHED};
use crate::store::{Further, KvChange, KvRow, KvStep};

/// What a run is a part of.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The same whenever the same thing is done again: what requests to other servers are known by.
    pub seed: Arc<str>,
    /// How many modules in a row led to it, each acting on what the one before did.
    pub chain: i32,
    /// Whether who asks may look, and have modules do nothing.
    pub looks_only: bool,
}

/// An event that a module publishes.
#[derive(Clone, Debug)]
pub struct Published {
    /// The plugin.
    pub plugin: String,
    /// Its type.
    pub event_type: String,
    /// The record that it is about.
    pub subject: Option<(String, Uuid)>,
    /// What it says.
    pub data: Json,
}

/// Keys and values of modules, as one run sees them.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    seen: BTreeMap<(String, Vec<u8>), Kept>,
    used: HashMap<String, Room>,
}

/// One key.
#[derive(Clone, Debug)]
struct Kept {
    stored: Option<KvRow>,
    now: Option<Vec<u8>>,
}

/// What a module keeps without this run, and what it may.
#[derive(Clone, Copy, Debug)]
struct Room {
    used: i64,
    most: i64,
}

impl Cause {
    /// Something that is done once.
    pub fn new(id: Uuid) -> Self {
        Self::of(&id.to_string(), 0)
    }

    /// Something of that name, after so many modules in a row.
    pub fn of(seed: &str, chain: i32) -> Self {
        Self { seed: seed.into(), chain, looks_only: false }
    }
}

impl Keys {
    /// Whether this run has met the key.
    pub fn has_met(&self, plugin: &str, key: &[u8]) -> bool {
        self.seen.contains_key(&(plugin.to_owned(), key.to_vec()))
    }

    /// The value that a key has now that was met.
    pub fn get(&self, plugin: &str, key: &[u8]) -> Option<&[u8]> {
        self.seen.get(&(plugin.to_owned(), key.to_vec()))?.now.as_deref()
    }

    /// Remembers what is stored under a key that this run meets for the first time.
    pub fn remember(&mut self, plugin: &str, key: &[u8], stored: Option<KvRow>) {
        let now = stored.as_ref().map(|row| row.value.clone());
        self.seen.entry((plugin.to_owned(), key.to_vec())).or_insert(Kept { stored, now });
    }

    /// Gives a key that was met another value, or none.
    pub fn put(&mut self, plugin: &str, key: &[u8], value: Option<Vec<u8>>) {
        if let Some(kept) = self.seen.get_mut(&(plugin.to_owned(), key.to_vec())) {
            kept.now = value;
        }
    }

    /// Notes what a module keeps, and what it may keep.
    pub fn set_room(&mut self, plugin: &str, used: i64, most: i64) {
        self.used.insert(plugin.to_owned(), Room { used, most });
    }

    /// Whether it is known what a module keeps.
    pub fn has_room(&self, plugin: &str) -> bool {
        self.used.contains_key(plugin)
    }

    /// How many bytes beyond what it may a module would keep with this value under the key.
    pub fn excess(&self, plugin: &str, key: &[u8], value: &[u8]) -> i64 {
        let Some(room) = self.used.get(plugin) else { return 0 };
        let size = |value: &[u8]| i64::try_from(key.len() + value.len()).unwrap_or(i64::MAX);
        let known = self.get(plugin, key).map_or(0, size);
        let more = size(value) - known;
        if more <= 0 { 0 } else { (room.used + self.growth(plugin) + more - room.most).max(0) }
    }

    /// Relies on what another state of the same run has met, too.
    pub fn rely_on(&mut self, other: Self) {
        for ((plugin, key), kept) in other.seen {
            self.remember(&plugin, &key, kept.stored);
        }
        for (plugin, room) in other.used {
            self.used.entry(plugin).or_insert(room);
        }
    }

    /// The keys of a module that this run has given a value, and those that it has taken one from.
    pub fn changed(&self, plugin: &str) -> impl Iterator<Item = (&[u8], bool)> {
        let own = self.seen.iter().filter(move |((of, _), kept)| of == plugin && kept.is_changed());
        own.map(|((_, key), kept)| (key.as_slice(), kept.now.is_some()))
    }

    /// The keys of a module that have another value here than in an earlier state of the same run.
    pub fn differing(&self, before: &Self, plugin: &str) -> Vec<String> {
        let own = self.seen.iter().filter(|((of, _), _)| of == plugin);
        let changed = own.filter(|(name, kept)| match before.seen.get(*name) {
            Some(earlier) => earlier.now != kept.now,
            None => kept.is_changed(),
        });
        changed.map(|((_, key), _)| String::from_utf8_lossy(key).into_owned()).collect()
    }

    fn growth(&self, plugin: &str) -> i64 {
        let size = |key: &[u8], value: Option<&[u8]>| value.map_or(0, |value| key.len() + value.len());
        let of_key = |((_, key), kept): (&(String, Vec<u8>), &Kept)| {
            let stored = kept.stored.as_ref().map(|row| row.value.as_slice());
            let (before, after) = (size(key, stored), size(key, kept.now.as_deref()));
            i64::try_from(after).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX)
        };
        self.seen.iter().filter(|((of, _), _)| of == plugin).map(of_key).sum()
    }
}

impl Kept {
    fn is_changed(&self) -> bool {
        self.stored.as_ref().map(|row| &row.value) != self.now.as_ref()
    }

    fn change(&self) -> KvChange<'_> {
        match &self.now {
            _ if !self.is_changed() => KvChange::Stays,
            Some(value) => KvChange::Set(value),
            None => KvChange::Removed,
        }
    }
}

impl Work {
    /// How often a request that says the same was sent before in this run.
    pub fn count_sent(&self, digest: [u8; 32]) -> u32 {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sent.entry(digest).or_default();
        *count += 1;
        *count - 1
    }

    /// What modules did beside records, as steps of the commit; keys in one order, so that no two wait in a ring.
    pub(super) fn effects_of(&self, buffer: &mut Buffer) -> Vec<Further> {
        let keys = std::mem::take(&mut buffer.keys);
        let (store, tenant) = (&self.app.store, self.caller.tenant);
        let mut steps = Vec::new();
        let mut plugins: Vec<_> = keys.used.iter().collect();
        plugins.sort_by_key(|(plugin, _)| *plugin);
        for (plugin, room) in plugins {
            let growth = keys.growth(plugin);
            if growth != 0 {
                steps.push(store.kv_count(tenant, plugin, growth, room.most));
            }
        }
        for ((plugin, key), kept) in &keys.seen {
            let seen = kept.stored.as_ref().map(|row| row.version);
            steps.push(store.kv_step(tenant, &KvStep { plugin, key, seen, change: kept.change() }, self.at));
        }
        let queued = std::mem::take(&mut buffer.queued);
        steps.extend(queued.iter().map(|job| store.queue_job(crate::app::App::work_permit(), job)));
        steps
    }

    /// The event that a module publishes.
    pub(super) fn own_event(&self, published: Published) -> Event {
        let (object, record) = published.subject.unwrap_or_default();
        Event {
            id: self.app.ids.make(),
            kind: PUBLISHED.into(),
            own_type: Some(published.event_type),
            object,
            record,
            version: 0,
            actor: self.caller.actor(),
            cause: Some(published.plugin.clone()),
            plugin: Some(published.plugin),
            depth: self.cause.chain,
            at: self.at,
            before: Json::Object(serde_json::Map::new()),
            after: published.data,
        }
    }
}
