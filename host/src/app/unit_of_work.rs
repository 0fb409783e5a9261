//! A unit of work: reads that remember versions, writes that wait.
//!
//! Each read is a short statement of its own; nothing is held open between
//! them, and no lock is held while a module thinks. The commit checks that
//! everything that was read is still so, and then writes everything at once.

mod allowed;
mod effects;
mod query;

pub use effects::{Cause, Keys, Published};
pub use query::Alone;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value as Json};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::calculate;
use super::explain::ExplainedCall;
use super::lanes::LaneKey;
use super::staging::{Buffer, Key, Seen, Staged, key_of};
use super::{App, AppError, Catalog};
use crate::access::{Create, Delete, Permit, Read, Update};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::field::{FieldType, Source};
use crate::domain::invalid::FieldError;
use crate::domain::moment::Moment;
use crate::domain::object::Object;
use crate::domain::plugin::Manifest;
use crate::domain::record::{self, Changes, Hand, Record, read_fields};
use crate::domain::value::Value;
use crate::store::{Conflict, KeptAnswer, Unit, Write};

/// One run of a command.
pub struct Work {
    /// The application.
    pub app: Arc<App>,
    /// Who asked.
    pub caller: Caller,
    /// What the tenant has, as the caller's roles show it.
    pub catalog: Arc<Catalog>,
    /// When it happens.
    pub at: Timestamp,
    /// Whether what it writes is thrown away.
    pub is_dry: bool,
    /// Calls of modules that wait for another one.
    pub(super) depth: AtomicU32,
    /// What it is a part of.
    pub(super) cause: Cause,
    /// Requests to other servers so far, by what they say.
    sent: std::sync::Mutex<HashMap<[u8; 32], u32>>,
    /// Calls of modules, when it is going to be explained what they did.
    pub(super) explained: Option<std::sync::Mutex<Vec<ExplainedCall>>>,
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
            is_dry: false,
            depth: AtomicU32::new(0),
            cause: Cause::new(app.ids.make()),
            sent: std::sync::Mutex::default(),
            explained: None,
            held,
            buffer: Mutex::default(),
            contended: Mutex::default(),
        }
    }

    /// The same, for a run whose writes are thrown away.
    #[must_use]
    pub fn dry(self, is_dry: bool) -> Self {
        Self { is_dry, ..self }
    }

    /// The same, as a part of something.
    #[must_use]
    pub fn of(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// The same, for a run of which it is explained what modules did.
    #[must_use]
    pub fn explaining(self, is_explained: bool) -> Self {
        Self { explained: is_explained.then(std::sync::Mutex::default), ..self }
    }

    /// How many calls of modules wait for a call that is made now.
    pub fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
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
        if !self.may_see(permit, &key).await? {
            return Ok(None);
        }
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

    /// Now, as the tenant sees it.
    pub fn moment(&self) -> Moment {
        Moment { at: self.at, timezone: self.catalog.timezone }
    }

    /// Stages a new record; returns it as it will be stored.
    pub async fn create(
        &self,
        permit: Permit<Create>,
        fields: &Map<String, Json>,
        hand: Hand,
    ) -> Result<Record, AppError> {
        let object = Arc::clone(permit.object());
        let mut changes = read_fields(&object, fields, hand).map_err(AppError::Invalid)?;
        self.check_links(&object, &changes).await?;
        let id = self.app.ids.make();
        self.seal(&object, id, None, &mut changes).await?;
        let mut record = Record {
            id,
            version: 1,
            created_at: self.at,
            updated_at: self.at,
            values: record::defaults(&object),
            object,
        };
        record.apply(changes);
        self.own(&mut record);
        self.number(&mut record).await?;
        calculate::formulas(&mut record);
        check_required(&record)?;
        self.may_create(&permit, &record).await?;
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
        self.seal(&current.object, current.id, Some(&current.values), &mut changes).await?;
        // What is sent back as it is needs no second look: a linked record may be gone by now.
        changes.retain(|(at, value)| current.values[*at] != *value);
        self.check_links(&current.object, &changes).await?;
        self.apply(permit, current, changes).await
    }

    /// Stages values that are known to be good; returns the record as it will be stored.
    pub async fn apply(&self, permit: Permit<Update>, current: Record, changes: Changes) -> Result<Record, AppError> {
        self.may_change(&permit, &current).await?;
        let mut after = current.clone();
        if after.apply(changes).is_empty() {
            return Ok(current);
        }
        after.updated_at = self.at;
        calculate::formulas(&mut after);
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
        calculate::formulas(&mut record);
        record.updated_at = self.at;
        check_required(&record)?;
        self.buffer.lock().await.amend(key, record, plugin);
        Ok(())
    }

    /// Stages the end of a record.
    pub async fn delete(&self, permit: Permit<Delete>, current: Record) -> Result<(), AppError> {
        self.may_change(&permit, &current).await?;
        self.buffer.lock().await.delete(permit, current);
        Ok(())
    }

    /// Ends the run: everything that it read and wrote, ready to be committed.
    pub async fn finish(&self, answer: Option<KeptAnswer>) -> Unit {
        let mut buffer = std::mem::take(&mut *self.buffer.lock().await);
        let (amended, kinds) = (std::mem::take(&mut buffer.amended), std::mem::take(&mut buffer.kinds));
        let (merges, further) = (std::mem::take(&mut buffer.merges), std::mem::take(&mut buffer.further));
        let reworded = std::mem::take(&mut buffer.reworded);
        let effects = self.effects_of(&mut buffer);
        let published = std::mem::take(&mut buffer.published);
        let (reads, staged) = buffer.into_parts();
        let has_story = |staged: &&Staged| !matches!(staged, Staged::Update { places, .. } if places.is_empty());
        let happened = staged.iter().filter(has_story).map(|staged| self.event(staged, &amended, &kinds));
        let events = happened.chain(published.into_iter().map(|published| self.own_event(published))).collect();
        let audit = staged.iter().flat_map(|staged| self.entries(staged, &reworded)).collect();
        Unit {
            tenant: self.caller.tenant,
            reads,
            writes: staged.into_iter().map(Write::from).collect(),
            events,
            answer,
            merges,
            audit,
            further,
            effects,
            at: self.at,
        }
    }

    /// A record that is not any more what this run has seen of it, if there is one. What a module says of records that
    /// it read at different moments is no answer: no order of the changes would have shown it them like that.
    pub(super) async fn overtaken(&self) -> Result<Option<Key>, AppError> {
        let reads = self.buffer.lock().await.seen();
        if reads.is_empty() {
            return Ok(None);
        }
        let unit = Unit { reads, ..Unit::empty(self.caller.tenant, self.at) };
        match self.app.store.commit(&unit).await {
            Ok(()) => Ok(None),
            Err(Conflict::Changed { object, id }) => Ok(Some((object, id))),
            Err(Conflict::Store(error)) => Err(error.into()),
            Err(_) => Err(AppError::Contended),
        }
    }

    /// Remembers the version that was seen. Seeing two versions, or a record
    /// that others are queueing for, ends the run.
    pub(super) async fn remember(&self, permit: &Permit<Read>, record: &Record) -> Result<(), AppError> {
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
    pub(super) async fn check_links(&self, object: &Object, changes: &Changes) -> Result<(), AppError> {
        let mut faults = Vec::new();
        for (place, value) in changes {
            let field = &object.fields[*place];
            for (to, id) in field.linked(value) {
                if !self.is_there(to, id).await? {
                    faults.push(FieldError::new(field.name(), "unknown_record", format!("there is no {to} {id}")));
                }
            }
            if let (FieldType::User, Value::Id(id)) = (&field.kind, value)
                && !self.app.is_member(self.caller.tenant, *id).await?
            {
                faults.push(FieldError::new(field.name(), "unknown_record", format!("nobody here is {id}")));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(AppError::Invalid(faults)) }
    }

    /// Gives a new record its numbers.
    async fn number(&self, record: &mut Record) -> Result<(), AppError> {
        let object = Arc::clone(&record.object);
        for (at, field) in object.fields.iter().enumerate() {
            if let Source::AutoNumber(format) = &field.source {
                let number = self.app.next_number(self.caller.tenant, &object, field.name()).await?;
                record.values[at] = Value::Text(format.write(number));
            }
        }
        Ok(())
    }

    pub(super) async fn is_there(&self, object: &str, id: Uuid) -> Result<bool, AppError> {
        let key = (object.to_owned(), id);
        let permit = self.app.access.check::<Read>(&self.caller, self.object(object)?)?;
        if !self.may_see(&permit, &key).await? {
            return Ok(false);
        }
        {
            let buffer = self.buffer.lock().await;
            // A record that this very unit of work deletes may still be named,
            // by the account of its deletion for one.
            if buffer.staged.contains_key(&key) || buffer.reads.contains_key(&key) {
                return Ok(true);
            }
        }
        let is_there = self.app.store.is_there(&permit, id).await?;
        if is_there {
            self.buffer.lock().await.reads.insert(key, Seen { permit, record: None });
        }
        Ok(is_there)
    }

    fn event(
        &self,
        staged: &Staged,
        amended: &HashMap<Key, Arc<Manifest>>,
        kinds: &HashMap<Key, &'static str>,
    ) -> Event {
        let all: Vec<usize>;
        let filled = |record: &Record| (0..record.values.len()).filter(|&at| !record.values[at].is_null()).collect();
        let (record, places) = match staged {
            Staged::Create { after: record, .. }
            | Staged::Restore { after: record, .. }
            | Staged::Delete { before: record, .. } => {
                all = filled(record);
                (record, &all)
            }
            Staged::Update { after, places, .. } => (after, places),
        };
        let key = key_of(record);
        let excerpt = |record: Option<&Record>| {
            record.map_or_else(
                || Json::Object(Map::new()),
                |record| record::excerpt(&record.object, &record.values, places),
            )
        };
        Event {
            id: self.app.ids.make(),
            kind: kinds.get(&key).copied().unwrap_or(staged.kind()).into(),
            own_type: None,
            object: record.object.name.clone(),
            record: record.id,
            version: record.version + i64::from(matches!(staged, Staged::Delete { .. })),
            actor: self.caller.actor(),
            plugin: staged.plugin().or(amended.get(&key)).map(|plugin| plugin.id.clone()),
            cause: staged.plugin().map(|plugin| plugin.id.clone()),
            depth: self.cause.chain,
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
