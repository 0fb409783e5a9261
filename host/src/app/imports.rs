//! Imports: a file, a plan for it, and the jobs that carry it out or undo it.

mod chunk;
mod errors;
mod file;
mod lookup;
mod plan;
mod rows;
mod run;
mod secrets;
mod undo;

use serde_json::{Value as Json, json};
use uuid::Uuid;

pub use plan::{delimiter as delimiter_of, encoding as encoding_of};
pub use run::run;
pub use undo::run as undo;

use super::blobs::{Incoming, KEPT_MICROS, MAX_FILE};
use super::jobs::{JobView, of_conflict};
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Create, Delete, Denied, Import, Update};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::import::detect::{Hints, detect};
use crate::domain::import::{Format, Mode, Options, Plan};
use crate::domain::invalid::FieldError;
use crate::domain::job::JobState;
use crate::store::{ImportRow, JobRow};

/// The kind of the job that runs an import.
pub const IMPORT: &str = "import";
/// The kind of the job that undoes one.
pub const UNDO: &str = "undo_import";
/// How long an import can be looked at and undone.
const IMPORT_KEPT_MICROS: i64 = 30 * 24 * 3_600 * 1_000_000;
/// Records that could not be put back that are listed.
const LISTED: u32 = 1_000;

/// A file that somebody sends.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The object of its records.
    pub object: String,
    /// What it is made of.
    pub format: Format,
    /// Its name.
    pub name: String,
    /// Whether it is to run at once.
    pub start: bool,
    /// What is known of its form.
    pub hints: Hints,
    /// How rows become records.
    pub options: Options,
}

/// An import as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ImportView {
    /// Its id.
    pub id: Uuid,
    /// The object of its records.
    pub object: String,
    /// `csv`, `jsonl` or `vcard`.
    pub format: String,
    /// Name of the file.
    pub name: String,
    /// How the file is read, and where its columns go.
    #[serde(flatten)]
    pub plan: Plan,
    /// The job that runs it, once it is started.
    pub job: Option<JobView>,
    /// The job that undoes it.
    pub undo: Option<JobView>,
    /// Records that could not be put back, because they were changed since; 1,000 at most.
    pub not_undone: Vec<Uuid>,
    /// When it was sent.
    pub created_at: String,
    /// When it is forgotten; its file is after a week.
    pub expires_at: String,
}

/// Makes the answer that is kept for a retry.
pub type RenderImport = dyn Fn(&ImportView) -> Answer + Send + Sync;

/// An import with its jobs.
struct Loaded {
    row: ImportRow,
    plan: Plan,
    job: Option<JobRow>,
    undo: Option<JobRow>,
}

impl App {
    /// Takes a file in and looks at it. The key's fingerprint gains the file's hash here.
    pub async fn create_import(
        &self,
        caller: &Caller,
        upload: Upload,
        bytes: Incoming,
        key: Option<IdempotencyKey>,
        render: &RenderImport,
    ) -> Result<Done, AppError> {
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(&upload.object);
        let object = object.ok_or_else(|| AppError::UnknownObject(upload.object.clone()))?;
        self.access.check::<Import>(caller, object)?;
        self.access.check::<Create>(caller, object)?;
        let file = self.take_in(caller.tenant, bytes, MAX_FILE).await?;
        let key = key.map(|key| key.with(&file.hash));
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let found = detect(&file.head, file.row.parts <= 1, upload.format, &upload.hints);
        let found = found.map_err(|fault| AppError::Invalid(vec![FieldError { field: "file".to_owned(), ..fault }]))?;
        let plan = plan::propose(&catalog.schema, object, found, upload.options);
        let faults = plan::faults(&catalog.schema, object, &plan, upload.start);
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let now = self.clock.now();
        let after = |micros| Timestamp::from_micros(now.micros() + micros);
        let mut row = ImportRow {
            id: self.ids.make(),
            object: object.name.clone(),
            format: upload.format.name().to_owned(),
            name: upload.name,
            blob: file.id,
            plan: Json::Null,
            revision: 1,
            job: None,
            undo_job: None,
            created_at: now,
            expires_at: after(IMPORT_KEPT_MICROS),
            created_by: Some(caller.me()),
        };
        row.plan = self.plan_to_keep(caller.tenant, object, row.id, &plan).await?;
        let permit = Self::work_permit();
        let mut steps = vec![self.store.set_blob(permit, caller.tenant, file.id, file.row, after(KEPT_MICROS))];
        let mut job = None;
        if upload.start {
            let new = self.new_job(caller, IMPORT, payload(row.id, &plan), now);
            row.job = Some(new.id);
            steps.push(self.store.queue_job(permit, &new));
            job = Some(JobView::of_new(&new));
        }
        steps.push(self.store.add_import(permit, caller.tenant, &row));
        let answer = render(&view(&row, plan, job, None, Vec::new()));
        let note = Note::of_all(Deed::Import, &object.name, None, if upload.start { "started" } else { "file" });
        let done = self.commit_once(caller, key, answer, steps, vec![note], object.has_sealed_fields()).await?;
        self.job_queued();
        Ok(done)
    }

