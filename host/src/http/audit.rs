//! `/audit`: who read and changed what is noted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use super::download::download;
use super::parameters::{limit, parameters};
use crate::app::{App, AuditPage, AuditRequest, ExportFormat};

/// List who did what, the newest first.
///
/// For admins. Reads and changes of fields that are `audited` or encrypted, and everything that changes who may do
/// what, how the host works for the tenant, or takes many records out or in. Entries name fields and never hold values.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit",
    params(
        ("object" = Option<String>, Query, description = "Only of this object, or of this area of the host, with `#` in front: `#roles`"),
        ("record" = Option<Uuid>, Query, description = "Only of the record of this id"),
        ("subject" = Option<String>, Query, description = "Only by the user, the key or the plugin of this id"),
        ("action" = Option<String>, Query, description = "`read`, `change`, `export`, `import` or `erase`"),
        ("request" = Option<String>, Query, description = "Only of the request of this `X-Request-Id`, or `job:` and the id of a job"),
        ("field" = Option<String>, Query, description = "Only with this field"),
        ("since" = Option<String>, Query, description = "Only from this time on, in RFC 3339"),
        ("until" = Option<String>, Query, description = "Only before this time, in RFC 3339"),
        ("limit" = Option<u32>, Query, description = "Entries on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = AuditPage),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
) -> Result<Json<AuditPage>, Problem> {
    let (request, _) = request(&uri, &["limit", "cursor"])?;
    Ok(Json(app.audit(&caller, &request).await?))
}

/// Export who did what.
///
/// The same entries as a file, however many there are, sent as they are read. That is noted, too.
#[utoipa::path(
    get, path = "/api/v1/audit/export", tag = "audit", operation_id = "export_audit",
    params(
        ("format" = Option<String>, Query, description = "`csv` (when not given) or `jsonl`"),
        ("object" = Option<String>, Query, description = "As in the list"),
        ("record" = Option<String>, Query, description = "As in the list"),
        ("subject" = Option<String>, Query, description = "As in the list"),
        ("action" = Option<String>, Query, description = "As in the list"),
        ("request" = Option<String>, Query, description = "As in the list"),
        ("field" = Option<String>, Query, description = "As in the list"),
        ("since" = Option<String>, Query, description = "As in the list"),
        ("until" = Option<String>, Query, description = "As in the list"),
    ),
    responses(
        (status = 200, description = "The entries", content((String = "text/csv"), (String = "application/jsonl"))),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn export(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
) -> Result<Response, Problem> {
    let (request, format) = request(&uri, &["format"])?;
    let (format, name) = match format.as_deref() {
        None | Some("csv") => (ExportFormat::Csv, "audit.csv"),
        Some("jsonl") => (ExportFormat::Jsonl, "audit.jsonl"),
        Some(_) => return Err(Problem::bad_request("invalid_parameter", "`format` is `csv` or `jsonl`")),
    };
    let bytes = app.export_audit(&caller, &request, format).await?;
    Ok(download(format.media_type(), name, bytes))
}

/// Reads which entries are asked for, and a format.
fn request(uri: &Uri, further: &[&str]) -> Result<(AuditRequest, Option<String>), Problem> {
    let known = ["object", "record", "subject", "action", "request", "field", "since", "until"];
    let mut parameters = parameters(uri, &[&known, further].concat())?;
    let mut take = |name: &str| parameters.remove(name);
    let request = AuditRequest {
        object: take("object"),
        record: take("record"),
        subject: take("subject"),
        action: take("action"),
        request: take("request"),
        field: take("field"),
        since: take("since"),
        until: take("until"),
        limit: limit(take("limit"))?,
        cursor: take("cursor"),
    };
    Ok((request, take("format")))
}
