//! `/identity-providers`: where else users of the tenant can sign in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::answers::{Reading, Writing, kept};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::{Problem, idempotency};
use crate::app::{App, ProviderInput, ProviderView};

/// The providers of a tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IdentityProviders {
    data: Vec<ProviderView>,
}

/// List the providers of the tenant.
#[utoipa::path(
    get, path = "/api/v1/identity-providers", tag = "people", operation_id = "list_identity_providers",
    responses((status = 200, description = "The providers", body = IdentityProviders), Reading),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<IdentityProviders>, Problem> {
    Ok(Json(IdentityProviders { data: app.providers(&caller).await? }))
}

/// Set up a provider, or change it.
///
/// Owners sign in with it only when an owner set it up.
#[utoipa::path(
    put, path = "/api/v1/identity-providers/{provider}", tag = "people", operation_id = "put_identity_provider",
    params(
        ("provider" = String, Path, description = "Its name: lower case letters, digits and `-`"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body = ProviderInput,
    responses((status = 200, description = "The provider as it is now", body = ProviderView), Writing),
    security(("key" = []))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"put_identity_provider", name.as_bytes(), &body.bytes])?;
    let render = |view: &ProviderView| kept(StatusCode::OK, None, Some(view));
    Ok(idempotency::respond(app.put_provider(&caller, &name, &body.members, key, &render).await?))
}

/// Remove a provider.
#[utoipa::path(
    delete, path = "/api/v1/identity-providers/{provider}", tag = "people", operation_id = "remove_identity_provider",
    params(
        ("provider" = String, Path, description = "Its name"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 204, description = "It is gone"), Writing),
    security(("key" = []))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"remove_identity_provider", name.as_bytes()])?;
    let answer = kept::<()>(StatusCode::NO_CONTENT, None, None);
    Ok(idempotency::respond(app.remove_provider(&caller, &name, key, answer).await?))
}
