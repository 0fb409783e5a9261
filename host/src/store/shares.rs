//! Records that somebody may see, or change, whatever their roles say.

use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::people::all;
use super::{Further, Store, StoreError};
use crate::access::{Permit, Read, Share};
use crate::domain::clock::Timestamp;

/// A record that somebody may see, or change, whatever their roles say.
#[derive(Clone, Debug)]
pub struct ShareRow {
    /// The id.
    pub id: Uuid,
    /// `member`, `team` or `company`.
    pub subject_kind: String,
    /// Which.
    pub subject: Uuid,
    /// Whether they may change it.
    pub can_update: bool,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// Who shared it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

impl Store {
    /// With whom a record is shared.
    pub async fn shares(&self, permit: &Permit<Read>, record: Uuid) -> Result<Vec<ShareRow>, StoreError> {
        let sql = "select id, subject_kind, subject_id, can_update, until_at, created_by, created_at from share \
                   where tenant_id = $1 and object = $2 and record_id = $3 order by id";
        let values = [permit.tenant().0.into(), permit.object().name.as_str().into(), record.into()];
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), share).await
    }

    /// Shares a record; what was said to the same subject before is replaced.
    pub fn put_share(&self, permit: &Permit<Share>, record: Uuid, row: &ShareRow) -> Vec<Further> {
        let engine = self.db.engine();
        let tenant = permit.tenant();
        let stmt = Stmt::new(
            "insert into share (tenant_id, id, object, record_id, subject_kind, subject_id, can_update, until_at, \
             created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             on conflict (tenant_id, object, record_id, subject_id) do update set id = excluded.id, \
             can_update = excluded.can_update, until_at = excluded.until_at, created_by = excluded.created_by, \
             created_at = excluded.created_at",
            [
                tenant.0.into(),
                row.id.into(),
                permit.object().name.as_str().into(),
                record.into(),
                row.subject_kind.as_str().into(),
                row.subject.into(),
                row.can_update.into(),
                engine.maybe_time(row.until),
                row.created_by.as_str().into(),
                engine.time(row.created_at),
            ],
        );
        all(vec![Step { stmt, expect: Expect::OneChange }])
    }

    /// Ends a share.
    pub fn remove_share(&self, permit: &Permit<Share>, record: Uuid, id: Uuid) -> Vec<Further> {
        let stmt = Stmt::new(
            "delete from share where tenant_id = $1 and object = $2 and record_id = $3 and id = $4",
            [permit.tenant().0.into(), permit.object().name.as_str().into(), record.into(), id.into()],
        );
        all(vec![Step { stmt, expect: Expect::OneChange }])
    }
}

fn share(row: &Row<'_>) -> Result<ShareRow, StoreError> {
    Ok(ShareRow {
        id: row.id(0)?,
        subject_kind: row.text(1)?,
        subject: row.id(2)?,
        can_update: row.boolean(3)?,
        until: row.maybe_time(4)?,
        created_by: row.text(5)?,
        created_at: row.time(6)?,
    })
}
