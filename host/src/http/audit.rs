//! `/audit`: who read and changed fields that are noted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use crate::app::{App, AuditPage, AuditRequest};

/// List who read and changed fields that are `audited` or encrypted, the newest first.
///
/// For admins. Entries name fields and never hold values.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit",
    params(
        ("object" = Option<String>, Query, description = "Only of this object"),
        ("record" = Option<String>, Query, description = "Only of the record of this id"),
        ("subject" = Option<String>, Query, description = "Only by the key or the plugin of this id"),
        ("action" = Option<String>, Query, description = "`read` or `change`"),
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
    let mut request = AuditRequest::default();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let value = value.into_owned();
        match name.as_ref() {
            "object" => request.object = Some(value),
            "record" => request.record = Some(value),
            "subject" => request.subject = Some(value),
            "action" => request.action = Some(value),
            "field" => request.field = Some(value),
            "since" => request.since = Some(value),
            "until" => request.until = Some(value),
            "cursor" => request.cursor = Some(value),
            "limit" => {
                let limit = value.parse();
                request.limit = Some(
                    limit.map_err(|_| Problem::bad_request("invalid_parameter", "`limit` has to be a whole number"))?,
                );
            }
            name => return Err(Problem::bad_request("unknown_parameter", format!("there is no parameter `{name}`"))),
        }
    }
    Ok(Json(app.audit(&caller, &request).await?))
}
