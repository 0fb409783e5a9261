//! The job that runs an import: rows in chunks, each one commit together with
//! how far the import has come, so that it goes on there after any end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::jobs::{JobFault, JobRun};
use super::super::{App, AppError};
use super::chunk::Chunks;
use super::file::File;
use crate::domain::import::{Format, Plan};
use crate::domain::job::Progress;
use crate::store::ImportRow;

/// Most rows in one commit.
const CHUNK_ROWS: usize = 500;
/// Most bytes of rows in one commit.
const CHUNK_BYTES: usize = 4 << 20;

/// How far an import has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// The last row that is done.
    pub row: i64,
    /// What became of rows.
    pub counts: BTreeMap<String, u64>,
    /// Bytes that were read, and that there are.
    pub bytes: (u64, u64),
}

impl Position {
    /// Counts rows.
    pub fn count(&mut self, what: &str, how_many: usize) {
        if how_many > 0 {
            *self.counts.entry(what.to_owned()).or_default() += how_many as u64;
        }
    }

    /// As callers see it: rows, and the whole only once it is known.
    pub fn progress(&self, is_over: bool) -> Progress {
        let done = u64::try_from(self.row).unwrap_or(0);
        let mut counts = self.counts.clone();
        counts.insert("bytes_read".to_owned(), self.bytes.0);
        counts.insert("bytes".to_owned(), self.bytes.1);
        Progress { done, total: is_over.then_some(done), counts }
    }
}

/// The import that a job is for.
pub async fn import_of(run: &JobRun) -> Result<(ImportRow, Plan), JobFault> {
    let id = run.row.payload["import"].as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default();
    let row = run.app.store.import(App::work_permit(), run.caller.tenant, id).await?;
    let row = row.ok_or_else(|| AppError::no_record("import", &id))?;
    let plan = run.app.plan_of(run.caller.tenant, &row).await?;
    Ok((row, plan))
}

/// Runs the import of a job.
pub async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let (import, plan) = import_of(run).await?;
    let format = Format::find(&import.format).unwrap_or(Format::Csv);
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    let mut file = File::open(&run.app, run.caller.tenant, import.blob, format, &plan).await?;
    let mut chunks = Chunks::new(run, &import, &plan).await?;
    let mut rows = Vec::new();
    let mut bytes = 0;
    loop {
        let row = file.next().await?;
        let is_over = row.is_none();
        if let Some(row) = row {
            if row.number <= position.row {
                continue;
            }
            bytes += row.length;
            rows.push(row);
        }
        if !rows.is_empty() && (is_over || rows.len() == CHUNK_ROWS || bytes >= CHUNK_BYTES) {
            run.check_key().await?;
            position.bytes = (if is_over { file.size() } else { file.read().min(file.size()) }, file.size());
            chunks.run(&rows, &mut position).await?;
            rows.clear();
            bytes = 0;
        }
        if is_over {
            break;
        }
    }
    position.bytes = (file.size(), file.size());
    let steps = vec![run.advance(&position.progress(true), &serde_json::to_value(&position).unwrap_or_default())];
    run.app.commit_steps(run.caller.tenant, steps).await?;
    Ok(json!({"rows": position.row, "counts": position.counts, "dry_run": plan.options.dry_run}))
}
