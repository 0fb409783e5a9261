//! A unit of work: reads that remember versions, writes that wait.
//!
//! Each read is a short statement of its own; nothing is held open between
//! them, and no lock is held while a module thinks. The commit checks that
//! everything that was read is still so, and then writes everything at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::lanes::LaneKey;
use super::staging::{Buffer, Key, Seen, Staged, key_of};
use super::{App, AppError, Catalog};
use crate::access::{Create, Delete, Permit, Read, Update};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::plugin::Manifest;
use crate::domain::query::Query;
use crate::domain::record::{self, Changes, Hand, Record, read_fields};
use crate::domain::value::Value;
use crate::store::{Answer, IdempotencyKey, Unit, Write};

/// One run of a command.
pub struct Work {
    /// The application.
    pub app: Arc<App>,
    /// Who asked.
    pub caller: Caller,
    /// What the tenant has.
    pub catalog: Arc<Catalog>,
    /// When it happens.
    pub at: Timestamp,
    /// Lanes that this command holds.
    held: BTreeSet<LaneKey>,
    buffer: Mutex<Buffer>,
    contended: Mutex<Option<Key>>,
}

impl Work {
    /// Begins a run that holds these lanes.
    pub fn begin(app: &Arc<App>, caller: &Caller, catalog: &Arc<Catalog>, held: BTreeSet<LaneKey>) -> Self {
        Self {
            app: Arc::clone(app),
            caller: caller.clone(),
            catalog: Arc::clone(catalog),
            at: app.clock.now(),
            held,
            buffer: Mutex::default(),
            contended: Mutex::default(),
        }
    }

