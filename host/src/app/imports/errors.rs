//! The rows that an import refused, as CSV: what was in them, and the reason.

use std::sync::Arc;

use futures_util::stream;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::blobs::Outgoing;
use super::super::exports::line;
use super::super::{App, AppError};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::guard::guard;
use crate::store::FaultRow;

/// Rows that are read at once.
const PAGE: u32 = 200;

impl App {
    /// The refused rows of an import: the columns of the file, then `row_number`, `code` and `reason`.
    pub async fn import_errors(self: &Arc<Self>, caller: &Caller, id: Uuid) -> Result<Outgoing, AppError> {
        let loaded = self.load_import(caller, id).await?;
        let names: Vec<String> = loaded.plan.columns.iter().map(|column| column.name.clone()).collect();
        let tenant = caller.tenant;
        self.note(caller, vec![Note::of_all(Deed::Export, &loaded.row.object, None, "refused_rows")]).await?;
        let start = (Arc::clone(self), names, Some((0, true)));
        Ok(Box::pin(stream::try_unfold(start, move |(app, names, next): (Arc<Self>, Vec<String>, _)| async move {
            let Some((after, is_first)) = next else { return Ok(None) };
            let mut bytes = Vec::new();
            if is_first {
                let ours = ["row_number", "code", "reason"].map(str::to_owned);
                line(names.iter().map(|name| guard(name).into_owned()).chain(ours), &mut bytes);
            }
            let faults = app.store.faults(Self::work_permit(), tenant, id, after, PAGE).await?;
            for fault in &faults {
                row(&names, fault, &app.cells_of(tenant, id, fault).await?, &mut bytes);
            }
            let next = faults.last().filter(|_| faults.len() == PAGE as usize).map(|fault| (fault.number, false));
            Ok(Some((bytes, (app, names, next))))
        })))
    }
}

fn row(names: &[String], fault: &FaultRow, cells: &Json, into: &mut Vec<u8>) {
    let text = |json: &Json| match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut cells: Vec<String> = match cells {
        Json::Array(cells) => cells.iter().map(text).collect(),
        Json::Object(members) => names.iter().map(|name| members.get(name).map(text).unwrap_or_default()).collect(),
        other => vec![text(other)],
    };
    cells.resize(names.len().max(1), String::new());
    let ours = [fault.number.to_string(), fault.code.clone(), fault.reason.clone()];
    // What was guarded in the file stays as it was there.
    line(cells.iter().map(|cell| guard(cell).into_owned()).chain(ours), into);
}
