//! Counters: the last number given, per field.

use super::db::{CommitError, Expect, Step, Stmt, store_error};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::id::TenantId;

impl Store {
    /// Takes the next number; none when somebody else took it at the same moment.
    pub async fn take_number(
        &self,
        _: HostPermit,
        tenant: TenantId,
        object: &str,
        field: &str,
    ) -> Result<Option<i64>, StoreError> {
        let find = Stmt::new(
            "select value from counter where tenant_id = $1 and object = $2 and field = $3",
            [tenant.0.into(), object.into(), field.into()],
        );
        let last = self.db.of(tenant).maybe(find, |row| row.integer(0)).await?;
        let next = last.unwrap_or(0) + 1;
        let stmt = match last {
            None => Stmt::new(
                "insert into counter (tenant_id, object, field, value) values ($1, $2, $3, 1) on conflict do nothing",
                [tenant.0.into(), object.into(), field.into()],
            ),
            Some(last) => Stmt::new(
                "update counter set value = value + 1 \
                 where tenant_id = $1 and object = $2 and field = $3 and value = $4",
                [tenant.0.into(), object.into(), field.into(), last.into()],
            ),
        };
        match self.db.of(tenant).commit(vec![Step { stmt, expect: Expect::OneChange }]).await {
            Ok(()) => Ok(Some(next)),
            Err(CommitError::Unmet(_) | CommitError::Unique(_) | CommitError::Busy) => Ok(None),
            Err(error) => Err(store_error(error)),
        }
    }
}
