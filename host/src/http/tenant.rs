//! `/tenant` and `/usage`: the caller's tenant as a whole.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::answers::{Reading, Writing, kept};
use super::credential::Authenticated;
use super::download::download;
use super::jobs::id_of;
use super::{Problem, idempotency};
use crate::app::{App, TenantExportView, UsageView};

/// What the tenant uses of what it may.
#[utoipa::path(
    get, path = "/api/v1/usage", tag = "tenant", operation_id = "usage",
    responses((status = 200, description = "What it uses", body = UsageView), Reading),
    security(("key" = []))
)]
pub async fn usage(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<UsageView>, Problem> {
    Ok(Json(app.usage(&caller).await?))
}

/// Export everything of the tenant.
///
/// A job writes it into one file, which is kept for a week: a tar of JSON lines and of the contents of files, with
/// `manifest.json` as its last entry.
#[utoipa::path(
    post, path = "/api/v1/tenant/export", tag = "tenant", operation_id = "export_tenant",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters of your choice; the same request with the same key is done once"),
    ),
    responses(
        (status = 202, description = "The export", body = TenantExportView, headers(("Location" = String, description = "Where it is"))),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn export(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, &headers, &[b"export_tenant"])?;
    let render = |view: &TenantExportView| {
        kept(StatusCode::ACCEPTED, Some(format!("/api/v1/tenant/export/{}", view.id)), Some(view))
    };
    Ok(idempotency::respond(app.start_tenant_export(&caller, key, &render).await?))
}

/// Get an export of everything.
#[utoipa::path(
    get, path = "/api/v1/tenant/export/{id}", tag = "tenant", operation_id = "get_tenant_export",
    params(("id" = String, Path, description = "Id of the export")),
    responses((status = 200, description = "The export", body = TenantExportView), Reading),
    security(("key" = []))
)]
pub async fn get_export(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<TenantExportView>, Problem> {
    Ok(Json(app.tenant_export(&caller, id_of("export", &id)?).await?))
}

/// The file of an export of everything that is done.
#[utoipa::path(
    get, path = "/api/v1/tenant/export/{id}/file", tag = "tenant", operation_id = "tenant_export_file",
    params(("id" = String, Path, description = "Id of the export")),
    responses(
        (status = 200, description = "The file", content((String = "application/x-tar"))),
        (status = 409, description = "The export is not done", body = Problem, content_type = "application/problem+json"),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get_file(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let bytes = app.tenant_export_file(&caller, id_of("export", &id)?).await?;
    Ok(download("application/x-tar", "tenant.tar", bytes))
}
