//! What modules said and how they failed, looked through for what is to be forgotten.

use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::id::TenantId;

impl Store {
    /// Failures of a tenant with their transcripts behind one of them, for looking through all of them.
    pub async fn failures_after(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<(Uuid, String, Option<String>)>, StoreError> {
        let stmt = Stmt::new(
            "select id, message, transcript from plugin_failure where tenant_id = $1 and id > $2 order by id limit $3",
            [tenant.0.into(), after.into(), i64::from(limit).into()],
        );
        let read = |row: &Row<'_>| Ok((row.id(0)?, row.text(1)?, row.maybe_text(2)?));
        self.db.of(tenant).all(Reach::List, stmt, read).await
    }

    /// Recorded calls of a tenant behind one of them, for looking through all of them.
    pub async fn recordings_after(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        let stmt = Stmt::new(
            "select id, call from plugin_recording where tenant_id = $1 and id > $2 order by id limit $3",
            [tenant.0.into(), after.into(), i64::from(limit).into()],
        );
        self.db.of(tenant).all(Reach::List, stmt, |row| Ok((row.id(0)?, row.text(1)?))).await
    }

    /// Lines of a tenant behind a number, for looking through all of them: number, call, and all that was said.
    pub async fn lines_after(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Uuid, String)>, StoreError> {
        let stmt = Stmt::new(
            "select seq, invocation, message, fields from plugin_log where tenant_id = $1 and seq > $2 \
             order by seq limit $3",
            [tenant.0.into(), after.into(), i64::from(limit).into()],
        );
        let read = |row: &Row<'_>| Ok((row.integer(0)?, row.id(1)?, format!("{} {}", row.text(2)?, row.json(3)?)));
        self.db.of(tenant).all(Reach::List, stmt, read).await
    }

    /// The steps that forget these lines, and what is kept of these calls.
    pub fn forget_said(&self, _: HostPermit, tenant: TenantId, lines: &[i64], calls: &[Uuid]) -> Vec<Further> {
        let line = |seq: &i64| {
            Stmt::new("delete from plugin_log where tenant_id = $1 and seq = $2", [tenant.0.into(), (*seq).into()])
        };
        let call = |id: &Uuid| {
            ["plugin_failure", "plugin_recording"].map(|table| {
                let sql = format!("delete from {table} where tenant_id = $1 and id = $2");
                Stmt::new(sql, [tenant.0.into(), (*id).into()])
            })
        };
        let all = lines.iter().map(line).chain(calls.iter().flat_map(call));
        all.map(|stmt| Further(Step { stmt, expect: Expect::Nothing })).collect()
    }
}
