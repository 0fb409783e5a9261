//! What an import keeps of its file beside it: the first values of columns, and refused rows. They are
//! sealed when the object has encrypted fields.

use serde_json::Value as Json;
use uuid::Uuid;

use super::super::{App, AppError};
use crate::domain::id::TenantId;
use crate::domain::import::Plan;
use crate::domain::object::Object;
use crate::domain::seal::Spot;
use crate::store::{FaultRow, ImportRow};

impl App {
    /// A plan as it is kept.
    pub(super) async fn plan_to_keep(
        &self,
        tenant: TenantId,
        object: &Object,
        import: Uuid,
        plan: &Plan,
    ) -> Result<Json, AppError> {
        let json = serde_json::to_value(plan).unwrap_or_default();
        if !object.has_sealed_fields() {
            return Ok(json);
        }
        self.seal_json(tenant, &plan_spot(tenant, import), &json).await
    }

    /// The plan of an import.
    pub(super) async fn plan_of(&self, tenant: TenantId, row: &ImportRow) -> Result<Plan, AppError> {
        self.open_json(tenant, &plan_spot(tenant, row.id), row.plan.clone()).await
    }

    /// The plan of an import as it is kept, without values from its file.
    pub(in crate::app) async fn plan_without_samples(
        &self,
        tenant: TenantId,
        row: &ImportRow,
    ) -> Result<Json, AppError> {
        let is_sealed = row.plan.get("sealed").is_some();
        let mut plan = self.plan_of(tenant, row).await?;
        plan.columns.iter_mut().for_each(|column| column.samples.clear());
        let json = serde_json::to_value(&plan).unwrap_or_default();
        if is_sealed { self.seal_json(tenant, &plan_spot(tenant, row.id), &json).await } else { Ok(json) }
    }

    /// Refused rows as they are kept.
    pub(super) async fn faults_to_keep(
        &self,
        tenant: TenantId,
        object: &Object,
        import: Uuid,
        mut faults: Vec<FaultRow>,
    ) -> Result<Vec<FaultRow>, AppError> {
        for fault in faults.iter_mut().filter(|_| object.has_sealed_fields()) {
            fault.cells = self.seal_json(tenant, &fault_spot(tenant, import, fault.number), &fault.cells).await?;
        }
        Ok(faults)
    }

    /// The cells of a refused row. A row that only looks as if it were sealed is shown as it came.
    pub(super) async fn cells_of(&self, tenant: TenantId, import: Uuid, fault: &FaultRow) -> Result<Json, AppError> {
        match self.open_json(tenant, &fault_spot(tenant, import, fault.number), fault.cells.clone()).await {
            Err(AppError::Unopened | AppError::NoOperatorKey) => Ok(fault.cells.clone()),
            opened => opened,
        }
    }
}

fn plan_spot(tenant: TenantId, import: Uuid) -> Spot {
    Spot::kept(tenant, "plan", &[import.as_bytes()])
}

fn fault_spot(tenant: TenantId, import: Uuid, row: i64) -> Spot {
    Spot::kept(tenant, "refused row", &[import.as_bytes(), &row.to_be_bytes()])
}
