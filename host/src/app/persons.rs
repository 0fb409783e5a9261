//! People as a whole: whatever is kept of one is taken out as a file, or erased for good. The jobs are
//! [`export`] and [`erase`]; [`gather`] finds what they are about.

mod calls;
mod erase;
mod export;
mod gather;
mod letting;
mod sweep;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

pub use erase::{Tally, run as erase};
pub use export::run as export;

use super::blobs::Outgoing;
use super::jobs::JobView;
use super::people::RenderView;
use super::{App, AppError, Catalog, Done, IdempotencyKey};
use crate::access::{Access, Acting, Configure, Delete, Export};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::job::JobState;
use crate::domain::object::Object;
use crate::domain::permission::Area;
use crate::store::{ErasureRow, JobRow};

/// The kind of a job that takes out what is kept of a person.
pub const EXPORT_PERSON: &str = "export_person";
/// The kind of a job that erases a person.
pub const ERASE_PERSON: &str = "erase_person";

/// Whom a job is about, and who asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wish {
    object: String,
    id: Uuid,
    by: Uuid,
}

/// An export of a person that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonExport {
    /// The job that writes the file.
    pub job: JobView,
    /// Where the file is once the job is done, for who asked for it.
    pub file: String,
}

/// What erasing a person would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErasurePlan {
    /// By object.
    pub objects: BTreeMap<String, ErasureCount>,
}

/// What erasing a person does with the records of one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasureCount {
    /// Records that are removed for good.
    pub removed: u64,
    /// Records that stay without the person, and without what is personal in them.
    pub kept: u64,
}

impl ErasurePlan {
    fn of(rows: &[ErasureRow]) -> Self {
        let mut objects: BTreeMap<String, ErasureCount> = BTreeMap::new();
        for row in rows {
            objects.entry(row.object.clone()).or_default().count(row.is_removed);
        }
        Self { objects }
    }
}

impl ErasureCount {
    fn count(&mut self, is_removed: bool) {
        *(if is_removed { &mut self.removed } else { &mut self.kept }) += 1;
    }
}

impl App {
    /// Queues the job that takes out everything that is kept of a person.
    pub async fn start_person_export(
        &self,
        caller: &Caller,
        (object, id): (&str, Uuid),
        key: Option<IdempotencyKey>,
        render: &RenderView<PersonExport>,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        self.person::<Export>(caller, object, id).await?;
        let wish = Wish { object: object.to_owned(), id, by: caller.me() };
        let job = self.new_job(caller, EXPORT_PERSON, json!(wish), self.clock.now());
        let file = format!("/api/v1/person-exports/{}/file", job.id);
        let view = PersonExport { job: JobView::of_new(&job), file };
        let steps = vec![self.store.queue_job(Self::work_permit(), &job)];
        let note = Note::of_all(Deed::Export, object, Some(id), "person");
        let done = self.commit_once(caller, key, render(&view), steps, vec![note], false).await?;
        self.job_queued();
        Ok(done)
    }

    /// The file of an export of a person, for who asked for it.
    pub async fn person_file(self: &Arc<Self>, caller: &Caller, id: Uuid) -> Result<Outgoing, AppError> {
        self.access.check_area::<Configure>(caller, Area::Privacy)?;
        let missing = || AppError::no_record("export", &id);
        let job = self.store.job_of(Self::work_permit(), caller.tenant, id).await?.ok_or_else(missing)?;
        let wish = wish_of(&job).filter(|wish| job.kind == EXPORT_PERSON && wish.by == caller.me());
        let wish = wish.ok_or_else(missing)?;
        if job.state != JobState::Done {
            return Err(AppError::Refused(format!("the export is {}, not done", job.state.name())));
        }
        let blob = job.result["file"].as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default();
        let row = self.store.blob(Self::work_permit(), caller.tenant, blob).await?.ok_or_else(missing)?;
        self.note(caller, vec![Note::of_all(Deed::Read, &wish.object, Some(wish.id), "person")]).await?;
        Ok(self.give_out(caller.tenant, blob, row))
    }

    /// What erasing a person would do.
    pub async fn plan_erasure(&self, caller: &Caller, object: &str, id: Uuid) -> Result<ErasurePlan, AppError> {
        self.person::<Delete>(caller, object, id).await?;
        let catalog = self.catalog_of_all(caller).await?;
        let found = self.gather(caller, &catalog, object, id).await?;
        Ok(ErasurePlan::of(&found.rows()))
    }

    /// Queues the job that erases a person; `confirmed` has to be its id, so that nobody does so by mistake.
    pub async fn start_erasure(
        &self,
        caller: &Caller,
        (object, id): (&str, Uuid),
        confirmed: Option<Uuid>,
        key: Option<IdempotencyKey>,
        render: &RenderView<JobView>,
    ) -> Result<Done, AppError> {
        // First, since who was erased is not there any more when the same is asked again.
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        self.person::<Delete>(caller, object, id).await?;
        if confirmed != Some(id) {
            let message = "has to be the id of the person: what is erased cannot be brought back";
            return Err(AppError::invalid("confirm", "required", message));
        }
        let wish = Wish { object: object.to_owned(), id, by: caller.me() };
        let job = self.new_job(caller, ERASE_PERSON, json!(wish), self.clock.now());
        let steps = vec![self.store.queue_job(Self::work_permit(), &job)];
        let note = Note::of_all(Deed::Erase, object, Some(id), "person");
        let done = self.commit_once(caller, key, render(&JobView::of_new(&job)), steps, vec![note], false).await?;
        self.job_queued();
        Ok(done)
    }

    /// Whether the caller may do this with everything that is kept of a person, be its record deleted or not.
    async fn person<A: Acting>(&self, caller: &Caller, name: &str, id: Uuid) -> Result<(), AppError> {
        let readable = self.reader(caller, name).await?;
        match self.existing(&readable, id).await {
            Err(AppError::NotFound { .. }) if self.store.get_deleted(&readable, id).await?.is_some() => {}
            other => drop(other?),
        }
        let object = readable.object();
        let permits = (
            self.access.check::<A>(caller, object)?,
            self.access.check::<Export>(caller, object)?,
            self.access.check_area::<Configure>(caller, Area::Privacy)?,
        );
        if !self.store.is_within(&permits.0, id).await? {
            return Err(Access::not_this(&permits.0).into());
        }
        if !self.store.is_within(&permits.1, id).await? {
            return Err(Access::not_this(&permits.1).into());
        }
        if !object.person {
            return Err(AppError::Refused(format!("`{name}` is no object of people: its definition does not say so")));
        }
        Ok(())
    }

    /// All that the tenant has and ever had: what is retired, too.
    async fn catalog_of_all(&self, caller: &Caller) -> Result<Arc<Catalog>, AppError> {
        let modules = self.store.modules_of(Self::work_permit(), caller.tenant).await?;
        let (version, own) = self.own_schema(caller.tenant).await?;
        let catalog = self.build_catalog(caller.tenant, modules, version, own.whole()).await?;
        Ok(Arc::new(catalog))
    }
}

fn wish_of(job: &JobRow) -> Option<Wish> {
    serde_json::from_value(job.payload.clone()).ok()
}

fn object_of<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Arc<Object>, AppError> {
    catalog.schema.object(name).ok_or_else(|| AppError::UnknownObject(name.to_owned()))
}
