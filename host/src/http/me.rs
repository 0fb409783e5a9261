//! `/me`: who asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use crate::app::{App, MeView};

/// Tell who asks: whose key it is, and the roles and teams that it acts in.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "people", operation_id = "me",
    responses((status = 200, description = "The caller", body = MeView), Reading),
    security(("key" = []))
)]
pub async fn get(State(app): State<Arc<App>>, Authenticated(caller): Authenticated) -> Result<Json<MeView>, Problem> {
    Ok(Json(app.me(&caller).await?))
}
