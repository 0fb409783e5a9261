//! What modules did in a dry run, call by call: for who wants to know why a change came out as it did.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppError;
use super::catalog::Module;
use super::ledger::spent_of;
use super::staging::{Buffer, Key, Staged};
use super::unit_of_work::{Keys, Work};
use crate::domain::accountability::SpentOf;
use crate::domain::audit::{Deed, Note};
use crate::domain::plugin::{ExtensionPoint, Fault, Manifest};
use crate::domain::record::Record;
use crate::plugin::{Ended, Failure};

/// One call of a module in a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExplainedCall {
    /// Which run of the operations it was part of, counted from 1: without those that were refused, the others run
    /// again.
    pub run: usize,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Where the host called it.
    pub extension_point: String,
    /// Names the call, in logs and failures too.
    pub invocation: Uuid,
    /// `passed`, `amended`, `refused`, or the code of a failure.
    pub outcome: String,
    /// What the failure says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The records that it was asked about, in their order.
    pub records: Vec<ExplainedRecord>,
    /// What it would write beside them, with what calls that it made would.
    pub writes: Vec<ExplainedWrite>,
    /// What it would do beside records.
    pub effects: ExplainedEffects,
    /// What it used.
    pub cost: SpentOf,
}

/// What a call did to one record that it was asked about.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExplainedRecord {
    /// Its object.
    pub object: String,
    /// Its id; a new one will have another.
    pub id: Uuid,
    /// Fields that came out of the call with another value, formulas that follow from them among these.
    pub patches: Vec<Patch>,
    /// Why the module refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub veto: Option<Veto>,
}

/// A field with its value before and after.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Patch {
    /// The field.
    pub field: String,
    /// Its value before the call.
    #[schema(value_type = Object)]
    pub before: Json,
    /// Its value after it.
    #[schema(value_type = Object)]
    pub after: Json,
}

/// A no of a module, in its own words.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Veto {
    /// The module's code.
    pub code: String,
    /// The module's sentence.
    pub message: String,
}

/// Something that a call would write.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExplainedWrite {
    /// `created`, `updated` or `deleted`.
    pub operation: String,
    /// The object.
    pub object: String,
    /// The record.
    pub id: Uuid,
    /// Its fields.
    pub patches: Vec<Patch>,
}

/// What a call would do beside records: names, never what is kept under them or said with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ExplainedEffects {
    /// Keys of the module that would have another value, or none any more.
    pub keys: Vec<String>,
    /// Names of the jobs that it would queue, in their order.
    pub jobs: Vec<String>,
    /// Types of the events that it would publish, in their order.
    pub events: Vec<String>,
}

/// What a run had come to before a call.
pub struct Before {
    staged: IndexMap<Key, Staged>,
    keys: Keys,
    queued: usize,
    published: usize,
}

impl Before {
    fn of(buffer: &Buffer) -> Self {
        let Buffer { staged, keys, queued, published, .. } = buffer;
        Self { staged: staged.clone(), keys: keys.clone(), queued: queued.len(), published: published.len() }
    }

    /// What a module has done beside records since then.
    fn effects_of(&self, plugin: &str, after: &Buffer) -> ExplainedEffects {
        let queued = after.queued.iter().skip(self.queued).filter(|job| job.payload["plugin"] == plugin);
        let published = after.published.iter().skip(self.published).filter(|event| event.plugin == plugin);
        ExplainedEffects {
            keys: after.keys.differing(&self.keys, plugin),
            jobs: queued.filter_map(|job| Some(job.payload["name"].as_str()?.to_owned())).collect(),
            events: published.map(|event| event.event_type.clone()).collect(),
        }
    }
}

impl Work {
    /// What is staged now, when it is going to be explained what a call makes of it.
    pub async fn before_call(&self) -> Option<Before> {
        self.explained.as_ref()?;
        Some(Before::of(&*self.buffer().await))
    }

    /// Notes a call that has ended.
    pub fn explain_call(&self, module: &Module, point: ExtensionPoint, invocation: Uuid, ended: &Ended) {
        let Some(explained) = &self.explained else { return };
        let (outcome, message) = match &ended.result {
            Ok(_) => ("passed", None),
            Err(failure @ Failure::Fault(_)) => ("refused", Some(failure.to_string())),
            Err(failure) => (failure.code(), Some(failure.to_string())),
        };
        lock(explained).push(ExplainedCall {
            run: 0,
            plugin: module.manifest.id.clone(),
            version: module.manifest.version.clone(),
            extension_point: point.name().to_owned(),
            invocation,
            outcome: outcome.to_owned(),
            message,
            records: Vec::new(),
            writes: Vec::new(),
            effects: ExplainedEffects::default(),
            cost: spent_of(&ended.spent),
        });
    }

