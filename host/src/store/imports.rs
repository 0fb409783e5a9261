//! Imports: the file and the plan, the rows that were refused, and what was
//! changed, so that it can be undone.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::Value as Json;
use uuid::Uuid;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// An import as it is kept.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Its id.
    pub id: Uuid,
    /// The object of its records.
    pub object: String,
    /// `csv`, `jsonl` or `vcard`.
    pub format: String,
    /// Name of the file.
    pub name: String,
    /// The file.
    pub blob: Uuid,
    /// How it is read.
    pub plan: Json,
    /// Counts the changes of the plan.
    pub revision: i64,
    /// The job that runs it.
    pub job: Option<Uuid>,
    /// The job that undoes it.
    pub undo_job: Option<Uuid>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Who sent it.
    pub created_by: Option<Uuid>,
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRow {
    /// Which one, from 1.
    pub number: i64,
    /// What was in it: its cells, or text.
    pub cells: Json,
    /// Stable code.
    pub code: String,
    /// Sentences for a person.
    pub reason: String,
}

/// A record that an import made or changed.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    /// The record.
    pub record: Uuid,
    /// Its version after the import.
    pub version: i64,
    /// Its fields before; null when the import made it.
    pub before: Json,
}

impl Store {
    /// The step that adds an import.
    pub fn add_import(&self, _: HostPermit, tenant: TenantId, import: &ImportRow) -> Further {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into import (tenant_id, id, object, format, name, blob_id, plan, revision, job_id, \
             created_at, expires_at, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                tenant.0.into(),
                import.id.into(),
                import.object.as_str().into(),
                import.format.as_str().into(),
                import.name.as_str().into(),
                import.blob.into(),
                import.plan.clone().into(),
                import.revision.into(),
                Bound::Uuid(import.job),
                engine.time(import.created_at),
                engine.time(import.expires_at),
                Bound::Uuid(import.created_by),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that changes the plan or the jobs of an import that is at this revision still.
    pub fn set_import(&self, _: HostPermit, tenant: TenantId, import: &ImportRow) -> Further {
        let stmt = Stmt::new(
            "update import set plan = $1, job_id = $2, undo_job_id = $3, revision = revision + 1 \
             where tenant_id = $4 and id = $5 and revision = $6",
            [
                import.plan.clone().into(),
                Bound::Uuid(import.job),
                Bound::Uuid(import.undo_job),
                tenant.0.into(),
                import.id.into(),
                import.revision.into(),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// An import.
    pub async fn import(&self, _: HostPermit, tenant: TenantId, id: Uuid) -> Result<Option<ImportRow>, StoreError> {
        let stmt = Stmt::new(
            "select id, object, format, name, blob_id, plan, revision, job_id, undo_job_id, created_at, expires_at, \
             created_by from import where tenant_id = $1 and id = $2",
            [tenant.0.into(), id.into()],
        );
        let map = |row: &Row<'_>| {
            Ok(ImportRow {
                id: row.id(0)?,
                object: row.text(1)?,
                format: row.text(2)?,
                name: row.text(3)?,
                blob: row.id(4)?,
                plan: row.json(5)?,
                revision: row.integer(6)?,
                job: row.maybe_id(7)?,
                undo_job: row.maybe_id(8)?,
                created_at: row.time(9)?,
                expires_at: row.time(10)?,
                created_by: row.maybe_id(11)?,
            })
        };
        self.db.of(tenant).maybe(stmt, map).await
    }

    /// The step that keeps refused rows; none when there are none.
    pub fn add_faults(&self, _: HostPermit, tenant: TenantId, import: Uuid, faults: &[FaultRow]) -> Option<Further> {
        let rows = faults.iter().map(|fault| -> Vec<Bound> {
            vec![
                tenant.0.into(),
                import.into(),
                fault.number.into(),
                fault.cells.clone().into(),
                fault.code.as_str().into(),
                fault.reason.as_str().into(),
            ]
        });
        let sql = "insert into import_fault (tenant_id, import_id, row_number, cells, code, reason) values ";
        many(sql, rows, "")
    }

    /// The step that remembers what was changed. A record that the same import
    /// changes again keeps what was there before the first change, and cannot
    /// be put back when somebody else changed it in between.
    pub fn add_changes(&self, _: HostPermit, tenant: TenantId, import: Uuid, changes: &[ChangeRow]) -> Option<Further> {
        let rows = changes.iter().map(|change| -> Vec<Bound> {
            vec![
                tenant.0.into(),
                import.into(),
                change.record.into(),
                change.version.into(),
                change.before.clone().into(),
                false.into(),
            ]
        });
        let sql =
            "insert into import_change (tenant_id, import_id, record_id, version, before_values, is_kept) values ";
        many(
            sql,
            rows,
            " on conflict (tenant_id, import_id, record_id) do update set version = \
             case when import_change.version = excluded.version - 1 then excluded.version else -1 end",
        )
    }

    /// The step that forgets a change, because it was undone.
    pub fn forget_change(&self, _: HostPermit, tenant: TenantId, import: Uuid, record: Uuid) -> Further {
        let stmt = Stmt::new(
            "delete from import_change where tenant_id = $1 and import_id = $2 and record_id = $3",
            [tenant.0.into(), import.into(), record.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that marks a change as one that cannot be undone.
    pub fn keep_change(&self, _: HostPermit, tenant: TenantId, import: Uuid, record: Uuid) -> Further {
        let stmt = Stmt::new(
            "update import_change set is_kept = true where tenant_id = $1 and import_id = $2 and record_id = $3",
            [tenant.0.into(), import.into(), record.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that forgets the refused rows of an import that runs again.
    pub fn forget_faults(&self, _: HostPermit, tenant: TenantId, import: Uuid) -> Further {
        let stmt = Stmt::new(
            "delete from import_fault where tenant_id = $1 and import_id = $2",
            [tenant.0.into(), import.into()],
        );
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// Refused rows behind this one.
    pub async fn faults(
        &self,
        _: HostPermit,
        tenant: TenantId,
        import: Uuid,
        after: i64,
        limit: u32,
    ) -> Result<Vec<FaultRow>, StoreError> {
        let stmt = Stmt::new(
            "select row_number, cells, code, reason from import_fault \
             where tenant_id = $1 and import_id = $2 and row_number > $3 order by row_number limit $4",
            [tenant.0.into(), import.into(), after.into(), i64::from(limit).into()],
        );
        let map = |row: &Row<'_>| {
            Ok(FaultRow { number: row.integer(0)?, cells: row.json(1)?, code: row.text(2)?, reason: row.text(3)? })
        };
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// Changes of an import: those to be undone, or those that cannot be.
    pub async fn changes(
        &self,
        _: HostPermit,
        tenant: TenantId,
        import: Uuid,
        are_kept: bool,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        let stmt = Stmt::new(
            "select record_id, version, before_values from import_change \
             where tenant_id = $1 and import_id = $2 and is_kept = $3 order by record_id limit $4",
            [tenant.0.into(), import.into(), are_kept.into(), i64::from(limit).into()],
        );
        let map = |row: &Row<'_>| {
            Ok(ChangeRow { record: row.id(0)?, version: row.integer(1)?, before: row.json_or_null(2)? })
        };
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// Forgets imports whose time is over.
    pub async fn forget_imports(&self, permit: HostPermit, now: Timestamp) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "select tenant_id, id from import where expires_at < $1 order by expires_at limit 100",
            [self.db.engine().time(now)],
        );
        let over: Vec<(Uuid, Uuid)> =
            self.db.across(permit).all(Reach::List, stmt, |row| Ok((row.id(0)?, row.id(1)?))).await?;
        for (tenant, id) in over {
            let tables = [("import_fault", "import_id"), ("import_change", "import_id"), ("import", "id")];
            let steps = tables.map(|(table, column)| {
                let sql = format!("delete from {table} where tenant_id = $1 and {column} = $2");
                Step { stmt: Stmt::new(sql, [tenant.into(), id.into()]), expect: Expect::Nothing }
            });
            self.db.of(TenantId(tenant)).run(steps.to_vec()).await?;
        }
        Ok(())
    }
}

/// One insert of many rows.
fn many(start: &str, rows: impl Iterator<Item = Vec<Bound>>, end: &str) -> Option<Further> {
    let mut sql = start.to_owned();
    let mut values: Vec<Bound> = Vec::new();
    for row in rows {
        sql.push_str(if values.is_empty() { "(" } else { ", (" });
        for (at, value) in row.into_iter().enumerate() {
            values.push(value);
            let _ = write!(sql, "{}${}", if at == 0 { "" } else { ", " }, values.len());
        }
        sql.push(')');
    }
    if values.is_empty() {
        return None;
    }
    sql.push_str(end);
    Some(Further(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing }))
}