    /// The buffer, for looking at or taking a copy of.
    pub async fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().await
    }

    /// The record that made this run pointless: it was seen in two versions,
    /// or others are queueing for it.
    pub async fn contended(&self) -> Option<Key> {
        self.contended.lock().await.clone()
    }

    /// The object of that name.
    pub fn object(&self, name: &str) -> Result<&Arc<Object>, AppError> {
        self.catalog.schema.object(name).ok_or_else(|| AppError::UnknownObject(name.to_owned()))
    }

    /// The record as this unit of work sees it.
    pub async fn get(&self, permit: &Permit<Read>, id: Uuid) -> Result<Option<Record>, AppError> {
        let key = (permit.object().name.clone(), id);
        {
            let buffer = self.buffer.lock().await;
            if let Some(staged) = buffer.staged.get(&key) {
                return Ok(staged.after().cloned());
            }
            if let Some(Seen { record: Some(record), .. }) = buffer.reads.get(&key) {
                return Ok(Some(record.clone()));
            }
        }
        let record = self.app.store.get(permit, id).await?;
        if let Some(record) = &record {
            self.remember(permit, record).await?;
        }
        Ok(record)
    }

    /// The records that a query finds, as this unit of work sees them.
    pub async fn query(&self, permit: &Permit<Read>, query: &Query) -> Result<Vec<Record>, AppError> {
        let object = permit.object();
        let staged = self.buffer.lock().await.staged.keys().filter(|(name, _)| *name == object.name).count();
        // Staged records may fall out of the page; so many more are asked for.
        let mut wider = query.clone();
        wider.limit += u32::try_from(staged).unwrap_or(u32::MAX - query.limit);
        let mut found = self.app.store.list(permit, &wider).await?;
        for record in &found {
            self.remember(permit, record).await?;
        }
        if staged == 0 {
            return Ok(found);
        }
        let buffer = self.buffer.lock().await;
        let is_staged = |record: &Record| buffer.staged.contains_key(&key_of(record));
        found.retain(|record| !is_staged(record));
        let own = buffer.staged.values().filter_map(Staged::after).filter(|record| {
            record.object.name == object.name && query.filter.as_ref().is_none_or(|filter| filter.matches(record))
        });
        found.extend(own.cloned());
        found.sort_by(|a, b| query.order(a, b));
        found.truncate(query.limit as usize);
        Ok(found)
    }

    /// Stages a new record; returns it as it will be stored.
    pub async fn create(
        &self,
        permit: Permit<Create>,
        fields: &Map<String, Json>,
        hand: Hand,
    ) -> Result<Record, AppError> {
        let object = Arc::clone(permit.object());
        let changes = read_fields(&object, fields, hand).map_err(AppError::Invalid)?;
        self.check_links(&object, &changes).await?;
        let mut record = Record {
            id: self.app.ids.make(),
            version: 1,
            created_at: self.at,
            updated_at: self.at,
            values: record::defaults(&object),
            object,
        };
        record.apply(changes);
        check_required(&record)?;
        self.buffer.lock().await.create(permit, record.clone());
        Ok(record)
    }

    /// Stages a change; returns the record as it will be stored.
    pub async fn update(
        &self,
        permit: Permit<Update>,
        current: Record,
        fields: &Map<String, Json>,
        hand: Hand,
    ) -> Result<Record, AppError> {
        let mut changes = read_fields(&current.object, fields, hand).map_err(AppError::Invalid)?;
        // What is sent back as it is needs no second look: a linked record may be gone by now.
        changes.retain(|(at, value)| current.values[*at] != *value);
        self.check_links(&current.object, &changes).await?;
        let mut after = current.clone();
        if after.apply(changes).is_empty() {
            return Ok(current);
        }
        after.updated_at = self.at;
        check_required(&after)?;
        let key = key_of(&after);
        let mut buffer = self.buffer.lock().await;
        buffer.update(permit, current, after);
        buffer.staged.get(&key).and_then(Staged::after).cloned().ok_or_else(|| AppError::no_record(&key.0, &key.1))
    }

    /// Amends a change that is staged, on behalf of a hook.
    pub async fn amend(
        &self,
        key: &Key,
        fields: &Map<String, Json>,
        plugin: &Arc<Manifest>,
        hand: Hand,
    ) -> Result<(), AppError> {
        let current = self.buffer.lock().await.staged.get(key).and_then(Staged::after).cloned();
        let Some(mut record) = current else { return Ok(()) };
        let changes = read_fields(&record.object, fields, hand).map_err(AppError::Invalid)?;
        self.check_links(&record.object, &changes).await?;
        record.apply(changes);
        record.updated_at = self.at;
        check_required(&record)?;
        self.buffer.lock().await.amend(key, record, plugin);
        Ok(())
    }

    /// Stages the end of a record.
    pub async fn delete(&self, permit: Permit<Delete>, current: Record) {
        self.buffer.lock().await.delete(permit, current);
    }

    /// Ends the run: everything that it read and wrote, ready to be committed.
    pub async fn finish(&self, answer: Option<(IdempotencyKey, Answer)>) -> Unit {
        let buffer = std::mem::take(&mut *self.buffer.lock().await);
        let amended = buffer.amended.clone();
        let (reads, staged) = buffer.into_parts();
        let events = staged.iter().map(|staged| self.event(staged, &amended)).collect();
        Unit {
            tenant: self.caller.tenant,
            reads,
            writes: staged.into_iter().map(Write::from).collect(),
            events,
            answer,
            further: Vec::new(),
            at: self.at,
        }
    }

    /// Remembers the version that was seen. Seeing two versions, or a record
    /// that others are queueing for, ends the run.
    async fn remember(&self, permit: &Permit<Read>, record: &Record) -> Result<(), AppError> {
        let key = key_of(record);
        let lane = (self.caller.tenant, key.0.clone(), key.1);
        let mut buffer = self.buffer.lock().await;
        let is_other_version = matches!(
            buffer.reads.get(&key),
            Some(Seen { record: Some(known), .. }) if known.version != record.version
        );
        if is_other_version || (!self.held.contains(&lane) && self.app.lanes.is_taken(&lane)) {
            *self.contended.lock().await = Some(key);
            return Err(AppError::Contended);
        }
        buffer.reads.insert(key, Seen { permit: permit.clone(), record: Some(record.clone()) });
        Ok(())
    }

    /// Every linked record must be there, now and at the commit.
    async fn check_links(&self, object: &Object, changes: &Changes) -> Result<(), AppError> {
        let mut faults = Vec::new();
        for (place, field, to) in object.links() {
            let Some((_, Value::Id(id))) = changes.iter().find(|(at, _)| *at == place) else { continue };
            if !self.is_there(to, *id).await? {
                let message = format!("there is no {to} {id}");
                faults.push(FieldError::new(field.name(), "unknown_record", message));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(AppError::Invalid(faults)) }
    }

    async fn is_there(&self, object: &str, id: Uuid) -> Result<bool, AppError> {
        let key = (object.to_owned(), id);
        {
            let buffer = self.buffer.lock().await;
            // A record that this very unit of work deletes may still be named,
            // by the account of its deletion for one.
            if buffer.staged.contains_key(&key) || buffer.reads.contains_key(&key) {
                return Ok(true);
            }
        }
        let permit = self.app.access.check::<Read>(&self.caller, self.object(object)?).await?;
        let is_there = self.app.store.is_there(&permit, id).await?;
        if is_there {
            self.buffer.lock().await.reads.insert(key, Seen { permit, record: None });
        }
        Ok(is_there)
    }

    fn event(&self, staged: &Staged, amended: &HashMap<Key, Arc<Manifest>>) -> Event {
        let all: Vec<usize>;
        let (kind, record, places) = match staged {
            Staged::Create { after, .. } => {
                all = (0..after.values.len()).filter(|&at| !after.values[at].is_null()).collect();
                ("created", after, &all)
            }
            Staged::Update { after, places, .. } => ("updated", after, places),
            Staged::Delete { before, .. } => {
                all = (0..before.values.len()).filter(|&at| !before.values[at].is_null()).collect();
                ("deleted", before, &all)
            }
        };
        let excerpt = |record: Option<&Record>| {
            record.map_or_else(
                || Json::Object(Map::new()),
                |record| record::excerpt(&record.object, &record.values, places),
            )
        };
        Event {
            id: self.app.ids.make(),
            kind,
            object: record.object.name.clone(),
            record: record.id,
            version: record.version + i64::from(kind == "deleted"),
            actor: self.caller.actor(),
            plugin: staged.plugin().or(amended.get(&key_of(record))).map(|plugin| plugin.id.clone()),
            at: self.at,
            before: excerpt(staged.before()),
            after: excerpt(staged.after()),
        }
    }
}

fn check_required(record: &Record) -> Result<(), AppError> {
    let missing = record.missing();
    if missing.is_empty() { Ok(()) } else { Err(AppError::Invalid(missing)) }
}
