//! The job that takes out what is kept of a person: one JSON document, written as it is read, kept for a week.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Wish, object_of, wish_of};
use crate::access::{Configure, Read};
use crate::app::blobs::{KEPT_MICROS, MAX_FILE};
use crate::app::disclosure::Disclosure;
use crate::app::files::FILE;
use crate::app::jobs::{JobFault, JobRun};
use crate::app::{App, AppError, Catalog};
use crate::domain::clock::Timestamp;
use crate::domain::job::Progress;
use crate::domain::permission::Area;
use crate::domain::record::Record;
use crate::store::AuditFilter;

/// Entries of a trail, or events, that are read at once.
const PAGE: u32 = 500;

/// Where the document goes, and what stands in front of the next item of its list.
struct Paper {
    to: mpsc::Sender<Result<Vec<u8>, ()>>,
    is_first: bool,
}

impl Paper {
    async fn text(&mut self, text: String) -> Result<(), AppError> {
        self.to.send(Ok(text.into_bytes())).await.map_err(|_| AppError::BrokenOff)
    }

    /// Begins the next list of the document.
    async fn list(&mut self, name: &str) -> Result<(), AppError> {
        self.is_first = true;
        self.text(format!("],\n\"{name}\": [")).await
    }

    async fn item(&mut self, item: &Json) -> Result<(), AppError> {
        let comma = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        self.text(format!("{comma}{item}")).await
    }
}

/// Writes the file that a job is about. Another attempt begins anew.
pub async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let app = &run.app;
    let wish = wish_of(&run.row).ok_or_else(|| AppError::Setup("the payload of an export".to_owned()))?;
    let (to, from) = mpsc::channel(4);
    let bytes = stream::unfold(from, |mut from| async { from.recv().await.map(|part| (part, from)) });
    let writing = write(run, &wish, Paper { to, is_first: true });
    let taking = app.take_in(run.caller.tenant, Box::pin(bytes), MAX_FILE);
    let (records, file) = futures_util::future::try_join(writing, taking).await?;
    let expires_at = Timestamp::from_micros(app.clock.now().micros() + KEPT_MICROS);
    let kept = app.store.set_blob(App::work_permit(), run.caller.tenant, file.id, file.row, expires_at);
    let progress = Progress { done: records, total: Some(records), ..Progress::default() };
    app.commit_steps(run.caller.tenant, vec![kept, run.advance(&progress, &Json::Null)]).await?;
    Ok(json!({"file": file.id, "size": file.row.size, "records": records, "expires_at": expires_at.to_string()}))
}

async fn write(run: &JobRun, wish: &Wish, mut paper: Paper) -> Result<u64, AppError> {
    let (app, caller) = (&run.app, &run.caller);
    // The rights are asked for again: they may have changed while the job waited.
    app.person::<crate::access::Export>(caller, &wish.object, wish.id).await?;
    let catalog = app.catalog_of_all(caller).await?;
    let found = app.gather(caller, &catalog, &wish.object, wish.id).await?;
    let about = json!({"object": wish.object, "id": wish.id});
    let at = app.clock.now();
    paper.text(format!("{{\"person\": {about},\n\"exported_at\": \"{at}\",\n\"records\": [")).await?;
    let mut files = Vec::new();
    for ((name, id), fate) in &found.0 {
        let Some(record) = record(run, &catalog, name, *id, fate.is_deleted).await? else { continue };
        if name == FILE {
            files.push(record.to_json());
        }
        let (belongs, deleted) = (fate.is_removed, fate.is_deleted);
        paper.item(&json!({"object": name, "belongs": belongs, "deleted": deleted, "record": record})).await?;
    }
    paper.list("files").await?;
    for file in files {
        let Some(content) = content(app, run, &file).await? else { continue };
        let (name, media_type) = (&file["name"], &file["media_type"]);
        paper.item(&json!({"id": file["id"], "name": name, "media_type": media_type, "content": content})).await?;
    }
    paper.list("events").await?;
    for (name, id) in found.0.keys() {
        let object = object_of(&catalog, name)?;
        let permit = app.access.for_computing::<Read>(caller, object);
        let mut before = None;
        loop {
            let events = app.store.timeline(&permit, *id, before, PAGE).await?;
            for event in &events {
                paper.item(&json!(event)).await?;
            }
            app.note_events(caller, &events).await?;
            before = events.last().map(|event| event.position.seq);
            if events.len() < PAGE as usize {
                break;
            }
        }
    }
    paper.list("shares").await?;
    for (name, id) in found.0.keys() {
        let permit = app.access.for_computing::<Read>(caller, object_of(&catalog, name)?);
        for share in app.store.shares(&permit, *id).await? {
            paper.item(&json!(crate::app::ShareView::from(&share))).await?;
        }
    }
    paper.list("audit").await?;
    for id in found.0.keys().map(|(_, id)| *id) {
        entries(run, id, &mut paper).await?;
    }
    paper.text("]}\n".to_owned()).await?;
    Ok(found.0.len() as u64)
}

/// A record with what is encrypted in it; that it was seen is noted.
async fn record(
    run: &JobRun,
    catalog: &Catalog,
    name: &str,
    id: Uuid,
    is_deleted: bool,
) -> Result<Option<Record>, AppError> {
    let permit = run.app.access.for_computing::<Read>(&run.caller, object_of(catalog, name)?);
    let record =
        if is_deleted { run.app.store.get_deleted(&permit, id).await? } else { run.app.store.get(&permit, id).await? };
    let Some(mut record) = record else { return Ok(None) };
    let mut disclosure = Disclosure::new(&run.app, &run.caller);
    disclosure.show(&mut record, None).await?;
    disclosure.finish().await?;
    Ok(Some(record))
}

/// The content of a file in base64, a text for each of its parts.
async fn content(app: &Arc<App>, run: &JobRun, file: &Json) -> Result<Option<Vec<String>>, AppError> {
    let blob = file["content"].as_str().and_then(|text| Uuid::parse_str(text).ok());
    let Some(blob) = blob else { return Ok(None) };
    let Some(row) = app.store.blob(App::work_permit(), run.caller.tenant, blob).await? else { return Ok(None) };
    let mut parts = Vec::new();
    for part in 0..row.parts {
        let bytes = app.read_part(run.caller.tenant, blob, part, row.is_sealed).await?;
        parts.push(STANDARD.encode(bytes.unwrap_or_default()));
    }
    Ok(Some(parts))
}

/// What the audit trail says of a record.
async fn entries(run: &JobRun, record: Uuid, paper: &mut Paper) -> Result<(), AppError> {
    let permit = run.app.access.check_area::<Configure>(&run.caller, Area::Privacy)?;
    let mut filter = AuditFilter { record: Some(record), ..AuditFilter::default() };
    loop {
        let entries = run.app.store.audit(permit, &filter, PAGE).await?;
        let count = entries.len();
        for (seq, entry) in entries {
            filter.before = Some(seq);
            paper.item(&json!(crate::app::audit::view(entry))).await?;
        }
        if count < PAGE as usize {
            return Ok(());
        }
    }
}
