//! `/audit`: who read and changed fields that are noted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use super::parameters::{limit, parameters};
use crate::app::{App, AuditPage, AuditRequest};

/// List who read and changed fields that are `audited` or encrypted, the newest first.
///
/// For admins. Entries name fields and never hold values.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit",
    params(
        ("object" = Option<String>, Query, description = "Only of this object"),
        ("record" = Option<Uuid>, Query, description = "Only of the record of this id"),
        ("subject" = Option<String>, Query, description = "Only by the user, the key or the plugin of this id"),
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
    let known = ["object", "record", "subject", "action", "field", "since", "until", "limit", "cursor"];
    let mut parameters = parameters(&uri, &known)?;
    let mut take = |name: &str| parameters.remove(name);
    let request = AuditRequest {
        object: take("object"),
        record: take("record"),
        subject: take("subject"),
        action: take("action"),
        field: take("field"),
        since: take("since"),
        until: take("until"),
        limit: limit(take("limit"))?,
        cursor: take("cursor"),
    };
    Ok(Json(app.audit(&caller, &request).await?))
}
