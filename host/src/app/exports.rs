//! Exports: the records of a list as a file, made by a job or sent as they are read.

mod write;

use std::sync::Arc;

use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::blobs::{KEPT_MICROS, Outgoing, PART};
use super::disclosure::Disclosure;
use super::jobs::{JobFault, JobRun, JobView};
use super::question::Asker;
use super::{Answer, App, AppError, Done, IdempotencyKey, ListRequest};
use crate::access::{Denied, Export, Permits};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::field::FieldType;
use crate::domain::filter::Target;
use crate::domain::invalid::FieldError;
use crate::domain::job::{JobState, Progress};
use crate::domain::object::Object;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::store::BlobRow;
use write::Writer;
pub use write::line;

/// The kind of job.
pub const EXPORT: &str = "export";
/// Records that are read at once.
const PAGE: u32 = 500;

/// What to export.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// The object.
    #[serde(default)]
    pub object: String,
    /// Which records; all when none.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Json>,
    /// The short form of the filter.
    #[serde(skip)]
    pub pairs: Vec<(Vec<String>, String)>,
    /// In which order, as in lists.
    #[serde(default)]
    pub sort: String,
    /// Which fields; all when none.
    #[serde(default)]
    pub fields: Option<Vec<String>>,
    /// `csv` or `jsonl`.
    #[serde(default)]
    pub format: ExportFormat,
    /// What the first row of CSV says.
    #[serde(default)]
    pub header: ExportHeader,
    /// Whether CSV begins with a byte order mark.
    #[serde(default)]
    pub bom: bool,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// RFC 4180.
    #[default]
    Csv,
    /// A JSON object on each line.
    Jsonl,
}

/// What the first row of CSV says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportHeader {
    /// Names of fields.
    #[default]
    Names,
    /// What people read.
    Labels,
}

/// An export as callers see it: what was asked for, and its job, which has the same id.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportView {
    /// Its id.
    pub id: Uuid,
    /// What was asked for.
    pub request: ExportRequest,
    /// How it goes.
    pub job: JobView,
}

impl ExportFormat {
    /// The media type of the file.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl",
        }
    }
}

/// How far an export has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    blob: Uuid,
    parts: i64,
    size: i64,
    rows: u64,
    #[serde(default)]
    is_sealed: bool,
    /// The place of the last record that is in the file.
    place: Option<Vec<Json>>,
}

impl App {
    /// Queues an export.
    pub async fn start_export(
        &self,
        caller: &Caller,
        request: ExportRequest,
        key: Option<IdempotencyKey>,
        render: &(dyn Fn(&ExportView) -> Answer + Send + Sync),
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let asker = self.exporter(caller, &request.object).await?;
        self.read_export(&asker, &request)?;
        let payload = serde_json::to_value(&request).unwrap_or_default();
        let now = self.clock.now();
        let job = self.new_job(caller, EXPORT, payload, now);
        let view = ExportView { id: job.id, request, job: JobView::of_new(&job) };
        let steps = vec![self.store.queue_job(Self::work_permit(), &job)];
        let note = asked(&view.request);
        let done = self.commit_once(caller, key, render(&view), steps, vec![note], false).await?;
        self.job_queued();
        Ok(done)
    }

    /// The caller as one who asks for many records at once: those that both reading and exporting reach.
    pub(super) async fn exporter(&self, caller: &Caller, object: &str) -> Result<Asker, AppError> {
        let mut asker = self.asker(caller, object).await?;
        let exports = self.access.check::<Export>(caller, asker.permit.object())?;
        asker.permit = asker.permit.and(&exports);
        Ok(asker)
    }

    /// An export of the tenant.
    pub async fn export(&self, caller: &Caller, id: Uuid) -> Result<ExportView, AppError> {
        self.export_row(caller, id).await.map(|(view, _)| view)
    }

    async fn export_row(&self, caller: &Caller, id: Uuid) -> Result<(ExportView, Json), AppError> {
        let missing = || AppError::no_record("export", &id);
        let job = self.store.job_of(Self::work_permit(), caller.tenant, id).await?;
        let job = job.filter(|job| job.kind == EXPORT).ok_or_else(missing)?;
        // Of an export that was erased, nothing is left to be shown.
        let request: ExportRequest = serde_json::from_value(job.payload.clone()).map_err(|_| missing())?;
        let permit = match self.exporter(caller, &request.object).await {
            Err(AppError::Denied(Denied::Role { .. })) if job.asker != caller.asker() => return Err(missing()),
            exporter => exporter?.permit,
        };
        // Who sees some records or fields only does not get what somebody else was given.
        let is_limited = permit.rows().filter().is_some() || !permit.object().hidden.is_empty();
        if job.asker != caller.asker() && is_limited {
            return Err(missing());
        }
        Ok((ExportView { id, request, job: JobView::from(&job) }, job.result))
    }

