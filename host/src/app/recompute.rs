//! The job that computes fields anew for all records of an object: in the
//! order of their ids, each commit together with the last id that is done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::jobs::{JobFault, JobRun};
use super::unit_of_work::Work;
use super::{App, AppError, Catalog, calculate};
use crate::access::{Read, Update};
use crate::domain::caller::Caller;
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::job::Progress;
use crate::domain::object::Object;
use crate::domain::query::Query;
use crate::domain::value::Value;
use crate::store::{Conflict, Further};

/// The kind of job.
pub const RECOMPUTE: &str = "recompute";
/// Records of one commit.
const PAGE: u32 = 200;
/// Most runs of one page against others who change its records.
const MAX_RUNS: usize = 20;

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    last: Option<Uuid>,
    records: u64,
}

impl App {
    /// The step that queues the job for an object.
    pub(super) fn recomputing(&self, caller: &Caller, object: &str) -> Further {
        let job = self.new_job(caller, RECOMPUTE, json!({"object": object}), self.clock.now());
        self.store.queue_job(Self::work_permit(), &job)
    }
}

/// Computes all records of the object of a job.
pub async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let name = run.row.payload["object"].as_str().unwrap_or_default();
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    // What this node remembers may be older than the field that is to be computed.
    run.app.catalogs.forget(run.caller.tenant);
    loop {
        let catalog = run.app.catalog(run.caller.tenant).await?;
        // An object that was retired meanwhile needs nothing any more.
        let Some(object) = catalog.schema.object(name) else { break };
        if page(run, &catalog, object, &mut position).await? < PAGE as usize {
            break;
        }
    }
    Ok(json!({"records": position.records}))
}

/// Computes the next records; says how many there were.
async fn page(
    run: &JobRun,
    catalog: &Arc<Catalog>,
    object: &Arc<Object>,
    position: &mut Position,
) -> Result<usize, JobFault> {
    let (app, tenant) = (&run.app, run.caller.tenant);
    let read = app.access.for_computing::<Read>(&run.caller, object);
    let write = app.access.for_computing::<Update>(&run.caller, object);
    let mut held = app.lanes.hold_none();
    for _ in 0..MAX_RUNS {
        let work = Work::begin(app, &run.caller, catalog, held.lanes());
        let filter = position.last.map(|id| Filter::Compare(Target::Id, Comparison::Greater, Value::Id(id)));
        let query = Query { filter, limit: PAGE, ..Query::default() };
        let computed = async {
            let records = work.query(&read.alone(), &query).await?;
            for record in &records {
                calculate::anew(&work, &write, record.clone()).await?;
            }
            Ok::<_, AppError>(records)
        };
        let computed = computed.await;
        if let Some((object, id)) = work.contended().await {
            held.join((tenant, object, id)).await;
            continue;
        }
        let records = computed?;
        let last = records.last().map(|record| record.id).or(position.last);
        let next = Position { last, records: position.records + records.len() as u64 };
        let mut unit = work.finish(None).await;
        let progress = Progress { done: next.records, ..Progress::default() };
        unit.further.push(run.advance(&progress, &serde_json::to_value(&next).unwrap_or_default()));
        match app.store.commit(&unit).await {
            Ok(()) => {
                *position = next;
                return Ok(records.len());
            }
            Err(Conflict::Changed { object, id }) => held.join((tenant, object, id)).await,
            Err(Conflict::Busy | Conflict::Answered) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(AppError::Contended.into())
}
