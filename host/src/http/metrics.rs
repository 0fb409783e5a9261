//! `/metrics`: figures of this node, for whatever watches it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::answers::Reading;
use super::operator::Operating;
use crate::app::App;

/// Figures of this node, in the text format of Prometheus.
///
/// For the operator. They count from the start of the process, and name plugins and no tenants.
#[utoipa::path(
    get, path = "/metrics", tag = "operator", operation_id = "metrics",
    responses((status = 200, description = "The figures", body = String, content_type = "text/plain"), Reading),
    security(("operator" = []))
)]
pub async fn get(State(app): State<Arc<App>>, Operating(operator): Operating) -> Response {
    let text = app.metrics(&operator);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
