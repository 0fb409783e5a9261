//! `/plans`: how much tenants may have that are sold as the same.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::Problem;
use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::operator::Operating;
use crate::app::{App, PlanView};
use crate::domain::tenant::TenantLimits;

/// Plans.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Plans {
    /// By name.
    data: Vec<PlanView>,
}

/// List the plans.
#[utoipa::path(
    get, path = "/api/v1/plans", tag = "tenants", operation_id = "list_plans",
    responses((status = 200, description = "The plans", body = Plans), Reading),
    security(("operator" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Operating(operator): Operating) -> Result<Json<Plans>, Problem> {
    Ok(Json(Plans { data: app.plans(&operator).await? }))
}

/// Set how much tenants of a plan may have.
///
/// It holds for every tenant with this `plan`, as far as nothing else was said of that one, on every node within a
/// second. What is not named is as the host has it.
#[utoipa::path(
    put, path = "/api/v1/plans/{plan}", tag = "tenants", operation_id = "put_plan",
    params(("plan" = String, Path, description = "Name of the plan, 1 to 100 characters")),
    request_body(content = TenantLimits, example = json!({"max_users": 20, "plugins": {"hook_cpu_ms": 100}})),
    responses((status = 200, description = "The plan", body = PlanView), Writing),
    security(("operator" = []))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(plan): Path<String>,
    body: ObjectBody,
) -> Result<Json<PlanView>, Problem> {
    Ok(Json(app.put_plan(&operator, &plan, &body.members).await?))
}

/// Take a plan away.
///
/// Its tenants keep its name, and have the limits of the host.
#[utoipa::path(
    delete, path = "/api/v1/plans/{plan}", tag = "tenants", operation_id = "drop_plan",
    params(("plan" = String, Path, description = "Name of the plan")),
    responses((status = 204, description = "It is gone"), Writing),
    security(("operator" = []))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(plan): Path<String>,
) -> Result<StatusCode, Problem> {
    app.drop_plan(&operator, &plan).await?;
    Ok(StatusCode::NO_CONTENT)
}
