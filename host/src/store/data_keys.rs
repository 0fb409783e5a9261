//! Data keys of tenants, wrapped by a key of the operator.

use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A data key as it is kept.
#[derive(Clone, Debug)]
pub struct DataKeyRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// The operator's key that wrapped it.
    pub operator_key: String,
    /// What that made of it.
    pub wrapped: Vec<u8>,
}

impl Store {
    /// The data keys of a tenant, the oldest first.
    pub async fn data_keys(&self, _: HostPermit, tenant: TenantId) -> Result<Vec<DataKeyRow>, StoreError> {
        let sql = "select tenant_id, id, operator_key, wrapped from data_key where tenant_id = $1 order by id";
        self.db.of(tenant).all(Reach::Point, Stmt::new(sql, [tenant.0.into()]), data_key).await
    }

    /// The data keys of all tenants that another key of the operator wrapped.
    pub async fn data_keys_not_of(
        &self,
        permit: HostPermit,
        operator_key: &str,
    ) -> Result<Vec<DataKeyRow>, StoreError> {
        let sql = "select tenant_id, id, operator_key, wrapped from data_key where operator_key <> $1 \
                   order by tenant_id, id";
        self.db.across(permit).all(Reach::List, Stmt::new(sql, [operator_key.into()]), data_key).await
    }

    /// Whether any tenant has a data key.
    pub async fn has_data_keys(&self, permit: HostPermit) -> Result<bool, StoreError> {
        let any = self.db.across(permit).maybe(Stmt::new("select 1 from data_key limit 1", []), |_| Ok(())).await?;
        Ok(any.is_some())
    }

    /// Keeps a new data key.
    pub async fn add_data_key(&self, permit: HostPermit, row: &DataKeyRow, at: Timestamp) -> Result<(), StoreError> {
        self.db.of(row.tenant).run(vec![self.new_data_key(permit, row, at).0]).await
    }

    /// The step that keeps a new data key.
    pub fn new_data_key(&self, _: HostPermit, row: &DataKeyRow, at: Timestamp) -> Further {
        let stmt = Stmt::new(
            "insert into data_key (tenant_id, id, operator_key, wrapped, created_at) values ($1, $2, $3, $4, $5)",
            [
                row.tenant.0.into(),
                row.id.into(),
                row.operator_key.as_str().into(),
                row.wrapped.clone().into(),
                self.db.engine().time(at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Keeps a data key as another key of the operator wrapped it, unless somebody else did so before.
    pub async fn rewrap_data_key(&self, _: HostPermit, row: &DataKeyRow, before: &str) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "update data_key set operator_key = $1, wrapped = $2 \
             where tenant_id = $3 and id = $4 and operator_key = $5",
            [
                row.operator_key.as_str().into(),
                row.wrapped.clone().into(),
                row.tenant.0.into(),
                row.id.into(),
                before.into(),
            ],
        );
        self.db.of(row.tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

fn data_key(row: &Row<'_>) -> Result<DataKeyRow, StoreError> {
    Ok(DataKeyRow { tenant: TenantId(row.id(0)?), id: row.id(1)?, operator_key: row.text(2)?, wrapped: row.bytes(3)? })
}
