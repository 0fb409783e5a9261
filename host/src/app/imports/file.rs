//! The rows of an import's file, read part by part.

use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};
use uuid::Uuid;

use super::super::{App, AppError};
use crate::domain::id::TenantId;
use crate::domain::import::rows::{Next, Rows};
use crate::domain::import::{Format, Plan, Row};
use crate::store::{BlobRow, StoreError};

/// Reads the rows of a file.
pub struct File {
    app: Arc<App>,
    tenant: TenantId,
    blob: Uuid,
    row: BlobRow,
    next_part: i64,
    rows: Rows,
    skips_header: bool,
    width: Option<usize>,
}

impl File {
    /// Opens a file that is read after this plan.
    pub async fn open(
        app: &Arc<App>,
        tenant: TenantId,
        blob: Uuid,
        format: Format,
        plan: &Plan,
    ) -> Result<Self, AppError> {
        let row = app.store.blob(App::work_permit(), tenant, blob).await?;
        let row = row.ok_or_else(|| AppError::no_record("file", &blob))?;
        let encoding = Encoding::for_label(plan.encoding.as_bytes()).unwrap_or(UTF_8);
        let mut rows = Rows::new(encoding, format, plan.delimiter.unwrap_or(','));
        let width = (format == Format::Csv).then_some(plan.columns.len());
        rows.start(None);
        let skips_header = format == Format::Csv && plan.header;
        if !skips_header {
            rows.start(width);
        }
        Ok(Self { app: Arc::clone(app), tenant, blob, row, next_part: 0, rows, skips_header, width })
    }

    /// Length of the file.
    pub fn size(&self) -> u64 {
        u64::try_from(self.row.size).unwrap_or(0)
    }

    /// Bytes that were read so far.
    pub fn read(&self) -> u64 {
        let parts = u64::try_from(self.row.parts.max(1)).unwrap_or(1);
        self.size() * u64::try_from(self.next_part).unwrap_or(0) / parts
    }

    /// The next row; none at the end.
    pub async fn next(&mut self) -> Result<Option<Row>, AppError> {
        loop {
            match self.rows.read() {
                Next::Row(_) if self.skips_header => {
                    self.skips_header = false;
                    self.rows.start(self.width);
                }
                Next::Row(row) => return Ok(Some(row)),
                Next::End => return Ok(None),
                Next::More => {
                    let is_last = self.next_part + 1 >= self.row.parts;
                    let bytes = if self.next_part < self.row.parts {
                        let part =
                            self.app.read_part(self.tenant, self.blob, self.next_part, self.row.is_sealed).await?;
                        let lacks = || StoreError::Inconsistent(format!("the file {} lacks a part", self.blob));
                        part.ok_or_else(lacks)?
                    } else {
                        Vec::new()
                    };
                    self.rows.push(&bytes, is_last);
                    self.next_part += 1;
                }
            }
        }
    }
}