    /// An import of the tenant.
    pub async fn import(&self, caller: &Caller, id: Uuid) -> Result<ImportView, AppError> {
        let loaded = self.load_import(caller, id).await?;
        let kept = match &loaded.undo {
            Some(_) => self.store.changes(Self::work_permit(), caller.tenant, id, true, LISTED).await?,
            None => Vec::new(),
        };
        let kept = kept.iter().map(|change| change.record).collect();
        let job = |row: &Option<JobRow>| row.as_ref().map(JobView::from);
        Ok(view(&loaded.row, loaded.plan, job(&loaded.job), job(&loaded.undo), kept))
    }

    async fn load_import(&self, caller: &Caller, id: Uuid) -> Result<Loaded, AppError> {
        let permit = Self::work_permit();
        let row = self.store.import(permit, caller.tenant, id).await?;
        let row = row.ok_or_else(|| AppError::no_record("import", &id))?;
        let is_own = row.created_by == Some(caller.me());
        let readable = match self.reader(caller, &row.object).await {
            Err(AppError::Denied(Denied::Role { .. })) if !is_own => return Err(AppError::no_record("import", &id)),
            readable => readable?,
        };
        // Who sees some records or fields only does not see what somebody else brought in.
        let is_limited = readable.rows().filter().is_some() || !readable.object().hidden.is_empty();
        if is_limited && !is_own {
            return Err(AppError::no_record("import", &id));
        }
        let plan = self.plan_of(caller.tenant, &row).await?;
        let mut jobs = [None, None];
        for (at, job) in [row.job, row.undo_job].into_iter().enumerate() {
            if let Some(job) = job {
                jobs[at] = self.store.job_of(permit, caller.tenant, job).await?;
            }
        }
        let [job, undo] = jobs;
        Ok(Loaded { row, plan, job, undo })
    }

    /// Changes the plan of an import that has not run, or only to try it.
    pub async fn change_import(
        &self,
        caller: &Caller,
        id: Uuid,
        body: &serde_json::Map<String, Json>,
    ) -> Result<ImportView, AppError> {
        let Loaded { mut row, plan, job, undo } = self.load_import(caller, id).await?;
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(&row.object);
        let object = object.ok_or_else(|| AppError::UnknownObject(row.object.clone()))?;
        self.access.check::<Import>(caller, object)?;
        self.access.check::<Create>(caller, object)?;
        if job.as_ref().is_some_and(|job| !job.state.is_over() || !is_trial(job)) || undo.is_some() {
            return Err(AppError::Refused("the import has been started: its plan stays as it is".to_owned()));
        }
        let blob = self.store.blob(Self::work_permit(), caller.tenant, row.blob).await?;
        let is_sealed = blob.is_some_and(|blob| blob.is_sealed);
        let head = self.read_part(caller.tenant, row.blob, 0, is_sealed).await?;
        let is_whole = blob.is_some_and(|blob| blob.parts <= 1);
        let format = Format::find(&row.format).unwrap_or(Format::Csv);
        let plan = plan::change(&catalog.schema, object, plan, body, |hints| {
            detect(head.as_deref().unwrap_or_default(), is_whole, format, hints)
        })?;
        row.plan = self.plan_to_keep(caller.tenant, object, row.id, &plan).await?;
        let mut steps = vec![self.store.set_import(Self::work_permit(), caller.tenant, &row)];
        steps.extend(self.noted(caller, Note::of_all(Deed::Import, &object.name, None, "plan")));
        self.commit_steps(caller.tenant, steps).await.map_err(of_conflict)?;
        self.import(caller, id).await
    }

