//! One step of writing a tenant into a file.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::files::FILE;
use super::super::sealing::open_value;
use super::super::vault::Opener;
use super::super::{App, AppError};
use super::Whole;
use super::place::{OpenFile, Place, Section, end, header, padding};
use crate::domain::event::PastEvent;
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::position::Position;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::store::{Store, StoreError};

/// Rows that are read at once.
const PAGE: u32 = 500;
/// Bytes after which an entry is closed.
const ENTRY: usize = 4 << 20;

/// Lines of JSON, until they are an entry.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    rows: u64,
}

impl Lines {
    fn add(&mut self, row: &Json) {
        self.bytes.extend(row.to_string().into_bytes());
        self.bytes.push(b'\n');
        self.rows += 1;
    }
}

impl App {
    /// The place before the first step.
    pub(super) async fn archive_start(&self, tenant: TenantId) -> Result<Place, AppError> {
        let catalog = self.catalog(tenant).await?;
        let mut left = VecDeque::from([Section::Tenant, Section::Schema]);
        for object in catalog.schema.objects() {
            left.extend([false, true].map(|deleted| Section::Records { object: object.name.clone(), deleted }));
        }
        left.extend([false, true].map(|deleted| Section::Files { deleted }));
        left.extend(Store::archive_parts().map(|part| Section::Rows(part.to_owned())));
        left.extend([Section::Events, Section::Manifest]);
        Ok(Place { left, ..Place::default() })
    }

    /// The next bytes; some steps have none.
    pub(super) async fn archive_step(&self, whole: &Whole, place: &mut Place) -> Result<Vec<u8>, AppError> {
        let Some(section) = place.left.front().cloned() else { return Ok(Vec::new()) };
        let (tenant, now) = (whole.permit.tenant(), self.clock.now());
        match section {
            Section::Tenant => {
                let content = self.archived_tenant(tenant).await?;
                place.go_on();
                place.entry("tenant.json".to_owned(), 1, content.to_string().as_bytes(), now)
            }
            Section::Schema => {
                let catalog = self.catalog(tenant).await?;
                let objects: Vec<_> =
                    catalog.schema.objects().map(|object| super::super::schema::view(object)).collect();
                let content = json!({"version": catalog.own_version, "objects": objects, "own": catalog.own});
                place.go_on();
                place.entry("schema.json".to_owned(), 1, content.to_string().as_bytes(), now)
            }
            Section::Records { object, deleted } => self.archived_records(whole, place, &object, deleted).await,
            Section::Files { deleted } => self.archived_file(whole, place, deleted).await,
            Section::Rows(name) => {
                let mut lines = Lines::default();
                let mut is_over = false;
                while lines.bytes.len() < ENTRY && !is_over {
                    let rows = self.store.archived(whole.permit, &name, place.after.as_ref(), PAGE).await?;
                    is_over = rows.len() < PAGE as usize;
                    for row in &rows {
                        lines.add(row);
                    }
                    place.after = rows.into_iter().last().or(place.after.take());
                }
                self.closed_entry(place, &name, &lines, is_over)
            }
            Section::Events => {
                let mut lines = Lines::default();
                let mut is_over = false;
                while lines.bytes.len() < ENTRY && !is_over {
                    let after: Option<(i64, i64)> = place.after.clone().and_then(|at| serde_json::from_value(at).ok());
                    let after = after.map_or(Position::START, |(tx, seq)| Position { tx, seq });
                    let permit = Self::work_permit();
                    let window = self.store.events_to_deliver(permit, tenant, after, PAGE).await?;
                    is_over = window.events.len() < PAGE as usize;
                    for event in &window.events {
                        lines.add(&told(event));
                    }
                    if let Some(last) = window.events.last() {
                        place.after = Some(json!([last.position.tx, last.position.seq]));
                    }
                }
                self.closed_entry(place, "events", &lines, is_over)
            }
            Section::Manifest => {
                let content = json!({
                    "format": "guildhall tenant", "version": 1, "tenant": tenant.0, "made_at": now.to_string(),
                    "counts": place.counts(), "files": {"count": place.files, "bytes": place.file_bytes},
                    "unopened": place.unopened, "entries": place.written,
                });
                let content = format!("{content:#}");
                place.go_on();
                let mut bytes = header("manifest.json", content.len() as u64, now)?;
                bytes.extend(content.as_bytes());
                bytes.extend(padding(content.len() as u64));
                bytes.extend(end());
                Ok(bytes)
            }
        }
    }

    /// Lines as an entry; the section goes on with another one, or is over.
    fn closed_entry(&self, place: &mut Place, name: &str, lines: &Lines, is_over: bool) -> Result<Vec<u8>, AppError> {
        place.part += 1;
        let name = format!("{name}/{:06}.jsonl", place.part);
        let is_empty = lines.rows == 0 && place.part > 1;
        if is_over {
            place.go_on();
        }
        if is_empty { Ok(Vec::new()) } else { place.entry(name, lines.rows, &lines.bytes, self.clock.now()) }
    }

