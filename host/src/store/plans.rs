//! Plans: how much tenants may have that are sold as the same.

use super::db::{Expect, Reach, Step, Stmt};
use super::tenants::{of_json, to_json};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::tenant::TenantLimits;

/// A plan as it is kept.
#[derive(Clone, Debug)]
pub struct PlanRow {
    /// Its name.
    pub name: String,
    /// How much its tenants may have.
    pub limits: TenantLimits,
    /// When it was set.
    pub changed_at: Timestamp,
}

impl Store {
    /// All plans by name; or this one.
    pub async fn plans(&self, permit: HostPermit, name: Option<&str>) -> Result<Vec<PlanRow>, StoreError> {
        let stmt = Stmt::new(
            "select name, limits, changed_at from plan where name = coalesce($1, name) order by name",
            [name.into()],
        );
        let read = |row: &super::db::Row<'_>| {
            Ok(PlanRow { name: row.text(0)?, limits: of_json(row.json(1)?)?, changed_at: row.time(2)? })
        };
        self.db.across(permit).all(Reach::List, stmt, read).await
    }

    /// Sets a plan.
    pub async fn put_plan(&self, permit: HostPermit, row: &PlanRow) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "insert into plan (name, limits, changed_at) values ($1, $2, $3) \
             on conflict (name) do update set limits = excluded.limits, changed_at = excluded.changed_at",
            [row.name.as_str().into(), to_json(&row.limits).into(), self.db.engine().time(row.changed_at)],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// Takes a plan away.
    pub async fn drop_plan(&self, permit: HostPermit, name: &str) -> Result<(), StoreError> {
        let stmt = Stmt::new("delete from plan where name = $1", [name.into()]);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}
