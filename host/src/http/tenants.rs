//! `/tenants`: the tenants of this host, for its operator.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::conditions::{etag, if_match};
use super::download::download;
use super::operator::{Operating, request, versioned};
use super::parameters::{limit, parameters};
use super::{Problem, idempotency};
use crate::app::{
    App, MadeTenantView, NewTenantInput, TenantInput, TenantPage, TenantView, TenantsRequest, Turn, UsageView,
};

/// List tenants, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "operator", operation_id = "list_tenants",
    params(
        ("state" = Option<String>, Query, description = "Only in this state: `active`, `suspended`, `deleted`, `erasing`"),
        ("limit" = Option<u32>, Query, description = "Tenants on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = TenantPage), Reading),
    security(("operator" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    uri: Uri,
) -> Result<Json<TenantPage>, Problem> {
    let mut parameters = parameters(&uri, &["state", "limit", "cursor"])?;
    let mut take = |name: &str| parameters.remove(name);
    let request = TenantsRequest { state: take("state"), limit: limit(take("limit"))?, cursor: take("cursor") };
    Ok(Json(app.tenants(&operator, &request).await?))
}

/// Make a tenant.
///
/// In one commit, with its first user, its first key, and the modules that the answers to the guide speak for.
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "operator", operation_id = "create_tenant",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    request_body(content = NewTenantInput, example = json!({"slug": "acme", "name": "Acme", "timezone": "Europe/Berlin", "answers": {"industry": "retail"}, "admin": {"email": "ann@example.com", "name": "Ann"}})),
    responses((status = 201, description = "The tenant, with its first key, which is shown here only", body = MadeTenantView), Writing),
    security(("operator" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let request = request(&operator, &headers, &[b"create_tenant", &body.bytes])?;
    let render = |view: &MadeTenantView| {
        let location = format!("/api/v1/tenants/{}", view.tenant.id);
        versioned(StatusCode::CREATED, Some(location), view.tenant.version, view)
    };
    Ok(idempotency::respond(app.make_tenant(&operator, &body.members, request, &render).await?))
}

/// Get a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}", tag = "operator", operation_id = "get_tenant",
    params(("tenant" = String, Path, description = "Id or slug of the tenant")),
    responses((status = 200, description = "The tenant", body = TenantView), Reading),
    security(("operator" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    let view = app.tenant(&operator, &tenant).await?;
    Ok(([(header::ETAG, etag(view.version))], Json(view)).into_response())
}

/// Change name, plan, term or limits of a tenant.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}", tag = "operator", operation_id = "change_tenant",
    params(
        ("tenant" = String, Path, description = "Id or slug of the tenant"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it must still have"),
    ),
    request_body = TenantInput,
    responses((status = 200, description = "The tenant as it is now", body = TenantView), Writing),
    security(("operator" = []))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let version = if_match(&headers)?;
    Ok(idempotency::respond(app.change_tenant(&operator, &tenant, &body.members, version, &shown).await?))
}

/// Suspend a tenant.
///
/// Its keys are refused, its streams end, its jobs and webhooks rest; everything is kept. Every node knows within
/// a second.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/suspend", tag = "operator", operation_id = "suspend_tenant",
    params(
        ("tenant" = String, Path, description = "Id or slug of the tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 200, description = "The tenant as it is now", body = TenantView), Writing),
    security(("operator" = []))
)]
pub async fn suspend(
    app: State<Arc<App>>,
    operator: Operating,
    tenant: Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    turn(app, operator, tenant, &headers, Turn::Suspend, b"suspend_tenant").await
}

/// Serve a suspended tenant again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/resume", tag = "operator", operation_id = "resume_tenant",
    params(
        ("tenant" = String, Path, description = "Id or slug of the tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 200, description = "The tenant as it is now", body = TenantView), Writing),
    security(("operator" = []))
)]
pub async fn resume(
    app: State<Arc<App>>,
    operator: Operating,
    tenant: Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    turn(app, operator, tenant, &headers, Turn::Resume, b"resume_tenant").await
}

/// Delete a tenant.
///
/// It rests at once, and is erased from every table when its grace is over (`erase_at`).
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}", tag = "operator", operation_id = "delete_tenant",
    params(
        ("tenant" = String, Path, description = "Id or slug of the tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 200, description = "The tenant as it is now", body = TenantView), Writing),
    security(("operator" = []))
)]
pub async fn remove(
    app: State<Arc<App>>,
    operator: Operating,
    tenant: Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    turn(app, operator, tenant, &headers, Turn::Delete, b"delete_tenant").await
}

/// Bring back a deleted tenant that is not erased yet.
///
/// It stands where it stood before.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/restore", tag = "operator", operation_id = "restore_tenant",
    params(
        ("tenant" = String, Path, description = "Id or slug of the tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses((status = 200, description = "The tenant as it is now", body = TenantView), Writing),
    security(("operator" = []))
)]
pub async fn restore(
    app: State<Arc<App>>,
    operator: Operating,
    tenant: Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    turn(app, operator, tenant, &headers, Turn::Restore, b"restore_tenant").await
}

/// What a tenant uses of what it may.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/usage", tag = "operator", operation_id = "tenant_usage",
    params(("tenant" = String, Path, description = "Id or slug of the tenant")),
    responses((status = 200, description = "What it uses", body = UsageView), Reading),
    security(("operator" = []))
)]
pub async fn usage(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(tenant): Path<String>,
) -> Result<Json<UsageView>, Problem> {
    Ok(Json(app.usage_of(&operator, &tenant).await?))
}

/// Everything of a tenant in one file.
///
/// A tar of JSON lines and of the contents of files, sent as it is read; `manifest.json` is its last entry. The
/// tenant may be suspended or deleted.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/export", tag = "operator", operation_id = "operator_export",
    params(("tenant" = String, Path, description = "Id or slug of the tenant")),
    responses((status = 200, description = "The file", content((String = "application/x-tar"))), Reading),
    security(("operator" = []))
)]
pub async fn export(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    Ok(download("application/x-tar", "tenant.tar", app.stream_tenant(&operator, &tenant).await?))
}

async fn turn(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(tenant): Path<String>,
    headers: &HeaderMap,
    turn: Turn,
    name: &[u8],
) -> Result<Response, Problem> {
    let request = request(&operator, headers, &[name, tenant.as_bytes()])?;
    Ok(idempotency::respond(app.turn_tenant(&operator, &tenant, turn, request, &shown).await?))
}

fn shown(view: &TenantView) -> crate::app::Answer {
    versioned(StatusCode::OK, None, view.version, view)
}
