//! The order in which a unit of work is written, and where each step came from.
//!
//! Two commits must never wait for each other in a ring. So PostgreSQL meets
//! records in one order in all commits: either step by step, or, when there are
//! many or when unique values may pass from one record to another, by locking
//! all of them first. SQLite has one writer and needs no locks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::super::Store;
use super::super::db::{Engine, Reach, Step};
use super::{Change, Conflict, Unit, Write};
use crate::domain::id::TenantId;
use crate::domain::object::Object;

/// Most records of a unit that are met step by step.
const FEW: usize = 12;
/// Most records that one statement checks.
const CHECKED_AT_ONCE: usize = 500;

/// Records of one object, and the versions that they were seen in.
pub(super) struct Sight {
    /// Their object.
    pub object: Arc<Object>,
    /// The records; no version when only their existence matters.
    pub records: Vec<(Uuid, Option<i64>)>,
}

/// Which part of the unit a step came from.
pub(super) enum Origin {
    /// The answer that is kept.
    Answer,
    /// These records.
    Records(Sight),
    /// What another part of the store adds, at this place.
    Further(usize),
    /// What cannot be unmet but by chance.
    Other,
}

impl Store {
    /// The steps of a unit in their order.
    pub(super) fn steps_of(&self, unit: &Unit) -> Vec<(Step, Origin)> {
        let mut plan = Vec::with_capacity(unit.reads.len() + 2 * unit.writes.len() + 2);
        if let Some(kept) = &unit.answer {
            plan.push((self.keep_answer(&kept.key, &kept.answer, kept.is_further, unit.at), Origin::Answer));
        }
        let is_small = unit.reads.len() + unit.writes.len() <= FEW && !may_pass_values_on(unit);
        match self.db.engine() {
            Engine::Postgres if is_small => self.record_by_record(unit, &mut plan),
            Engine::Postgres => {
                self.lock_all(unit, &mut plan);
                self.by_kind(unit, &mut plan);
            }
            Engine::Sqlite => {
                plan.extend(unit.reads.iter().map(|read| {
                    let object = Arc::clone(read.permit.object());
                    let origin = Origin::Records(Sight { object, records: vec![(read.id, read.version)] });
                    (self.check(read), origin)
                }));
                self.by_kind(unit, &mut plan);
            }
        }
        // Who is back is no part of another record any more.
        let back = unit.writes.iter().filter(|write| matches!(write.change, Change::Restore { .. }));
        plan.extend(back.map(|write| (Self::unmerge_mark(unit.tenant, &write.record), Origin::Other)));
        let words = Self::word_steps(unit.tenant, &unit.writes);
        plan.extend(words.into_iter().map(|step| (step, Origin::Other)));
        let links = unit.writes.iter().flat_map(|write| Self::link_steps(unit.tenant, write));
        plan.extend(links.map(|step| (step, Origin::Other)));
        let notes = unit.merges.iter().flat_map(|note| self.note_merge(unit, note));
        plan.extend(notes.map(|step| (step, Origin::Other)));
        plan.extend(self.append_all(unit.tenant, &unit.events).map(|step| (step, Origin::Other)));
        plan.extend(self.audit_steps(unit.tenant, &unit.audit).map(|step| (step, Origin::Other)));
        plan.extend(unit.effects.iter().map(|effect| (effect.0.clone(), Origin::Other)));
        let further = unit.further.iter().enumerate();
        plan.extend(further.map(|(at, further)| (further.0.clone(), Origin::Further(at))));
        plan
    }

    /// Few records: each is checked or written in the common order.
    fn record_by_record(&self, unit: &Unit, plan: &mut Vec<(Step, Origin)>) {
        let mut records: Vec<(Step, Sight)> = Vec::with_capacity(unit.reads.len() + unit.writes.len());
        for read in &unit.reads {
            let object = Arc::clone(read.permit.object());
            records.push((self.check(read), Sight { object, records: vec![(read.id, read.version)] }));
        }
        records.extend(unit.writes.iter().map(|write| (self.write(unit, write), sight_of(write))));
        records.sort_by(|(_, a), (_, b)| (&a.object.name, a.records[0].0).cmp(&(&b.object.name, b.records[0].0)));
        plan.extend(records.into_iter().map(|(step, sight)| (step, Origin::Records(sight))));
    }

