//! Computing fields anew for all records of an object.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use uuid::Uuid;

use super::unit_of_work::Work;
use super::{App, AppError, calculate};
use crate::access::{Read, Update};
use crate::domain::caller::Caller;
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::query::Query;
use crate::domain::value::Value;
use crate::store::Conflict;

/// Records of one commit.
const PAGE: u32 = 200;
/// Most tries of one page against others who change its records.
const MAX_TRIES: usize = 20;

/// How many objects are being computed, so that one can wait for the end.
#[derive(Default)]
pub(super) struct Computing(watch::Sender<usize>);

impl App {
    /// Computes the fields of all records of an object anew, in the background.
    pub(super) fn recompute_later(self: &Arc<Self>, caller: &Caller, object: String) {
        let (app, caller) = (Arc::clone(self), caller.clone());
        self.computing.0.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            if let Err(error) = app.recompute(&caller, &object).await {
                tracing::error!(%error, object, "a new field could not be computed for all records");
            }
            app.computing.0.send_modify(|count| *count -= 1);
        });
    }

    /// Ends when nothing is being computed in the background.
    pub async fn computed(&self) {
        // The sender lives as long as the application.
        let _ = self.computing.0.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Computes the fields of all records of an object anew; says how many there are.
    pub(super) async fn recompute(self: &Arc<Self>, caller: &Caller, object: &str) -> Result<u64, AppError> {
        let mut last: Option<Uuid> = None;
        let mut count = 0;
        loop {
            let (page, end) = self.recompute_page(caller, object, last).await?;
            count += page;
            match end {
                Some(id) => last = Some(id),
                None => return Ok(count),
            }
        }
    }

    async fn recompute_page(
        self: &Arc<Self>,
        caller: &Caller,
        object: &str,
        after: Option<Uuid>,
    ) -> Result<(u64, Option<Uuid>), AppError> {
        for _ in 0..MAX_TRIES {
            let catalog = self.catalog(caller.tenant).await?;
            let work = Work::begin(self, caller, &catalog, BTreeSet::new());
            let object = Arc::clone(work.object(object)?);
            let permit = self.access.for_computing::<Read>(caller, &object);
            let filter = after.map(|id| Filter::Compare(Target::Id, Comparison::Greater, Value::Id(id)));
            let query = Query { filter, limit: PAGE, ..Query::default() };
            let records = match work.query(&permit.alone(), &query).await {
                Err(AppError::Contended) => continue,
                records => records?,
            };
            let write = self.access.for_computing::<Update>(caller, &object);
            for record in &records {
                calculate::anew(&work, &write, record.clone()).await?;
            }
            let end = records.last().filter(|_| records.len() == PAGE as usize).map(|record| record.id);
            match self.store.commit(&work.finish(None).await).await {
                Ok(()) => return Ok((records.len() as u64, end)),
                Err(Conflict::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(AppError::Contended)
    }
}
