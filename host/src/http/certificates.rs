//! `/certificates`: what was done when people were erased.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use super::jobs::id_of;
use super::parameters::{limit, parameters};
use crate::app::{App, CertificatePage, CertificateView};

/// List the certificates of erasures, the newest first.
#[utoipa::path(
    get, path = "/api/v1/certificates", tag = "privacy", operation_id = "list_certificates",
    params(
        ("limit" = Option<u32>, Query, description = "Certificates on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = CertificatePage), Reading),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
) -> Result<Json<CertificatePage>, Problem> {
    let mut parameters = parameters(&uri, &["limit", "cursor"])?;
    let limit = limit(parameters.remove("limit"))?;
    let cursor = parameters.remove("cursor");
    Ok(Json(app.certificates(&caller, limit, cursor.as_deref()).await?))
}

/// Get a certificate. It says what was done, and holds no value of the person.
#[utoipa::path(
    get, path = "/api/v1/certificates/{id}", tag = "privacy", operation_id = "get_certificate",
    params(("id" = String, Path, description = "Id of the certificate")),
    responses((status = 200, description = "The certificate", body = CertificateView), Reading),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<CertificateView>, Problem> {
    Ok(Json(app.certificate(&caller, id_of("certificate", &id)?).await?))
}