    async fn archived_tenant(&self, tenant: TenantId) -> Result<Json, AppError> {
        let row = self.store.tenant(Self::work_permit(), tenant).await?;
        let row = row.ok_or_else(|| AppError::no_record("tenant", &tenant))?;
        Ok(json!({"id": row.id.0, "slug": row.slug, "name": row.tenancy.name, "timezone": row.timezone,
            "plan": row.tenancy.plan, "answers": row.answers, "created_at": row.created_at.to_string()}))
    }

    async fn archived_records(
        &self,
        whole: &Whole,
        place: &mut Place,
        name: &str,
        deleted: bool,
    ) -> Result<Vec<u8>, AppError> {
        let catalog = self.catalog(whole.permit.tenant()).await?;
        // An object that a tenant gave up since the first step has nothing to show.
        let Some(object) = catalog.schema.object(name) else {
            place.go_on();
            return Ok(Vec::new());
        };
        let mut lines = Lines::default();
        let mut is_over = false;
        let mut opener = Opener::new(self, whole.permit.tenant());
        while lines.bytes.len() < ENTRY && !is_over {
            let records = self.archived_page(whole, object, place.after.as_ref(), deleted, PAGE).await?;
            is_over = records.len() < PAGE as usize;
            place.after = records.last().map(|record| json!(record.id)).or(place.after.take());
            for mut record in records {
                for at in object.audited.clone() {
                    match open_value(&mut opener, whole.permit.tenant(), &mut record, at).await {
                        // The file is worth more with one value less than not at all.
                        Err(AppError::Unopened | AppError::NoOperatorKey) => place.unopened += 1,
                        other => other?,
                    }
                }
                let mut row = record.to_json();
                if deleted {
                    row["deleted"] = json!(true);
                }
                lines.add(&row);
            }
        }
        let folder = if deleted { "deleted" } else { "records" };
        self.closed_entry(place, &format!("{folder}/{name}"), &lines, is_over)
    }

    async fn archived_page(
        &self,
        whole: &Whole,
        object: &Arc<Object>,
        after: Option<&Json>,
        deleted: bool,
        limit: u32,
    ) -> Result<Vec<Record>, AppError> {
        let permit = self.access.whole(whole.permit, &whole.caller, object);
        let after = after.and_then(Json::as_str).and_then(|text| Uuid::parse_str(text).ok());
        let after = after.map(|id| vec![Value::Id(id)]);
        Ok(self.store.list(&permit.alone(), &Query { limit, after, deleted, ..Query::default() }).await?)
    }

    /// The next part of the content of a file, or the beginning of the next one.
    async fn archived_file(&self, whole: &Whole, place: &mut Place, deleted: bool) -> Result<Vec<u8>, AppError> {
        let tenant = whole.permit.tenant();
        if let Some(mut file) = place.file.take() {
            let bytes = self.read_part(tenant, file.blob, file.next, file.is_sealed).await?;
            let lacks = || StoreError::Inconsistent(format!("the file {} lacks part {}", file.blob, file.next));
            let mut bytes = bytes.ok_or_else(lacks)?;
            file.next += 1;
            if file.next == file.parts {
                bytes.extend(padding(u64::try_from(file.size).unwrap_or(0)));
            } else {
                place.file = Some(file);
            }
            return Ok(bytes);
        }
        let catalog = self.catalog(tenant).await?;
        let records = match catalog.schema.object(FILE) {
            Some(object) => self.archived_page(whole, object, place.after.as_ref(), deleted, PAGE).await?,
            None => Vec::new(),
        };
        for record in &records {
            place.after = Some(json!(record.id));
            let blob = match record.value("content") {
                Some(Value::Text(text)) => Uuid::parse_str(text).ok(),
                _ => None,
            };
            let Some(blob) = blob else { continue };
            // A content that was replaced and forgotten since its record was read is not there.
            let Some(row) = self.store.blob(Self::work_permit(), tenant, blob).await? else { continue };
            let size = u64::try_from(row.size).unwrap_or(0);
            place.files += 1;
            place.file_bytes += row.size;
            if row.parts > 0 {
                let (size, parts, is_sealed) = (row.size, row.parts, row.is_sealed);
                place.file = Some(OpenFile { blob, size, parts, next: 0, is_sealed });
            }
            return header(&format!("files/{blob}"), size, self.clock.now());
        }
        if records.len() < PAGE as usize {
            place.go_on();
        }
        Ok(Vec::new())
    }
}

/// An event as a line.
fn told(event: &PastEvent) -> Json {
    let known: BTreeMap<&str, Json> = BTreeMap::from([
        ("id", json!(event.id)),
        ("type", json!(event.event_type())),
        ("object", json!(event.object)),
        ("record", json!(event.record)),
        ("version", json!(event.version)),
        ("actor", json!(event.actor)),
        ("plugin", json!(event.plugin)),
        ("at", json!(event.at.to_string())),
        ("before", event.before.clone()),
        ("after", event.after.clone()),
    ]);
    json!(known)
}