    /// Starts an import; one that failed or was cancelled goes on where it was.
    pub async fn start_import(
        &self,
        caller: &Caller,
        id: Uuid,
        options: Option<&serde_json::Map<String, Json>>,
        key: Option<IdempotencyKey>,
        render: &RenderImport,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let Loaded { mut row, mut plan, job, undo } = self.load_import(caller, id).await?;
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(&row.object);
        let object = object.ok_or_else(|| AppError::UnknownObject(row.object.clone()))?;
        self.access.check::<Import>(caller, object)?;
        self.access.check::<Create>(caller, object)?;
        let goes_on = job.as_ref().is_some_and(|job| !is_trial(job));
        let refused = |text: &str| Err(AppError::Refused(text.to_owned()));
        match &job {
            _ if undo.is_some() => return refused("the import was undone"),
            Some(job) if !job.state.is_over() => return refused("the import is running"),
            Some(job) if goes_on && job.state == JobState::Done => return refused("the import is done"),
            _ => {}
        }
        if let Some(options) = options.filter(|options| !options.is_empty()) {
            if goes_on {
                return refused("the import has been started: its plan stays as it is");
            }
            plan.options = plan::options(&plan.options, options)?;
        }
        let faults = plan::faults(&catalog.schema, object, &plan, true);
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        if plan.options.mode != Mode::Create {
            self.access.check::<Update>(caller, object)?;
        }
        let permit = Self::work_permit();
        let mut new = self.new_job(caller, IMPORT, payload(row.id, &plan), self.clock.now());
        let mut steps = Vec::new();
        match job {
            Some(job) if goes_on => new.checkpoint = job.checkpoint,
            _ => steps.push(self.store.forget_faults(permit, caller.tenant, id)),
        }
        row.job = Some(new.id);
        row.plan = self.plan_to_keep(caller.tenant, object, row.id, &plan).await?;
        steps.push(self.store.queue_job(permit, &new));
        steps.push(self.store.set_import(permit, caller.tenant, &row));
        let answer = render(&view(&row, plan, Some(JobView::of_new(&new)), None, Vec::new()));
        let note = Note::of_all(Deed::Import, &object.name, None, "started");
        let done = self.commit_once(caller, key, answer, steps, vec![note], object.has_sealed_fields()).await?;
        self.job_queued();
        Ok(done)
    }

    /// Undoes an import: what it made is deleted, what it changed is put back,
    /// where nobody has changed it since.
    pub async fn undo_import(
        &self,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        render: &RenderImport,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let Loaded { mut row, plan, job, undo } = self.load_import(caller, id).await?;
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(&row.object);
        let object = object.ok_or_else(|| AppError::UnknownObject(row.object.clone()))?;
        self.access.check::<Delete>(caller, object)?;
        self.access.check::<Update>(caller, object)?;
        let refused = |text: &str| Err(AppError::Refused(text.to_owned()));
        match (&job, &undo) {
            (None, _) => return refused("the import has not run"),
            (Some(job), _) if is_trial(job) => return refused("the import was only tried"),
            (Some(job), _) if !job.state.is_over() => return refused("the import is running: cancel it first"),
            (_, Some(undo)) if undo.state == JobState::Done => return refused("the import was undone"),
            (_, Some(undo)) if !undo.state.is_over() => return refused("the import is being undone"),
            _ => {}
        }
        let permit = Self::work_permit();
        let mut new = self.new_job(caller, UNDO, payload(row.id, &plan), self.clock.now());
        if let Some(undo) = undo {
            new.checkpoint = undo.checkpoint;
        }
        row.undo_job = Some(new.id);
        let steps = vec![self.store.queue_job(permit, &new), self.store.set_import(permit, caller.tenant, &row)];
        let job = job.as_ref().map(JobView::from);
        let answer = render(&view(&row, plan, job, Some(JobView::of_new(&new)), Vec::new()));
        let note = Note::of_all(Deed::Import, &object.name, None, "undone");
        let done = self.commit_once(caller, key, answer, steps, vec![note], object.has_sealed_fields()).await?;
        self.job_queued();
        Ok(done)
    }
}

/// Options as they stand in parameters.
pub fn options_of(members: &serde_json::Map<String, Json>) -> Result<Options, AppError> {
    plan::options(&Options::default(), members)
}

/// Whether the job only tried the import.
fn is_trial(job: &JobRow) -> bool {
    job.payload["dry_run"] == json!(true)
}

fn payload(import: Uuid, plan: &Plan) -> Json {
    json!({"import": import, "dry_run": plan.options.dry_run})
}

fn view(row: &ImportRow, plan: Plan, job: Option<JobView>, undo: Option<JobView>, not_undone: Vec<Uuid>) -> ImportView {
    ImportView {
        id: row.id,
        object: row.object.clone(),
        format: row.format.clone(),
        name: row.name.clone(),
        plan,
        job,
        undo,
        not_undone,
        created_at: row.created_at.to_string(),
        expires_at: row.expires_at.to_string(),
    }
}