    /// Checks and holds everything that was read or will be changed.
    fn lock_all(&self, unit: &Unit, plan: &mut Vec<(Step, Origin)>) {
        let mut objects: BTreeMap<String, (Sight, bool)> = BTreeMap::new();
        let mut add = |object: &Arc<Object>, id, version, is_written: bool| {
            let (sight, has_writes) = objects
                .entry(object.name.clone())
                .or_insert_with(|| (Sight { object: Arc::clone(object), records: Vec::new() }, false));
            sight.records.push((id, version));
            *has_writes |= is_written;
        };
        for read in &unit.reads {
            add(read.permit.object(), read.id, read.version, false);
        }
        for write in &unit.writes {
            // A record that comes back is checked by its own write: it is not there now.
            if let Change::Update { from, .. } | Change::Delete { from, .. } = write.change {
                add(&write.record.object, write.record.id, Some(from), true);
            }
        }
        for (_, (Sight { object, mut records }, has_writes)) in objects {
            records.sort_unstable();
            for records in records.chunks(CHECKED_AT_ONCE) {
                let step = self.check_many(unit.tenant, &object, records, has_writes);
                let sight = Sight { object: Arc::clone(&object), records: records.to_vec() };
                plan.push((step, Origin::Records(sight)));
            }
        }
    }

    /// What goes makes room first, and what comes is last, so that unique
    /// values can pass from one record to another.
    fn by_kind(&self, unit: &Unit, plan: &mut Vec<(Step, Origin)>) {
        let of_kind = |wanted: fn(&Change) -> bool| unit.writes.iter().filter(move |write| wanted(&write.change));
        let gone = of_kind(|change| matches!(change, Change::Delete { .. }));
        let changed = of_kind(|change| matches!(change, Change::Update { .. }));
        let back = of_kind(|change| matches!(change, Change::Restore { .. }));
        for write in gone.chain(changed).chain(back) {
            plan.push((self.write(unit, write), Origin::Records(sight_of(write))));
        }
        let mut new: Vec<&Write> = of_kind(|change| matches!(change, Change::Create(_))).collect();
        new.sort_by(|a, b| a.record.object.name.cmp(&b.record.object.name));
        for writes in new.chunk_by(|a, b| a.record.object.name == b.record.object.name) {
            plan.extend(self.insert_all(unit.tenant, writes).map(|step| (step, Origin::Other)));
        }
    }

    /// Which of these records is not any more what was seen.
    pub(super) async fn changed(&self, tenant: TenantId, sight: Sight) -> Conflict {
        let Sight { object, records } = sight;
        let changed = |id| Conflict::Changed { object: object.name.clone(), id };
        if let [(id, _)] = records[..] {
            return changed(id);
        }
        let stmt = self.versions(tenant, &object, records.iter().map(|(id, _)| *id));
        let found = match self.db.of(tenant).all(Reach::Point, stmt, |row| Ok((row.id(0)?, row.integer(1)?))).await {
            Ok(found) => found.into_iter().collect::<HashMap<Uuid, i64>>(),
            Err(error) => return Conflict::Store(error),
        };
        let is_other = |(id, version): &&(Uuid, Option<i64>)| match (found.get(id), version) {
            (None, _) => true,
            (Some(now), Some(seen)) => now != seen,
            (Some(_), None) => false,
        };
        records.iter().find(is_other).map_or(Conflict::Busy, |(id, _)| changed(*id))
    }
}

fn sight_of(write: &Write) -> Sight {
    let version = match write.change {
        Change::Create(_) => None,
        Change::Update { from, .. } | Change::Delete { from, .. } | Change::Restore { from, .. } => Some(from),
    };
    Sight { object: Arc::clone(&write.record.object), records: vec![(write.record.id, version)] }
}

/// Whether a unique value may go from one record to another: two writes of one
/// object, of which one gives or takes.
fn may_pass_values_on(unit: &Unit) -> bool {
    unit.writes.iter().enumerate().any(|(at, write)| {
        let is_change = !matches!(write.change, Change::Create(_));
        let has_unique = || write.record.object.fields.iter().any(|field| field.def.unique);
        is_change
            && has_unique()
            && unit
                .writes
                .iter()
                .enumerate()
                .any(|(other, it)| other != at && it.record.object.name == write.record.object.name)
    })
}
