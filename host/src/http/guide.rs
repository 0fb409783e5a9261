//! `/guide`: four questions, and the modules that the answers speak for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::answers::{Asking, Reading, Writing, kept};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::{Problem, idempotency};
use crate::app::{AcceptModulesInput, AcceptedModules, App, ProposalInput, ProposalView};
use crate::domain::guide::{GuideQuestion, questions};

/// The questions of the guide.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Guide {
    data: &'static [GuideQuestion],
}

/// The questions, each with the answers to choose one from.
#[utoipa::path(
    get, path = "/api/v1/guide", tag = "modules", operation_id = "get_guide",
    responses((status = 200, description = "The questions", body = Guide), Reading),
    security(("key" = []))
)]
pub async fn get(_: Authenticated) -> Json<Guide> {
    Json(Guide { data: questions() })
}

/// Ask which modules the answers speak for, and why.
///
/// Nothing is changed. The industry alone is a preset.
#[utoipa::path(
    post, path = "/api/v1/guide/proposal", tag = "modules", operation_id = "propose_modules",
    request_body(content = ProposalInput, example = json!({"answers": {"industry": "retail", "company_size": "small", "stage": "growth", "goal": "service"}})),
    responses((status = 200, description = "The modules", body = ProposalView), Asking),
    security(("key" = []))
)]
pub async fn propose(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    body: ObjectBody,
) -> Result<Json<ProposalView>, Problem> {
    Ok(Json(app.propose(&caller, &body.members).await?))
}

/// Switch on the modules that were chosen, all of them or none.
#[utoipa::path(
    post, path = "/api/v1/guide/accept", tag = "modules", operation_id = "accept_modules",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body(content = AcceptModulesInput, example = json!({"modules": ["guildhall.service"]})),
    responses((status = 200, description = "Those modules as they are now", body = AcceptedModules), Writing),
    security(("key" = []))
)]
pub async fn accept(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"accept_modules", &body.bytes])?;
    let render = |accepted: &AcceptedModules| kept(StatusCode::OK, None, Some(accepted));
    Ok(idempotency::respond(app.accept_modules(&caller, &body.members, key, &render).await?))
}
