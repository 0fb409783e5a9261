//! What a tenant uses: counted when it is asked for, but requests, which are counted by day.

use super::db::{Expect, Reach, Step, Stmt};
use super::tables::scope;
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::object::Object;

/// What a tenant uses, beside its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Active users.
    pub users: i64,
    /// API keys that work.
    pub keys: i64,
    /// Modules that are switched on.
    pub modules: i64,
    /// Bytes of everything that is kept as a file.
    pub file_bytes: i64,
}

impl Store {
    /// What a tenant uses, beside its records.
    pub async fn used(&self, _: HostPermit, tenant: TenantId, now: Timestamp) -> Result<Used, StoreError> {
        let sql = "select (select count(*) from member where tenant_id = $1 and is_active), \
                   (select count(*) from api_key where tenant_id = $1 and revoked_at is null \
                    and (expires_at is null or expires_at > $2)), \
                   (select count(*) from module where tenant_id = $1 and enabled), \
                   (select cast(coalesce(sum(size), 0) as bigint) from blob where tenant_id = $1)";
        let stmt = Stmt::new(sql, [tenant.0.into(), self.db.engine().time(now)]);
        let read = |row: &super::db::Row<'_>| {
            Ok(Used {
                users: row.integer(0)?,
                keys: row.integer(1)?,
                modules: row.integer(2)?,
                file_bytes: row.integer(3)?,
            })
        };
        Ok(self.db.of(tenant).all(Reach::List, stmt, read).await?.into_iter().next().unwrap_or_default())
    }

    /// How many records of an object a tenant has.
    pub async fn count_records(&self, _: HostPermit, tenant: TenantId, object: &Object) -> Result<i64, StoreError> {
        let sql = format!(
            "select count(*) from {} where tenant_id = $1{} and deleted_at is null",
            self.texts(object).table,
            scope(object)
        );
        let counts =
            self.db.of(tenant).all(Reach::List, Stmt::new(sql, [tenant.0.into()]), |row| row.integer(0)).await?;
        Ok(counts.into_iter().next().unwrap_or_default())
    }

    /// Adds to the requests of tenants on a day. A tenant that has gone meanwhile is left out.
    pub async fn add_requests(&self, _: HostPermit, day: &str, counts: &[(TenantId, i64)]) -> Result<(), StoreError> {
        for (tenant, count) in counts {
            let stmt = Stmt::new(
                "insert into request_count (tenant_id, day, requests) select id, $1, $2 from tenant where id = $3 \
                 on conflict (tenant_id, day) do update set requests = request_count.requests + excluded.requests",
                [day.into(), (*count).into(), tenant.0.into()],
            );
            self.db.of(*tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await?;
        }
        Ok(())
    }

    /// Requests of a tenant since a day, that day included.
    pub async fn requests_since(&self, _: HostPermit, tenant: TenantId, day: &str) -> Result<i64, StoreError> {
        let stmt = Stmt::new(
            "select cast(coalesce(sum(requests), 0) as bigint) from request_count where tenant_id = $1 and day >= $2",
            [tenant.0.into(), day.into()],
        );
        Ok(self.db.of(tenant).maybe(stmt, |row| row.integer(0)).await?.unwrap_or_default())
    }
}