    /// The file of an export that is done.
    pub async fn export_file(
        self: &Arc<Self>,
        caller: &Caller,
        id: Uuid,
    ) -> Result<(ExportFormat, Outgoing), AppError> {
        let (view, result) = self.export_row(caller, id).await?;
        let catalog = self.catalog_of(caller).await?;
        if view.job.state != JobState::Done {
            return Err(AppError::Refused(format!("the export is {}, not done", view.job.state.name())));
        }
        let blob = result["file"].as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default();
        let row = self.store.blob(Self::work_permit(), caller.tenant, blob).await?;
        let row = row.ok_or_else(|| AppError::no_record("file", &blob))?;
        let mut disclosure = Disclosure::new(self, caller);
        disclosure.note(Some(Note::of_all(Deed::Export, &view.request.object, None, "file")));
        if let Some(object) = catalog.schema.object(&view.request.object) {
            let named = view.request.fields.as_ref();
            let is_in =
                |place: usize| named.is_none_or(|names| names.iter().any(|name| name == object.fields[place].name()));
            disclosure.note(Note::of(Deed::Read, object, None, is_in, None));
        }
        disclosure.finish().await?;
        Ok((view.request.format, self.give_out(caller.tenant, blob, row)))
    }

    /// Records as they are read, page by page, however many there are.
    pub async fn stream_export(
        self: &Arc<Self>,
        caller: &Caller,
        request: &ExportRequest,
    ) -> Result<Outgoing, AppError> {
        let asker = self.exporter(caller, &request.object).await?;
        let (permits, query, writer) = self.read_export(&asker, request)?;
        self.note(caller, vec![asked(request)]).await?;
        let (app, caller, request) = (Arc::clone(self), caller.clone(), request.clone());
        let start = (app, permits, Some((query, true)));
        Ok(Box::pin(stream::try_unfold(start, move |(app, mut permits, next): (Arc<Self>, _, _)| {
            let (caller, request, writer) = (caller.clone(), request.clone(), writer.clone());
            async move {
                let Some((mut query, is_first)) = next else { return Ok(None) };
                // Rights may change while somebody reads slowly.
                if !is_first {
                    let caller = app.still(&caller).await?.ok_or(AppError::Unauthenticated)?;
                    let asker = app.exporter(&caller, &request.object).await?;
                    permits = app.read_export(&asker, &request)?.0;
                    if !writer.is_for(asker.permit.object()) {
                        return Err(changed());
                    }
                }
                let mut bytes = if is_first { writer.start() } else { Vec::new() };
                let records = app.exported(&permits, &query, &writer).await?;
                for record in &records {
                    writer.record(record, &mut bytes);
                }
                let last = records.last().filter(|_| records.len() == PAGE as usize);
                query.after = last.map(|record| query.place(record));
                let next = query.after.is_some().then_some((query, false));
                Ok(Some((bytes, (app, permits, next))))
            }
        })))
    }

    /// The next records of an export, as they are written.
    async fn exported(&self, permits: &Permits, query: &Query, writer: &Writer) -> Result<Vec<Record>, AppError> {
        let mut records = self.store.list(permits, query).await?;
        let mut disclosure = Disclosure::new(self, permits.own().caller());
        for record in &mut records {
            disclosure.show(record, Some(writer.targets())).await?;
        }
        disclosure.finish().await?;
        Ok(records)
    }

    /// Reads a request; everything that is wrong with it is told at once.
    fn read_export(&self, asker: &Asker, request: &ExportRequest) -> Result<(Permits, Query, Writer), AppError> {
        let list = ListRequest {
            filter: request.filter.clone(),
            pairs: request.pairs.clone(),
            sort: request.sort.clone(),
            limit: Some(u64::from(PAGE)),
            ..ListRequest::default()
        };
        let object = asker.permit.object();
        let question = self.question(asker, &list, None);
        let targets = targets(object, request.fields.as_deref());
        match (question, targets) {
            (Ok(question), Ok(targets)) => {
                Ok((question.permits, question.query, Writer::new(object, targets, request)))
            }
            (Err(AppError::Invalid(mut faults)), Err(more)) => {
                faults.extend(more);
                Err(AppError::Invalid(faults))
            }
            (Err(error), _) => Err(error),
            (_, Err(faults)) => Err(AppError::Invalid(faults)),
        }
    }
}

