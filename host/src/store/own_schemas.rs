//! What tenants made for themselves.

use serde_json::Value as Json;

use super::custom::{self, CUSTOM};
use super::db::{CommitError, Expect, Step, Stmt};
use super::tables::{quote, scope, table_name};
use super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::object::Object;

impl Store {
    /// A tenant's own schema and its version; none when it has made nothing.
    pub async fn own_schema(&self, _: HostPermit, tenant: TenantId) -> Result<Option<(i64, Json)>, StoreError> {
        let stmt = Stmt::new("select version, definition from tenant_schema where tenant_id = $1", [tenant.0.into()]);
        self.db.of(tenant).maybe(stmt, |row| Ok((row.integer(0)?, row.json(1)?))).await
    }

    /// Replaces it, when it still has this version, and puts the values of a
    /// field that became indexed into their slot; further steps are part of it.
    /// False when it has changed.
    pub async fn set_own_schema(
        &self,
        permit: AreaPermit<Configure>,
        from: i64,
        definition: Json,
        fill: Option<(&Object, usize)>,
        further: Vec<Further>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let tenant = permit.tenant().0;
        let at = self.db.engine().time(at);
        let stmt = if from == 0 {
            Stmt::new(
                "insert into tenant_schema (tenant_id, version, definition, changed_at) \
                 values ($1, 1, $2, $3) on conflict do nothing",
                [tenant.into(), definition.into(), at],
            )
        } else {
            Stmt::new(
                "update tenant_schema set version = version + 1, definition = $1, changed_at = $2 \
                 where tenant_id = $3 and version = $4",
                [definition.into(), at, tenant.into(), from.into()],
            )
        };
        let mut steps = vec![Step { stmt, expect: Expect::OneChange }];
        steps.extend(fill.and_then(|(object, field)| self.fill_slot(permit.tenant(), object, field)));
        steps.extend(further.into_iter().map(|further| further.0));
        match self.db.of(permit.tenant()).commit(steps).await {
            Ok(()) => Ok(true),
            Err(CommitError::Unmet(0) | CommitError::Unique(0) | CommitError::Busy) => Ok(false),
            Err(error) => Err(super::db::store_error(error)),
        }
    }

    fn fill_slot(&self, tenant: TenantId, object: &Object, field: usize) -> Option<Step> {
        let engine = self.db.engine();
        let field = &object.fields[field];
        let slot = field.def.slot.as_deref()?;
        let value = custom::stored(engine, field);
        let sql = format!(
            "update {} set {} = {value} where tenant_id = $1{} and {CUSTOM} is not null",
            quote(&table_name(object)),
            quote(slot),
            scope(object)
        );
        Some(Step { stmt: Stmt::new(sql, [tenant.0.into()]), expect: Expect::Nothing })
    }
}
