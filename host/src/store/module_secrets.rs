//! Secrets that tenants gave their modules, as they are kept: sealed by the floor above.

use serde_json::Value as Json;

use super::commit::Further;
use super::db::{Expect, Reach, Step, Stmt};
use super::{Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

impl Store {
    /// A secret as it is kept.
    pub async fn module_secret(
        &self,
        _: HostPermit,
        tenant: TenantId,
        plugin: &str,
        name: &str,
    ) -> Result<Option<Json>, StoreError> {
        let stmt = Stmt::new(
            "select value from module_secret where tenant_id = $1 and plugin_id = $2 and name = $3",
            [tenant.0.into(), plugin.into(), name.into()],
        );
        self.db.of(tenant).maybe(stmt, |row| row.json(0)).await
    }

    /// The names of the secrets that a module has.
    pub async fn module_secret_names(
        &self,
        _: HostPermit,
        tenant: TenantId,
        plugin: &str,
    ) -> Result<Vec<String>, StoreError> {
        let stmt = Stmt::new(
            "select name from module_secret where tenant_id = $1 and plugin_id = $2 order by name",
            [tenant.0.into(), plugin.into()],
        );
        self.db.of(tenant).all(Reach::Point, stmt, |row| row.text(0)).await
    }

    /// The step that sets a secret.
    pub fn put_module_secret(
        &self,
        permit: AreaPermit<Configure>,
        plugin: &str,
        name: &str,
        value: Json,
        at: Timestamp,
    ) -> Further {
        let stmt = Stmt::new(
            "insert into module_secret (tenant_id, plugin_id, name, value, set_at) values ($1, $2, $3, $4, $5) \
             on conflict (tenant_id, plugin_id, name) do update set value = excluded.value, set_at = excluded.set_at",
            [permit.tenant().0.into(), plugin.into(), name.into(), value.into(), self.db.engine().time(at)],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that takes a secret away.
    pub fn remove_module_secret(&self, permit: AreaPermit<Configure>, plugin: &str, name: &str) -> Further {
        let stmt = Stmt::new(
            "delete from module_secret where tenant_id = $1 and plugin_id = $2 and name = $3",
            [permit.tenant().0.into(), plugin.into(), name.into()],
        );
        Further(Step { stmt, expect: Expect::Nothing })
    }
}
