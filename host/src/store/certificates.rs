//! Certificates: who was erased when, as it was signed.

use uuid::Uuid;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::{AreaPermit, HostPermit, Read};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A certificate as it is kept.
#[derive(Clone, Debug)]
pub struct CertificateRow {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub made_at: Timestamp,
    /// The object of the person.
    pub object: String,
    /// The person.
    pub record: Uuid,
    /// What it says, to the byte.
    pub body: String,
    /// Over the body.
    pub signature: String,
}

const COLUMNS: &str = "id, made_at, object, record_id, body, signature";

impl Store {
    /// The step that keeps a certificate.
    pub fn add_certificate(&self, _: HostPermit, tenant: TenantId, row: &CertificateRow) -> Further {
        let stmt = Stmt::new(
            "insert into certificate (tenant_id, id, made_at, object, record_id, body, signature) \
             values ($1, $2, $3, $4, $5, $6, $7)",
            [
                tenant.0.into(),
                row.id.into(),
                self.db.engine().time(row.made_at),
                row.object.as_str().into(),
                row.record.into(),
                row.body.as_str().into(),
                row.signature.as_str().into(),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Certificates of the caller's tenant, the newest first, from before one.
    pub async fn certificates(
        &self,
        permit: AreaPermit<Read>,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<CertificateRow>, StoreError> {
        let sql =
            format!("select {COLUMNS} from certificate where tenant_id = $1 and id < $2 order by id desc limit $3");
        let before = before.unwrap_or(Uuid::max());
        let values = [permit.tenant().0.into(), before.into(), i64::from(limit).into()];
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), certificate).await
    }

    /// One of them.
    pub async fn certificate(&self, permit: AreaPermit<Read>, id: Uuid) -> Result<Option<CertificateRow>, StoreError> {
        let sql = format!("select {COLUMNS} from certificate where tenant_id = $1 and id = $2");
        self.db.of(permit.tenant()).maybe(Stmt::new(sql, [permit.tenant().0.into(), id.into()]), certificate).await
    }
}

fn certificate(row: &Row<'_>) -> Result<CertificateRow, StoreError> {
    Ok(CertificateRow {
        id: row.id(0)?,
        made_at: row.time(1)?,
        object: row.text(2)?,
        record: row.id(3)?,
        body: row.text(4)?,
        signature: row.text(5)?,
    })
}
