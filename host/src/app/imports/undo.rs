//! The job that undoes an import. What it made is deleted, what it changed is
//! put back; a record that was changed since stays, and is listed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::super::jobs::{JobFault, JobRun};
use super::super::settle::settle_all;
use super::super::unit_of_work::Work;
use super::super::{App, AppError};
use super::run::import_of;
use crate::access::{Delete, Permit, Read, Update};
use crate::domain::job::Progress;
use crate::domain::object::Object;
use crate::store::{ChangeRow, Conflict};

/// Most records in one commit.
const CHUNK: u32 = 100;
/// Most runs of one chunk after conflicts.
const MAX_RUNS: usize = 16;

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    undone: u64,
    kept: u64,
}

struct Undo<'a> {
    run: &'a JobRun,
    import: uuid::Uuid,
    object: Arc<Object>,
    read: Permit<Read>,
    update: Permit<Update>,
    delete: Permit<Delete>,
}

/// Undoes the import of a job.
pub async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let (import, _) = import_of(run).await?;
    let catalog = run.app.catalog_of(&run.caller).await?;
    let object = catalog.schema.object(&import.object);
    let object = Arc::clone(object.ok_or_else(|| AppError::UnknownObject(import.object.clone()))?);
    let access = &run.app.access;
    let undo = Undo {
        run,
        import: import.id,
        read: access.check::<Read>(&run.caller, &object)?,
        update: access.check::<Update>(&run.caller, &object)?,
        delete: access.check::<Delete>(&run.caller, &object)?,
        object,
    };
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    loop {
        run.check_key().await?;
        let changes = run.app.store.changes(App::work_permit(), run.caller.tenant, import.id, false, CHUNK).await?;
        if changes.is_empty() {
            return Ok(json!({"undone": position.undone, "kept": position.kept}));
        }
        let mut left = vec![&changes[..]];
        while let Some(slice) = left.pop() {
            if undo.attempt(slice, false, &mut position).await? {
                continue;
            }
            if slice.len() == 1 {
                undo.attempt(slice, true, &mut position).await?;
            } else {
                let (first, second) = slice.split_at(slice.len() / 2);
                left.extend([second, first]);
            }
        }
    }
}

impl Undo<'_> {
    /// Undoes changes at once; false when that cannot be. With `keeps`, they are only noted.
    async fn attempt(&self, changes: &[ChangeRow], keeps: bool, position: &mut Position) -> Result<bool, JobFault> {
        let app = &self.run.app;
        let tenant = self.run.caller.tenant;
        let catalog = app.catalog(tenant).await?;
        let mut held = app.lanes.hold_none();
        for _ in 0..MAX_RUNS {
            let work = Arc::new(Work::begin(app, &self.run.caller, &catalog, held.lanes()));
            let mut next = position.clone();
            let mut steps = Vec::new();
            let staged = self.stage(&work, changes, keeps, &mut next, &mut steps).await;
            let staged = match staged {
                Ok(()) => settle_all(&work).await,
                Err(error) => Err(error),
            };
            if let Some((object, id)) = work.contended().await {
                held.join((tenant, object, id)).await;
                continue;
            }
            match staged {
                Ok(()) => {}
                Err(AppError::Hook { .. } | AppError::Cascade(_) | AppError::Invalid(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            let mut unit = work.finish(None).await;
            unit.further = steps;
            let progress = Progress { done: next.undone + next.kept, ..Progress::default() };
            unit.further.push(self.run.advance(&progress, &serde_json::to_value(&next).unwrap_or_default()));
            match app.store.commit(&unit).await {
                Ok(()) => {
                    *position = next;
                    return Ok(true);
                }
                Err(Conflict::Changed { object, id }) => held.join((tenant, object, id)).await,
                Err(Conflict::Busy | Conflict::Answered) => {}
                Err(Conflict::Duplicate) => return Ok(false),
                Err(other) => return Err(other.into()),
            }
        }
        Err(AppError::Contended.into())
    }

    async fn stage(
        &self,
        work: &Work,
        changes: &[ChangeRow],
        keeps: bool,
        position: &mut Position,
        steps: &mut Vec<crate::store::Further>,
    ) -> Result<(), AppError> {
        let store = &self.run.app.store;
        let tenant = self.run.caller.tenant;
        for change in changes {
            let current = work.get(&self.read, change.record).await?;
            let current = current.filter(|record| record.version == change.version && !keeps);
            let Some(current) = current else {
                position.kept += 1;
                steps.push(store.keep_change(App::work_permit(), tenant, self.import, change.record));
                continue;
            };
            match &change.before {
                Json::Object(before) => {
                    debug_assert_eq!(current.object.name, self.object.name);
                    work.put_back(self.update.clone(), current, before).await?;
                }
                _ => work.delete(self.delete.clone(), current).await?,
            }
            position.undone += 1;
            steps.push(store.forget_change(App::work_permit(), tenant, self.import, change.record));
        }
        Ok(())
    }
}
