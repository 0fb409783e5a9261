//! Chunks of rows as units of work. A chunk that is refused as a whole is
//! halved, until the rows that are the reason stand alone; these are kept as
//! faults, and the others are stored.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::super::jobs::{JobFault, JobRun};
use super::super::settle::settle_all;
use super::super::unit_of_work::Work;
use super::super::{App, AppError, Catalog};
use super::lookup::{self, Found, read, text_of};
use super::plan::ID;
use super::rows::{Prepared, prepare};
use super::run::Position;
use crate::access::{Create, Permit, Update};
use crate::domain::import::{Mode, Plan, Row};
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::record::{Hand, Record, keepsake};
use crate::store::{Change, ChangeRow, Conflict, FaultRow, ImportRow};

/// Most runs of one chunk after conflicts.
const MAX_RUNS: usize = 16;

/// Runs chunks of one import.
pub struct Chunks<'a> {
    run: &'a JobRun,
    import: &'a ImportRow,
    plan: &'a Plan,
    catalog: Arc<Catalog>,
    object: Arc<Object>,
    create: Option<Permit<Create>>,
    update: Option<Permit<Update>>,
}

/// What came of an attempt at some rows.
enum Attempt {
    /// They are done.
    Done,
    /// They cannot all be stored at once.
    Refused(FieldError),
}

/// The records that rows refer to.
struct Known {
    by_key: HashMap<String, Record>,
    holders: HashMap<usize, HashMap<String, Uuid>>,
    links: HashMap<String, HashMap<String, Result<Uuid, String>>>,
}

impl<'a> Chunks<'a> {
    /// For this import, with the rights of who started it.
    pub async fn new(run: &'a JobRun, import: &'a ImportRow, plan: &'a Plan) -> Result<Self, JobFault> {
        let catalog = run.app.catalog_of(&run.caller).await?;
        let object = catalog.schema.object(&import.object);
        let object = Arc::clone(object.ok_or_else(|| AppError::UnknownObject(import.object.clone()))?);
        let access = &run.app.access;
        let (creates, updates) = (plan.options.mode != Mode::Update, plan.options.mode != Mode::Create);
        let create = if creates { Some(access.check::<Create>(&run.caller, &object)?) } else { None };
        let update = if updates { Some(access.check::<Update>(&run.caller, &object)?) } else { None };
        Ok(Self { run, import, plan, catalog, object, create, update })
    }

    /// Stores these rows, in order, in as few commits as possible.
    pub async fn run(&mut self, rows: &[Row], position: &mut Position) -> Result<(), JobFault> {
        // What modules, fields and rights there are may change while a long import runs.
        *self = Self::new(self.run, self.import, self.plan).await?;
        let prepared: Vec<Prepared> = rows.iter().map(|row| prepare(&self.object, self.plan, row)).collect();
        let mut left = vec![&prepared[..]];
        while let Some(slice) = left.pop() {
            match self.attempt(slice, None, position).await? {
                Attempt::Done => {}
                Attempt::Refused(fault) if slice.len() == 1 => {
                    self.attempt(slice, Some(fault), position).await?;
                }
                Attempt::Refused(_) => {
                    let (first, second) = slice.split_at(slice.len() / 2);
                    left.extend([second, first]);
                }
            }
        }
        Ok(())
    }

