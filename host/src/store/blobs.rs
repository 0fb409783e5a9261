//! Files in parts: any node reads what another has written, and none holds a
//! whole one in memory.

use uuid::Uuid;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// Parts that one statement deletes: the files of large imports go bit by bit.
const PARTS_PER_DELETE: i64 = 64;

/// A file, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// Its length in bytes.
    pub size: i64,
    /// The number of its parts.
    pub parts: i64,
    /// Whether the parts are sealed.
    pub is_sealed: bool,
}

impl Store {
    /// The step that adds a part.
    pub fn add_part(&self, _: HostPermit, tenant: TenantId, blob: Uuid, part: i64, bytes: &[u8]) -> Further {
        let stmt = Stmt::new(
            "insert into blob_part (tenant_id, blob_id, part, bytes) values ($1, $2, $3, $4)",
            [tenant.0.into(), blob.into(), part.into(), bytes.to_vec().into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that makes a file known, or says its length; until then, and
    /// after its time, it is nobody's and is thrown away.
    pub fn set_blob(
        &self,
        _: HostPermit,
        tenant: TenantId,
        blob: Uuid,
        row: BlobRow,
        expires_at: Timestamp,
    ) -> Further {
        let stmt = Stmt::new(
            "insert into blob (tenant_id, id, size, parts, expires_at, is_sealed) values ($1, $2, $3, $4, $5, $6) \
             on conflict (tenant_id, id) do update set size = excluded.size, parts = excluded.parts, \
             expires_at = excluded.expires_at",
            [
                tenant.0.into(),
                blob.into(),
                row.size.into(),
                row.parts.into(),
                self.db.engine().time(expires_at),
                row.is_sealed.into(),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// A file.
    pub async fn blob(&self, _: HostPermit, tenant: TenantId, blob: Uuid) -> Result<Option<BlobRow>, StoreError> {
        let sql = "select size, parts, is_sealed from blob where tenant_id = $1 and id = $2";
        let map =
            |row: &Row<'_>| Ok(BlobRow { size: row.integer(0)?, parts: row.integer(1)?, is_sealed: row.boolean(2)? });
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), blob.into()]), map).await
    }

    /// A part of a file.
    pub async fn part(
        &self,
        _: HostPermit,
        tenant: TenantId,
        blob: Uuid,
        part: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let stmt = Stmt::new(
            "select bytes from blob_part where tenant_id = $1 and blob_id = $2 and part = $3",
            [tenant.0.into(), blob.into(), part.into()],
        );
        self.db.of(tenant).maybe(stmt, |row| row.bytes(0)).await
    }

    /// Throws away files whose time is over.
    pub async fn forget_blobs(&self, permit: HostPermit, now: Timestamp) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "select tenant_id, id from blob where expires_at < $1 order by expires_at limit 100",
            [self.db.engine().time(now)],
        );
        let over = self.db.across(permit).all(Reach::List, stmt, |row| Ok((row.id(0)?, row.id(1)?))).await?;
        for (tenant, blob) in over {
            self.forget_blob(TenantId(tenant), blob).await?;
        }
        Ok(())
    }

    pub(super) async fn forget_blob(&self, tenant: TenantId, blob: Uuid) -> Result<(), StoreError> {
        let db = self.db.of(tenant);
        let keys = || [tenant.0.into(), blob.into()];
        let last = Stmt::new(
            "select part from blob_part where tenant_id = $1 and blob_id = $2 order by part desc limit 1",
            keys(),
        );
        let last = db.maybe(last, |row| row.integer(0)).await?.unwrap_or(-1);
        let mut from = 0;
        while from <= last {
            let stmt = Stmt::new(
                "delete from blob_part where tenant_id = $1 and blob_id = $2 and part >= $3 and part < $4",
                [tenant.0.into(), blob.into(), from.into(), (from + PARTS_PER_DELETE).into()],
            );
            db.run(vec![Step { stmt, expect: Expect::Nothing }]).await?;
            from += PARTS_PER_DELETE;
        }
        let stmt = Stmt::new("delete from blob where tenant_id = $1 and id = $2", keys());
        db.run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}
