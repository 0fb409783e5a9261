//! Health, for whatever keeps the process running.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use crate::app::App;

/// Whether the process runs.
#[utoipa::path(
    get, path = "/livez", tag = "health", operation_id = "livez",
    responses((status = 200, description = "It runs", body = String))
)]
pub async fn livez() -> &'static str {
    "ok"
}

/// Whether requests can be served: the database answers.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses(
        (status = 200, description = "Ready", body = String),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if app.is_ready().await {
        return Ok("ok");
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available", "the database does not answer"))
}
