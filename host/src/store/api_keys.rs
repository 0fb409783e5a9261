//! API keys as they are listed and ended.

use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// An API key, as it is listed: never the key itself.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// The id.
    pub id: Uuid,
    /// What people read.
    pub name: String,
    /// Its role; `*` for all of its member.
    pub role: String,
    /// The member whose key it is.
    pub member: Option<Uuid>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, an hour late at most.
    pub last_used_at: Option<Timestamp>,
}

impl Store {
    /// The keys of a tenant that still work, or those of one member, the newest first.
    pub async fn api_keys(
        &self,
        _: HostPermit,
        tenant: TenantId,
        member: Option<Uuid>,
    ) -> Result<Vec<KeyInfo>, StoreError> {
        let mut sql =
            "select id, name, role, member_id, created_by, created_at, expires_at, last_used_at from api_key \
                       where tenant_id = $1 and revoked_at is null"
                .to_owned();
        let mut values = vec![tenant.0.into()];
        if let Some(member) = member {
            sql.push_str(" and member_id = $2");
            values.push(member.into());
        }
        sql.push_str(" order by id desc");
        self.db.of(tenant).all(Reach::List, Stmt::new(sql, values), key).await
    }

    /// Ends a key.
    pub fn revoke_key(&self, _: HostPermit, tenant: TenantId, id: Uuid, at: Timestamp) -> Further {
        let stmt = Stmt::new(
            "update api_key set revoked_at = $1 where tenant_id = $2 and id = $3 and revoked_at is null",
            [self.db.engine().time(at), tenant.0.into(), id.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Notes when keys were used.
    pub async fn keys_used(&self, permit: HostPermit, used: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
        let step = |(id, at): &(Uuid, Timestamp)| {
            let sql = "update api_key set last_used_at = $1 where id = $2";
            let stmt = Stmt::new(sql, [self.db.engine().time(*at), (*id).into()]);
            Step { stmt, expect: Expect::Nothing }
        };
        self.db.across(permit).run(used.iter().map(step).collect()).await
    }
}

fn key(row: &Row<'_>) -> Result<KeyInfo, StoreError> {
    Ok(KeyInfo {
        id: row.id(0)?,
        name: row.text(1)?,
        role: row.text(2)?,
        member: row.maybe_id(3)?,
        created_by: row.maybe_text(4)?,
        created_at: row.time(5)?,
        expires_at: row.maybe_time(6)?,
        last_used_at: row.maybe_time(7)?,
    })
}