    /// Tries to store rows at once, again after conflicts. With a fault, the one row is only noted.
    async fn attempt(
        &self,
        rows: &[Prepared],
        fault: Option<FieldError>,
        position: &mut Position,
    ) -> Result<Attempt, JobFault> {
        let app = &self.run.app;
        let mut held = app.lanes.hold_none();
        for _ in 0..MAX_RUNS {
            let work = Arc::new(Work::begin(app, &self.run.caller, &self.catalog, held.lanes()));
            let mut next = position.clone();
            let mut batch = Batch::default();
            if let Some(fault) = &fault {
                batch.faults.push(rows[0].refused(std::slice::from_ref(fault)));
            } else {
                let staged = self.stage(&work, rows, &mut batch, &mut next).await;
                let staged = match staged {
                    Ok(()) => settle_all(&work).await.map_err(JobFault::App),
                    Err(error) => Err(error),
                };
                let contended = work.contended().await;
                match (staged, contended) {
                    (_, Some((object, id))) => {
                        held.join((self.run.caller.tenant, object, id)).await;
                        continue;
                    }
                    (Ok(()), None) => {}
                    (Err(JobFault::App(error)), None) => match error.refusal() {
                        Some(fault) => return Ok(Attempt::Refused(fault)),
                        None => return Err(error.into()),
                    },
                    (Err(lost), None) => return Err(lost),
                }
            }
            let mut unit = work.finish(None).await;
            if self.plan.options.dry_run {
                unit.reads.clear();
                unit.writes.clear();
                unit.events.clear();
                unit.audit.clear();
            }
            next.row = rows.last().map_or(next.row, |row| row.number);
            next.count("failed", batch.faults.len());
            let changes: Vec<ChangeRow> = unit.writes.iter().filter_map(|write| batch.change(write)).collect();
            let (tenant, import) = (self.run.caller.tenant, self.import.id);
            unit.further.extend(app.store.add_changes(App::work_permit(), tenant, import, &changes));
            let faults = app.faults_to_keep(tenant, &self.object, import, batch.faults).await?;
            unit.further.extend(app.store.add_faults(App::work_permit(), tenant, import, &faults));
            let checkpoint = serde_json::to_value(&next).unwrap_or_default();
            unit.further.push(self.run.advance(&next.progress(false), &checkpoint));
            match app.store.commit(&unit).await {
                Ok(()) => {
                    *position = next;
                    return Ok(Attempt::Done);
                }
                Err(Conflict::Changed { object, id }) => held.join((tenant, object, id)).await,
                Err(Conflict::Busy | Conflict::Answered) => {}
                Err(Conflict::Duplicate) => {
                    let message = "a unique value belongs to another record";
                    return Ok(Attempt::Refused(FieldError::new("", "duplicate", message)));
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(AppError::Contended.into())
    }

    /// Stages what rows want; a row that cannot be is noted and left out.
    async fn stage(
        &self,
        work: &Arc<Work>,
        rows: &[Prepared],
        batch: &mut Batch,
        position: &mut Position,
    ) -> Result<(), JobFault> {
        let mut known = self.look_up(rows).await?;
        for row in rows {
            let wanted = match &row.content {
                Err(faults) => {
                    batch.faults.push(row.refused(faults));
                    continue;
                }
                Ok(wanted) => wanted,
            };
            let mut faults = Vec::new();
            let mut fields = wanted.fields.clone();
            for (field, text) in &wanted.links {
                match known.links.get(field).and_then(|found| found.get(text)) {
                    Some(Ok(id)) => {
                        fields.insert(field.clone(), Json::from(id.to_string()));
                    }
                    Some(Err(message)) => faults.push(FieldError::new(field, "unknown_record", message)),
                    None => faults.push(FieldError::new(field, "unknown_record", "is not there")),
                }
            }
            let key = self.plan.options.key.as_ref().filter(|_| self.plan.options.mode != Mode::Create);
            let key = key.and_then(|key| {
                let json = if key == ID { wanted.id.as_ref() } else { fields.get(key) };
                read(&self.object, key, json?).map(|value| text_of(&value))
            });
            let current = key.as_ref().and_then(|key| known.by_key.get(key)).cloned();
            let is_new = current.is_none();
            if is_new && self.plan.options.mode == Mode::Update {
                faults.push(FieldError::new(
                    self.plan.options.key.as_deref().unwrap_or_default(),
                    "unknown_record",
                    "there is no record of this key",
                ));
            }
            if !is_new {
                fields.extend(wanted.cleared.iter().map(|name| (name.clone(), Json::Null)));
            }
            let uniques = self.uniques(&fields);
            for (place, text) in &uniques {
                let holder = known.holders.get(place).and_then(|holders| holders.get(text));
                if holder.is_some_and(|holder| current.as_ref().is_none_or(|current| current.id != *holder)) {
                    let name = self.object.fields[*place].name();
                    faults.push(FieldError::new(name, "taken", "belongs to another record"));
                }
            }
            if !faults.is_empty() {
                batch.faults.push(row.refused(&faults));
                continue;
            }
            let stored = match self.store_row(work, current.clone(), &fields).await {
                Ok(stored) => stored,
                Err(AppError::Invalid(faults)) => {
                    batch.faults.push(row.refused(&faults));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match &current {
                None => position.count("created", 1),
                Some(before) if before.values == stored.values => position.count("unchanged", 1),
                Some(before) => {
                    position.count("updated", 1);
                    batch.befores.entry(before.id).or_insert_with(|| before.clone());
                }
            }
            batch.own.insert(stored.id);
            for (place, text) in uniques {
                known.holders.entry(place).or_default().insert(text, stored.id);
            }
            if let Some(key) = key {
                known.by_key.insert(key, stored);
            }
        }
        Ok(())
    }

    async fn store_row(
        &self,
        work: &Work,
        current: Option<Record>,
        fields: &Map<String, Json>,
    ) -> Result<Record, AppError> {
        let denied = || AppError::Refused("the import may not do this".to_owned());
        match current {
            None => {
                let permit = self.create.clone().ok_or_else(denied)?;
                work.create(permit, fields, Hand::Caller).await
            }
            Some(current) => {
                let permit = self.update.clone().ok_or_else(denied)?;
                work.update(permit, current, fields, Hand::Caller).await
            }
        }
    }

    /// The unique values of a row, by the place of their field.
    fn uniques(&self, fields: &Map<String, Json>) -> Vec<(usize, String)> {
        let unique = self.object.fields.iter().enumerate().filter(|(_, field)| field.def.unique);
        unique
            .filter_map(|(place, field)| {
                let value = read(&self.object, field.name(), fields.get(field.name())?)?;
                Some((place, text_of(&value)))
            })
            .collect()
    }

    /// Reads what the rows refer to.
    async fn look_up(&self, rows: &[Prepared]) -> Result<Known, JobFault> {
        let wanted: Vec<_> = rows.iter().filter_map(|row| row.content.as_ref().ok()).collect();
        let mut known = Known { by_key: HashMap::new(), holders: HashMap::new(), links: HashMap::new() };
        let values = |name: &str| {
            let jsons = wanted.iter().filter_map(|row| if name == ID { row.id.as_ref() } else { row.fields.get(name) });
            jsons.filter_map(|json| read(&self.object, name, json)).collect::<Vec<_>>()
        };
        let key = self.plan.options.key.as_deref().filter(|_| self.plan.options.mode != Mode::Create);
        for (place, field) in self.object.fields.iter().enumerate().filter(|(_, field)| field.def.unique) {
            let found = lookup::find(self.run, &self.object, field.name(), values(field.name())).await?;
            let holders = ids(&found);
            if key == Some(field.name()) {
                known.by_key = firsts(found);
            }
            known.holders.insert(place, holders);
        }
        if key == Some(ID) {
            known.by_key = firsts(lookup::find(self.run, &self.object, ID, values(ID)).await?);
        }
        for column in &self.plan.columns {
            let (Some(name), by) = (&column.field, column.match_by.as_deref()) else { continue };
            if lookup::is_by_id(by) {
                continue;
            }
            let Some((_, _, to)) = self.object.links().find(|(_, field, _)| field.name() == name) else { continue };
            let texts: Vec<&str> = wanted
                .iter()
                .flat_map(|row| row.links.iter().filter(|(field, _)| field == name).map(|(_, text)| text.as_str()))
                .collect();
            let to = lookup::linked(&self.catalog, to)?;
            known.links.insert(name.clone(), lookup::links(self.run, to, by.unwrap_or(ID), &texts).await?);
        }
        Ok(known)
    }
}

/// What comes of the rows of one commit, beside its records.
#[derive(Default)]
struct Batch {
    faults: Vec<FaultRow>,
    befores: HashMap<Uuid, Record>,
    own: std::collections::HashSet<Uuid>,
}

impl Batch {
    /// What is remembered of a write, if the import made it and not a module.
    fn change(&self, write: &crate::store::Write) -> Option<ChangeRow> {
        let record = &write.record;
        if write.plugin().is_some() || !self.own.contains(&record.id) {
            return None;
        }
        match &write.change {
            Change::Create(_) => Some(ChangeRow { record: record.id, version: 1, before: Json::Null }),
            Change::Update { from, .. } => {
                let before = self.befores.get(&record.id)?;
                let settable = before.object.fields.iter().enumerate().filter(|(_, field)| !field.def.read_only);
                let places: Vec<usize> = settable.map(|(place, _)| place).collect();
                let before = Json::Object(keepsake(&before.object, &before.values, &places));
                Some(ChangeRow { record: record.id, version: from + 1, before })
            }
            Change::Delete { .. } | Change::Restore { .. } => None,
        }
    }
}

fn ids(found: &Found) -> HashMap<String, Uuid> {
    found.iter().filter_map(|(text, records)| Some((text.clone(), records.first()?.id))).collect()
}

fn firsts(found: Found) -> HashMap<String, Record> {
    found.into_iter().filter_map(|(text, records)| Some((text, records.into_iter().next()?))).collect()
}
