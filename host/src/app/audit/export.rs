//! The audit trail as a file, sent as it is read.

use std::sync::Arc;

use futures_util::stream;
use serde_json::json;

use super::{AuditRequest, AuditView, view};
use crate::access::Configure;
use crate::app::blobs::Outgoing;
use crate::app::exports::{ExportFormat, line};
use crate::app::{App, AppError};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::guard::guard;
use crate::domain::permission::Area;

/// Entries that are read at once.
const PAGE: u32 = 500;
/// The first row of CSV.
const NAMES: [&str; 10] =
    ["at", "subject_kind", "subject_id", "on_behalf_of", "peer", "request", "action", "object", "record", "fields"];

impl App {
    /// All entries that are asked for, the newest first: the one that says so is among them.
    pub async fn export_audit(
        self: &Arc<Self>,
        caller: &Caller,
        request: &AuditRequest,
        format: ExportFormat,
    ) -> Result<Outgoing, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Audit)?;
        let (filter, _) = self.read_audit(caller, request)?;
        self.note(caller, vec![Note::of_all(Deed::Export, Area::Audit.name(), None, "file")]).await?;
        let start = (Arc::clone(self), Some((filter, true)));
        Ok(Box::pin(stream::try_unfold(start, move |(app, next): (Arc<Self>, _)| async move {
            let Some((mut filter, is_first)) = next else { return Ok(None) };
            let mut bytes = Vec::new();
            if is_first && format == ExportFormat::Csv {
                line(NAMES.iter().map(ToString::to_string), &mut bytes);
            }
            let entries = app.store.audit(permit, &filter, PAGE).await?;
            filter.before = entries.last().map(|(seq, _)| *seq);
            let next = (entries.len() == PAGE as usize).then_some((filter, false));
            for (_, entry) in entries {
                write(&view(entry), format, &mut bytes);
            }
            Ok(Some((bytes, (app, next))))
        })))
    }
}

fn write(entry: &AuditView, format: ExportFormat, into: &mut Vec<u8>) {
    if format == ExportFormat::Jsonl {
        into.extend(json!(entry).to_string().into_bytes());
        into.push(b'\n');
        return;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        entry.at.clone(),
        entry.subject.kind.clone(),
        entry.subject.id.clone(),
        text(&entry.on_behalf_of),
        text(&entry.peer),
        text(&entry.request),
        entry.action.name().to_owned(),
        entry.object.clone(),
        entry.record.map(|id| id.to_string()).unwrap_or_default(),
        entry.fields.join(" "),
    ];
    line(cells.iter().map(|cell| guard(cell).into_owned()), into);
}
