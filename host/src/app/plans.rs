//! Plans: how much tenants may have that are sold as the same. What is said of one tenant goes before its plan, and
//! the plan before the host's own.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::people::read;
use super::tenants::MAX_PLAN;
use super::{App, AppError, Operator};
use crate::access::{Chore, HostPermit};
use crate::domain::invalid::FieldError;
use crate::domain::tenant::{Tenancy, TenantLimits};
use crate::store::PlanRow;

/// A plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// Its name: what tenants are sold as.
    pub name: String,
    /// How much a tenant may have, as far as nothing else was said of it.
    pub limits: TenantLimits,
    /// When it was set.
    pub changed_at: String,
}

impl App {
    /// All plans.
    pub async fn plans(&self, _: &Operator) -> Result<Vec<PlanView>, AppError> {
        let rows = self.store.plans(HostPermit::new(Chore::Operate), None).await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Sets a plan; within a second it holds for all of its tenants, on every node.
    pub async fn put_plan(
        &self,
        operator: &Operator,
        name: &str,
        fields: &Map<String, Json>,
    ) -> Result<PlanView, AppError> {
        let limits: TenantLimits = read(fields)?;
        let mut faults = limits.plugins.beyond("plugins");
        if !(1..=MAX_PLAN).contains(&name.chars().count()) {
            faults.push(FieldError::new("plan", "out_of_range", format!("has 1 to {MAX_PLAN} characters")));
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let row = PlanRow { name: name.to_owned(), limits, changed_at: self.clock.now() };
        self.store.put_plan(HostPermit::new(Chore::Operate), &row).await?;
        self.standings.invalidate_all();
        let by = operator.key.map(|key| key.to_string()).unwrap_or_default();
        tracing::info!(plan = name, ?limits, by, "a plan was set");
        Ok(view(row))
    }

    /// Takes a plan away. Its tenants keep its name, and have the limits of the host then.
    pub async fn drop_plan(&self, operator: &Operator, name: &str) -> Result<(), AppError> {
        let permit = HostPermit::new(Chore::Operate);
        if self.store.plans(permit, Some(name)).await?.is_empty() {
            return Err(AppError::no_record("plan", &name));
        }
        self.store.drop_plan(permit, name).await?;
        self.standings.invalidate_all();
        let by = operator.key.map(|key| key.to_string()).unwrap_or_default();
        tracing::info!(plan = name, by, "a plan was taken away");
        Ok(())
    }

    /// How much a tenant may have.
    pub(super) async fn limits_of(&self, tenancy: &Tenancy) -> Result<TenantLimits, AppError> {
        let Some(plan) = &tenancy.plan else { return Ok(tenancy.limits) };
        let rows = self.store.plans(HostPermit::new(Chore::Serve), Some(plan)).await?;
        Ok(rows.first().map_or(tenancy.limits, |row| tenancy.limits.or(row.limits)))
    }
}

fn view(row: PlanRow) -> PlanView {
    PlanView { name: row.name, limits: row.limits, changed_at: row.changed_at.to_string() }
}
