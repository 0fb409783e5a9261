//! Changing or deleting all records that meet a filter: what is asked for.
//! [`run`] is the job that does it.

mod run;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

pub use run::run;

use super::jobs::JobView;
use super::question::Asker;
use super::{Answer, App, AppError, Catalog, Done, IdempotencyKey};
use crate::access::{Delete, Permit, Permits, Update};
use crate::domain::audit::{self, Note};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::filter::Filter;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::moment::Moment;
use crate::domain::record::{Hand, read_fields};
use crate::domain::seal::Spot;

/// The kind of a job that changes records.
pub const CHANGE: &str = "change_records";
/// The kind of a job that deletes records.
pub const DELETE: &str = "delete_records";

/// What to do with the records that meet a filter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MatchingRequest {
    /// The object.
    pub object: String,
    /// Which records.
    pub filter: Option<Json>,
    /// That all records are meant, when the filter takes them all.
    pub all: bool,
    /// What fields become; none to delete the records.
    pub fields: Option<Map<String, Json>>,
}

/// What is done with each record, and the permit for it.
#[derive(Clone)]
enum Deed {
    Change(Permit<Update>, Map<String, Json>),
    Delete(Permit<Delete>),
}

/// A request that was read.
struct Matching {
    catalog: Arc<Catalog>,
    permits: Permits,
    filter: Filter,
    deed: Deed,
}

impl App {
    /// Queues the job that does what is asked for.
    pub async fn start_matching(
        &self,
        caller: &Caller,
        request: &MatchingRequest,
        key: Option<IdempotencyKey>,
        render: &(dyn Fn(&JobView) -> Answer + Send + Sync),
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let now = self.clock.now();
        let matching = self.read_matching(caller, request, now).await?;
        let object = matching.permits.own().object();
        let kind = if request.fields.is_some() { CHANGE } else { DELETE };
        let mut job = self.new_job(caller, kind, Json::Null, now);
        job.payload = self.payload_of(caller.tenant, job.id, request, object.has_sealed_fields()).await?;
        let steps = vec![self.store.queue_job(Self::work_permit(), &job)];
        // Which fields, never the filter, which holds values.
        let fields = request.fields.as_ref().map(|fields| fields.keys().cloned().collect());
        let fields = fields.unwrap_or_else(|| vec!["*".to_owned()]);
        let note = Note { deed: audit::Deed::Change, object: object.name.clone(), record: None, fields, plugin: None };
        let done = self.commit_once(caller, key, render(&JobView::of_new(&job)), steps, vec![note], false).await?;
        self.job_queued();
        Ok(done)
    }

    /// What is kept of a request while its job waits: sealed, when it may hold values of encrypted fields.
    async fn payload_of(
        &self,
        tenant: TenantId,
        job: Uuid,
        request: &MatchingRequest,
        is_secret: bool,
    ) -> Result<Json, AppError> {
        let json = serde_json::to_value(request).unwrap_or_default();
        if is_secret { self.seal_json(tenant, &spot(tenant, job), &json).await } else { Ok(json) }
    }

    /// How many records meet the filter of a request.
    pub async fn count_matching(&self, caller: &Caller, request: &MatchingRequest) -> Result<i64, AppError> {
        let matching = self.read_matching(caller, request, self.clock.now()).await?;
        Ok(self.store.count(&matching.permits, Some(&matching.filter)).await?)
    }

    /// Reads a request; everything that is wrong with it is told at once. `at` is what `$now` means.
    async fn read_matching(
        &self,
        caller: &Caller,
        request: &MatchingRequest,
        at: Timestamp,
    ) -> Result<Matching, AppError> {
        let asker = self.asker(caller, &request.object).await?;
        let object = asker.permit.object();
        let mut faults = Vec::new();
        let deed = match &request.fields {
            None => Deed::Delete(self.access.check::<Delete>(caller, object)?),
            Some(fields) => {
                let permit = self.access.check::<Update>(caller, object)?;
                if fields.is_empty() {
                    faults.push(FieldError::new("fields", "required", "says what fields become"));
                }
                if let Err(wrong) = read_fields(object, fields, Hand::Caller) {
                    let within = |fault: FieldError| FieldError { field: format!("fields.{}", fault.field), ..fault };
                    faults.extend(wrong.into_iter().map(within));
                }
                Deed::Change(permit, fields.clone())
            }
        };
        match matching_filter(&asker, request, at) {
            Ok(filter) if faults.is_empty() => {
                let permits = asker.permits(Some(&filter));
                Ok(Matching { catalog: asker.catalog, permits, filter, deed })
            }
            Ok(_) => Err(AppError::Invalid(faults)),
            Err(wrong) => Err(AppError::Invalid(faults.into_iter().chain(wrong).collect())),
        }
    }
}

/// Where the request of a job is kept.
fn spot(tenant: TenantId, job: Uuid) -> Spot {
    Spot::kept(tenant, "job", &[job.as_bytes()])
}

/// Reads the filter of a request.
fn matching_filter(asker: &Asker, request: &MatchingRequest, at: Timestamp) -> Result<Filter, Vec<FieldError>> {
    let needed = |message: &str| vec![FieldError::new("filter", "required", message)];
    let json = request.filter.as_ref().filter(|json| !json.is_null());
    let json = json.ok_or_else(|| needed("says which records"))?;
    let moment = Moment { at, timezone: asker.catalog.timezone };
    let filter = asker.scoped(moment, |scope| Filter::parse(scope, json))?;
    if takes_all(&filter) && !request.all {
        return Err(needed("takes all records: say `\"all\": true` if that is meant"));
    }
    Ok(filter)
}

/// Whether a filter has no condition at all.
fn takes_all(filter: &Filter) -> bool {
    matches!(filter, Filter::And(parts) if parts.iter().all(takes_all))
}
