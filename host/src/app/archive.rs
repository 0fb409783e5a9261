//! Everything of a tenant in one file: a tar of JSON lines and of the contents of files, with a manifest as the last
//! entry. It is made step by step, from a place that is kept between them, and no step holds more than some megabytes.

mod place;
mod sections;

use std::sync::Arc;

use futures_util::stream;
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::blobs::{KEPT_MICROS, Outgoing, PART};
use super::jobs::{JobFault, JobRun, JobView};
use super::operators::Operator;
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{AreaPermit, Export};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::{Caller, Credential};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::job::{JobState, Progress};
use crate::domain::permission::Area;
use crate::store::BlobRow;
use place::Place;

/// The kind of job.
pub const EXPORT_TENANT: &str = "export_tenant";

/// An export of all of a tenant: its job, which has the same id.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantExportView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// How it goes.
    pub job: JobView,
}

/// A tenant that is written into a file, and the right to it.
pub(super) struct Whole {
    permit: AreaPermit<Export>,
    /// In whose name records are read.
    caller: Caller,
}

/// How far a job has come.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Position {
    blob: Uuid,
    parts: i64,
    size: i64,
    #[serde(default)]
    is_sealed: bool,
    place: Option<Place>,
}

impl App {
    /// Queues an export of all of the caller's tenant.
    pub async fn start_tenant_export(
        &self,
        caller: &Caller,
        key: Option<IdempotencyKey>,
        render: &(dyn Fn(&TenantExportView) -> Answer + Send + Sync),
    ) -> Result<Done, AppError> {
        self.access.check_area::<Export>(caller, Area::Tenant)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let job = self.new_job(caller, EXPORT_TENANT, json!({}), self.clock.now());
        let view = TenantExportView { id: job.id, job: JobView::of_new(&job) };
        let steps = vec![self.store.queue_job(Self::work_permit(), &job)];
        let notes = self.notes_of_all(caller.tenant).await?;
        let done = self.commit_once(caller, key, render(&view), steps, notes, false).await?;
        self.job_queued();
        Ok(done)
    }

    /// An export of all of the caller's tenant.
    pub async fn tenant_export(&self, caller: &Caller, id: Uuid) -> Result<TenantExportView, AppError> {
        self.tenant_export_row(caller, id).await.map(|(view, _)| view)
    }

    async fn tenant_export_row(&self, caller: &Caller, id: Uuid) -> Result<(TenantExportView, Json), AppError> {
        self.access.check_area::<Export>(caller, Area::Tenant)?;
        let job = self.store.job_of(Self::work_permit(), caller.tenant, id).await?;
        let job = job.filter(|job| job.kind == EXPORT_TENANT).ok_or_else(|| AppError::no_record("export", &id))?;
        Ok((TenantExportView { id, job: JobView::from(&job) }, job.result))
    }

    /// The file of an export that is done.
    pub async fn tenant_export_file(self: &Arc<Self>, caller: &Caller, id: Uuid) -> Result<Outgoing, AppError> {
        let (view, result) = self.tenant_export_row(caller, id).await?;
        if view.job.state != JobState::Done {
            return Err(AppError::Refused(format!("the export is {}, not done", view.job.state.name())));
        }
        let blob = result["file"].as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default();
        let row = self.store.blob(Self::work_permit(), caller.tenant, blob).await?;
        let row = row.ok_or_else(|| AppError::no_record("file", &blob))?;
        self.note(caller, self.notes_of_all(caller.tenant).await?).await?;
        Ok(self.give_out(caller.tenant, blob, row))
    }

    /// All of a tenant, for the operator, sent as it is read. The tenant may rest.
    pub async fn stream_tenant(self: &Arc<Self>, operator: &Operator, name: &str) -> Result<Outgoing, AppError> {
        let row = self.tenant_row(name).await?;
        if row.is_erasing {
            return Err(AppError::Refused("the tenant is being erased".to_owned()));
        }
        let tenant = row.id;
        let now = self.clock.now();
        let notes = self.notes_of_all(tenant).await?;
        let entries: Vec<_> = notes.into_iter().map(|note| operator.entry(note, now)).collect();
        self.store.add_audit(Self::operate_permit(), tenant, &entries).await?;
        let whole = Whole::of_operator(self, operator, tenant);
        let place = self.archive_start(tenant).await?;
        let start = (Arc::clone(self), whole, Some(place));
        Ok(Box::pin(stream::try_unfold(start, |(app, whole, place)| async move {
            let Some(mut place) = place else { return Ok(None) };
            let bytes = app.archive_step(&whole, &mut place).await?;
            let place = (!place.is_over()).then_some(place);
            Ok::<_, AppError>(Some((bytes, (app, whole, place))))
        })))
    }

    /// What the audit trail says of a file with everything: that it was made, and which noted fields it shows.
    async fn notes_of_all(&self, tenant: TenantId) -> Result<Vec<Note>, AppError> {
        let catalog = self.catalog(tenant).await?;
        let shown = catalog.schema.objects().filter_map(|object| Note::of(Deed::Read, object, None, |_| true, None));
        let all = Note { deed: Deed::Read, ..Note::of_area(Area::Tenant, None, vec!["export".to_owned()]) };
        Ok(std::iter::once(all).chain(shown).collect())
    }
}

impl Whole {
    fn of_operator(app: &App, operator: &Operator, tenant: TenantId) -> Self {
        let caller = Caller {
            tenant,
            credential: Credential::Key(operator.key.unwrap_or_default()),
            member: None,
            company: None,
            roles: Arc::from([]),
            teams: Arc::from([]),
            module: None,
            origin: operator.origin.clone(),
        };
        Self { permit: app.access.operate_area::<Export>(App::operate_permit(), tenant), caller }
    }
}

/// Runs the job: each step becomes parts of the file, in one commit with the place behind it.
pub(super) async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let (app, tenant) = (&run.app, run.caller.tenant);
    let whole =
        Whole { permit: app.access.check_area::<Export>(&run.caller, Area::Tenant)?, caller: run.caller.clone() };
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    if position.blob.is_nil() {
        position.blob = app.ids.make();
        position.is_sealed = app.can_seal();
    }
    let mut place = match position.place.take() {
        Some(place) => place,
        None => app.archive_start(tenant).await?,
    };
    loop {
        run.check_key().await?;
        let bytes = app.archive_step(&whole, &mut place).await?;
        let mut steps = Vec::new();
        for part in bytes.chunks(PART) {
            steps.push(app.part_step(tenant, position.blob, position.parts, part, position.is_sealed).await?);
            position.parts += 1;
        }
        position.size += i64::try_from(bytes.len()).unwrap_or(0);
        let expires_at = Timestamp::from_micros(app.clock.now().micros() + KEPT_MICROS);
        let blob = BlobRow { size: position.size, parts: position.parts, is_sealed: position.is_sealed };
        steps.push(app.store.set_blob(App::work_permit(), tenant, position.blob, blob, expires_at));
        let is_over = place.is_over();
        let done = place.rows() + place.files;
        let progress = Progress { done, total: is_over.then_some(done), counts: place.counts() };
        position.place = Some(place);
        steps.push(run.advance(&progress, &serde_json::to_value(&position).unwrap_or_default()));
        app.commit_steps(tenant, steps).await?;
        place = position.place.take().unwrap_or_default();
        if is_over {
            return Ok(json!({"file": position.blob, "size": position.size, "rows": place.rows(),
                "files": place.files, "expires_at": expires_at.to_string()}));
        }
    }
}
