//! `/plugins/{plugin}/rollout`, `.../revoke` and `.../restore`: versions of plugins, for the operator of the host.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::Problem;
use super::answers::Writing;
use super::body::ObjectBody;
use super::operator::Operating;
use crate::app::{App, AppError, RolledOut, Rollout};

/// Give tenants a version of a plugin.
///
/// Those that are named, or all that let the operator change the version (`automatic`), or a share of these. A tenant
/// that would have to agree to more keeps its version until it does.
#[utoipa::path(
    post, path = "/api/v1/plugins/{plugin}/rollout", tag = "operator", operation_id = "roll_out_plugin",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    request_body(content = Rollout, example = json!({"version": "1.4.2", "percent": 10})),
    responses((status = 200, description = "What came of it", body = RolledOut), Writing),
    security(("operator" = []))
)]
pub async fn roll_out(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(plugin): Path<String>,
    body: ObjectBody,
) -> Result<Json<RolledOut>, Problem> {
    Ok(Json(app.roll_out(&operator, &plugin, &body.members).await?))
}

/// Why a version is stopped.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// What the tenants are told, 1 to 500 characters.
    reason: String,
}

/// Stop a version of a plugin everywhere.
///
/// Nothing of it runs any more, here at once and on other nodes within a second; it cannot be pinned again. Tenants
/// that have it go on without the module, until another version is in place.
#[utoipa::path(
    post, path = "/api/v1/plugins/{plugin}/versions/{version}/revoke", tag = "operator", operation_id = "revoke_plugin",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("version" = String, Path, description = "The version"),
    ),
    request_body = Revocation,
    responses((status = 204, description = "It is stopped"), Writing),
    security(("operator" = []))
)]
pub async fn revoke(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path((plugin, version)): Path<(String, String)>,
    body: ObjectBody,
) -> Result<StatusCode, Problem> {
    let wrong = |text: String| AppError::invalid("reason", "wrong_type", text);
    let Revocation { reason } =
        serde_json::from_value(serde_json::Value::Object(body.members)).map_err(|error| wrong(error.to_string()))?;
    if !(1..=500).contains(&reason.chars().count()) {
        return Err(AppError::invalid("reason", "out_of_range", "has 1 to 500 characters").into());
    }
    app.revoke_version(&operator, &plugin, &version, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a version of a plugin run again that was stopped.
///
/// Tenants that still have it go on with it where they were: events that came meanwhile are brought to it, and jobs
/// that it left are done.
#[utoipa::path(
    post, path = "/api/v1/plugins/{plugin}/versions/{version}/restore", tag = "operator",
    operation_id = "restore_plugin",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("version" = String, Path, description = "The version"),
    ),
    responses((status = 204, description = "It may run"), Writing),
    security(("operator" = []))
)]
pub async fn restore(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path((plugin, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.restore_version(&operator, &plugin, &version).await?;
    Ok(StatusCode::NO_CONTENT)
}