/// What the audit trail says of a request: which fields, never the filter, which holds values.
fn asked(request: &ExportRequest) -> Note {
    let fields = request.fields.clone().unwrap_or_else(|| vec!["*".to_owned()]);
    Note { deed: Deed::Export, object: request.object.clone(), record: None, fields, plugin: None }
}

/// Runs the job: each page of records becomes a part of the file, in one
/// commit with the place of its last record.
pub(super) async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let app = &run.app;
    let request: ExportRequest = serde_json::from_value(run.row.payload.clone())
        .map_err(|error| AppError::Setup(format!("the payload of an export: {error}")))?;
    let asker = app.exporter(&run.caller, &request.object).await?;
    let (mut permits, mut query, writer) = app.read_export(&asker, &request)?;
    let tenant = run.caller.tenant;
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    if position.blob.is_nil() {
        position.blob = app.ids.make();
        position.is_sealed = app.can_seal();
    }
    if let Some(place) = &position.place {
        let targets = query.sort.iter().map(|sort| sort.target).chain([Target::Id]);
        let values: Option<Vec<Value>> =
            targets.zip(place).map(|(target, json)| target.parse(permits.own().object(), json).ok()).collect();
        query.after = values;
    }
    loop {
        run.check_key().await?;
        let asker = app.exporter(&run.caller, &request.object).await?;
        permits = app.read_export(&asker, &request)?.0;
        if !writer.is_for(asker.permit.object()) {
            return Err(changed().into());
        }
        let mut bytes = if position.parts == 0 { writer.start() } else { Vec::new() };
        let records = app.exported(&permits, &query, &writer).await?;
        for record in &records {
            writer.record(record, &mut bytes);
        }
        let mut steps = Vec::new();
        for part in bytes.chunks(PART) {
            steps.push(app.part_step(tenant, position.blob, position.parts, part, position.is_sealed).await?);
            position.parts += 1;
        }
        position.size += i64::try_from(bytes.len()).unwrap_or(0);
        position.rows += records.len() as u64;
        let is_over = records.len() < PAGE as usize;
        // After an empty page the place stays: without one, the next runner would begin anew.
        if let Some(last) = records.last() {
            let place = query.place(last);
            position.place = Some(place.iter().map(|value| json!(value)).collect());
            query.after = Some(place);
        }
        let expires_at = Timestamp::from_micros(app.clock.now().micros() + KEPT_MICROS);
        let blob = BlobRow { size: position.size, parts: position.parts, is_sealed: position.is_sealed };
        steps.push(app.store.set_blob(App::work_permit(), tenant, position.blob, blob, expires_at));
        let progress = Progress { done: position.rows, total: is_over.then_some(position.rows), ..Progress::default() };
        steps.push(run.advance(&progress, &serde_json::to_value(&position).unwrap_or_default()));
        app.commit_steps(tenant, steps).await?;
        if is_over {
            return Ok(json!({"file": position.blob, "size": position.size, "records": position.rows,
                "expires_at": expires_at.to_string()}));
        }
    }
}

/// Why an export does not go on: its columns are not those that it began with.
fn changed() -> AppError {
    AppError::Refused("the fields that may be exported have changed meanwhile: export again".to_owned())
}

/// The fields of an export, in order.
fn targets(object: &Object, fields: Option<&[String]>) -> Result<Vec<Target>, Vec<FieldError>> {
    let Some(fields) = fields else {
        let own = object.shown().map(|(place, _)| Target::Field(place));
        return Ok([Target::Id].into_iter().chain(own).chain([Target::CreatedAt, Target::UpdatedAt]).collect());
    };
    let mut faults = Vec::new();
    let mut targets = Vec::new();
    for name in fields {
        match Target::find(object, name) {
            Some(target) if !targets.contains(&target) => targets.push(target),
            Some(_) => faults.push(FieldError::new("fields", "out_of_range", format!("names `{name}` twice"))),
            None => {
                let message = format!("`{}` has no field `{name}`", object.name);
                faults.push(FieldError::new("fields", "unknown_field", message));
            }
        }
    }
    if targets.is_empty() && faults.is_empty() {
        faults.push(FieldError::new("fields", "required", "names at least one field"));
    }
    if faults.is_empty() { Ok(targets) } else { Err(faults) }
}

/// Whether values of the field are numbers, which need no guard.
fn is_number(object: &Object, target: Target) -> bool {
    match target {
        Target::Version => true,
        Target::Field(at) => {
            let kind = &object.fields[at].kind;
            matches!(kind, FieldType::Integer | FieldType::Decimal { .. } | FieldType::Money)
        }
        _ => false,
    }
}