    /// Adds to the last call of a plugin what became of the records that it was about, and what it wrote and did.
    pub async fn explain_effects(&self, plugin: &Manifest, before: Before, keys: &[Key], vetoes: &[(Key, Fault)]) {
        let Some(explained) = &self.explained else { return };
        let (after, effects) = {
            let buffer = self.buffer().await;
            (buffer.staged.clone(), before.effects_of(&plugin.id, &buffer))
        };
        let before = before.staged;
        let veto = |key: &Key| {
            let veto = vetoes.iter().find(|(own, _)| own == key);
            veto.map(|(_, fault)| Veto { code: fault.code.clone(), message: fault.message.clone() })
        };
        let records: Vec<ExplainedRecord> = keys
            .iter()
            .map(|key| ExplainedRecord {
                object: key.0.clone(),
                id: key.1,
                patches: self.patches(before.get(key).and_then(Staged::after), after.get(key).and_then(Staged::after)),
                veto: veto(key),
            })
            .collect();
        let others = after.iter().filter(|(key, staged)| !keys.contains(key) && staged.is_change());
        let writes = others.filter_map(|(key, staged)| {
            // What is staged now is seen beside what was staged before, or stored.
            let was = before.get(key);
            let old = was.map_or_else(|| staged.before(), Staged::after);
            let patches = self.patches(old, staged.after());
            let has_changed = was.is_none_or(|was| was.operation() != staged.operation()) || !patches.is_empty();
            let operation = staged.kind().to_owned();
            has_changed.then(|| ExplainedWrite { operation, object: key.0.clone(), id: key.1, patches })
        });
        let writes: Vec<ExplainedWrite> = writes.collect();
        let mut calls = lock(explained);
        let Some(call) = calls.iter_mut().rev().find(|call| call.plugin == plugin.id) else { return };
        if call.outcome == "passed" {
            if !vetoes.is_empty() {
                "refused".clone_into(&mut call.outcome);
            } else if records.iter().any(|record| !record.patches.is_empty()) {
                "amended".clone_into(&mut call.outcome);
            }
        }
        (call.records, call.writes, call.effects) = (records, writes, effects);
    }

    /// Says of the last call of a plugin that it answered wrongly.
    pub fn explain_failure(&self, plugin: &Manifest, failure: &Failure) {
        let Some(explained) = &self.explained else { return };
        let mut calls = lock(explained);
        if let Some(call) = calls.iter_mut().rev().find(|call| call.plugin == plugin.id) {
            failure.code().clone_into(&mut call.outcome);
            call.message = Some(failure.to_string());
        }
    }

    /// The calls of this run, with nothing of records that the caller does not see; and what the audit trail is to
    /// say of what they show.
    pub async fn explained(&self, run: usize) -> Result<(Vec<ExplainedCall>, Vec<Note>), AppError> {
        let Some(explained) = &self.explained else { return Ok((Vec::new(), Vec::new())) };
        let mut calls = std::mem::take(&mut *lock(explained));
        if calls.is_empty() {
            return Ok((calls, Vec::new()));
        }
        let seen: HashSet<Key> = self.planned().await?.into_iter().map(|change| (change.object, change.id)).collect();
        let own: HashSet<Key> = {
            let buffer = self.buffer().await;
            let own = buffer.staged.iter().filter(|(_, staged)| staged.plugin().is_none());
            own.map(|(key, _)| key.clone()).collect()
        };
        let is_seen = |object: &str, id: Uuid| {
            let key = (object.to_owned(), id);
            seen.contains(&key) || own.contains(&key)
        };
        let mut notes = Vec::new();
        for call in &mut calls {
            call.run = run;
            call.records.retain(|record| is_seen(&record.object, record.id));
            call.writes.retain(|write| is_seen(&write.object, write.id));
            let records = call.records.iter().map(|record| (&record.object, record.id, &record.patches));
            let writes = call.writes.iter().map(|write| (&write.object, write.id, &write.patches));
            for (object, id, patches) in records.chain(writes) {
                let Ok(object) = self.object(object) else { continue };
                let is_shown = |place: usize| patches.iter().any(|patch| patch.field == object.fields[place].name());
                notes.extend(Note::of(Deed::Read, object, Some(id), is_shown, None));
            }
        }
        Ok((calls, notes))
    }

    /// Fields that differ, as the caller sees them. Of encrypted ones only whether they are there.
    fn patches(&self, before: Option<&Record>, after: Option<&Record>) -> Vec<Patch> {
        let (before, after) = (self.seen_fields(before), self.seen_fields(after));
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        let patch = |name: &String| {
            let of = |fields: &Map<String, Json>| fields.get(name).cloned().unwrap_or_default();
            let (before, after) = (of(&before), of(&after));
            (before != after).then(|| Patch { field: name.clone(), before, after })
        };
        names.filter_map(patch).collect()
    }

    fn seen_fields(&self, record: Option<&Record>) -> Map<String, Json> {
        let Some(mut record) = record.cloned() else { return Map::new() };
        self.as_seen(&mut record);
        let Json::Object(mut members) = record.to_json() else { return Map::new() };
        members.retain(|name, _| record.object.position(name).is_some());
        members
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
