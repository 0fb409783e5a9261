//! Records end, or let go of a person: as commits like any other, so that roll-ups follow and events say so, but
//! without values in the events and without a module that could refuse.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::gather::{Fate, Found};
use super::{erase::Position, object_of};
use crate::access::{Delete, Read, Update};
use crate::app::calculate;
use crate::app::jobs::{JobFault, JobRun};
use crate::app::staging::key_of;
use crate::app::unit_of_work::Work;
use crate::app::{App, AppError, Catalog};
use crate::domain::person::{erased, personal, redact};
use crate::domain::record::{Changes, Record};
use crate::domain::value::Value;
use crate::store::{Conflict, Unit};

/// Records of one commit.
const AT_ONCE: usize = 100;
/// Most runs of one commit against others who change its records.
const MAX_RUNS: usize = 20;
/// What events call the end of what was erased.
const ERASED: &str = "erased";

/// A record and what is to become of it.
type Doomed<'a> = (&'a (String, Uuid), &'a Fate);

/// Has all records end or let go; says how many there were.
pub async fn let_go(
    run: &JobRun,
    catalog: &Arc<Catalog>,
    found: &Found,
    position: &Position,
) -> Result<usize, JobFault> {
    let gone: HashSet<Uuid> = found.0.iter().filter(|(_, fate)| fate.is_removed).map(|((_, id), _)| *id).collect();
    let open: Vec<Doomed<'_>> = found.0.iter().filter(|(_, fate)| !fate.is_removed || !fate.is_deleted).collect();
    let mut changed = 0;
    for some in open.chunks(AT_ONCE) {
        changed += chunk(run, catalog, some, &gone, position).await?;
    }
    Ok(changed)
}

async fn chunk(
    run: &JobRun,
    catalog: &Arc<Catalog>,
    records: &[Doomed<'_>],
    gone: &HashSet<Uuid>,
    position: &Position,
) -> Result<usize, JobFault> {
    let (app, tenant) = (&run.app, run.caller.tenant);
    let mut held = app.lanes.hold_none();
    for _ in 0..MAX_RUNS {
        let work = Work::begin(app, &run.caller, catalog, held.lanes());
        let staged = stage(&work, records, gone).await;
        if let Some((object, id)) = work.contended().await {
            held.join((tenant, object, id)).await;
            continue;
        }
        staged?;
        let mut unit = work.finish(None).await;
        silence(catalog, &mut unit)?;
        let changed = unit.writes.len() + unit.further.len();
        unit.further.push(position.advance(run));
        match app.store.commit(&unit).await {
            Ok(()) => return Ok(changed),
            Err(Conflict::Changed { object, id }) => held.join((tenant, object, id)).await,
            Err(Conflict::Busy | Conflict::Answered) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(AppError::Contended.into())
}

async fn stage(work: &Work, records: &[Doomed<'_>], gone: &HashSet<Uuid>) -> Result<(), AppError> {
    let access = &work.app.access;
    for ((name, id), fate) in records {
        let object = object_of(&work.catalog, name)?;
        let read = access.for_computing::<Read>(&work.caller, object);
        if fate.is_deleted {
            let Some(mut record) = work.app.store.get_deleted(&read, *id).await? else { continue };
            let changes = changes(&record, gone);
            let places: Vec<usize> = changes.iter().map(|(place, _)| *place).collect();
            if !places.is_empty() {
                record.apply(changes);
                let step = work.app.store.set_deleted(App::work_permit(), work.caller.tenant, &record, &places);
                work.buffer().await.further.push(step);
            }
            continue;
        }
        let Some(record) = work.get(&read, *id).await? else { continue };
        if fate.is_removed {
            work.buffer().await.kinds.insert(key_of(&record), ERASED);
            work.delete(access.for_computing::<Delete>(&work.caller, object), record).await?;
        } else {
            let changes = changes(&record, gone);
            work.apply(access.for_computing::<Update>(&work.caller, object), record, changes).await?;
        }
    }
    calculate::rollups(work).await
}

/// What a record loses that lets go: its links to what is gone, and what is personal.
fn changes(record: &Record, gone: &HashSet<Uuid>) -> Changes {
    let mut changes = Changes::new();
    for (place, field) in record.object.fields.iter().enumerate() {
        let value = &record.values[place];
        if field.is_computed() || !field.linked(value).iter().any(|(_, id)| gone.contains(id)) {
            continue;
        }
        let left = match value {
            Value::Ids(ids) => ids.iter().copied().filter(|id| !gone.contains(id)).collect(),
            _ => Vec::new(),
        };
        // A list that may not be empty keeps the id of who is not there any more.
        if !left.is_empty() || !field.def.required {
            changes.push((place, if left.is_empty() { Value::Null } else { Value::Ids(left) }));
        }
    }
    if !changes.is_empty() {
        let filled = personal(&record.object).into_iter().filter(|&place| !record.values[place].is_null());
        changes.extend(filled.map(|place| (place, Value::Null)));
    }
    changes
}

/// Takes the values out of the events of a commit.
fn silence(catalog: &Catalog, unit: &mut Unit) -> Result<(), AppError> {
    for event in &mut unit.events {
        // What a module says of it may say anything.
        if event.own_type.is_some() {
            event.after = erased();
            continue;
        }
        if event.kind == ERASED {
            (event.before, event.after) = (erased(), serde_json::json!({}));
        } else {
            redact(object_of(catalog, &event.object)?, &mut event.before);
        }
    }
    Ok(())
}
