//! `/modules/{plugin}/usage`, `/logs`, `/failures`, `/dead-letters` and `/plugin-access`: what modules cost, said and read.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::Problem;
use super::answers::{Reading, Writing};
use super::credential::Authenticated;
use super::jobs::id_of;
use super::parameters::{limit, parameters};
use crate::app::{AccessPage, AccessRequest, App, CallsRequest, DeadLetters, FailurePage, LogPage, ModuleUsageView};

/// What a module cost.
///
/// By day in UTC, version and extension point; the last 31 days when nothing is said.
#[utoipa::path(
    get, path = "/api/v1/modules/{plugin}/usage", tag = "modules", operation_id = "module_usage",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("from" = Option<String>, Query, description = "The first day, `2026-11-01`"),
        ("to" = Option<String>, Query, description = "The last day, this one included; at most 366 days after `from`"),
    ),
    responses((status = 200, description = "What it cost", body = ModuleUsageView), Reading),
    security(("key" = []))
)]
pub async fn usage(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
    uri: Uri,
) -> Result<Json<ModuleUsageView>, Problem> {
    let given = parameters(&uri, &["from", "to"])?;
    let day = |name: &str| given.get(name).map(String::as_str);
    Ok(Json(app.module_usage(&caller, &plugin, day("from"), day("to")).await?))
}

/// List what a module said, the newest first.
///
/// For who may configure modules. The newest 10,000 lines of all modules of a tenant are kept. What stands in them is
/// the plugin's own, and may hold what is in records.
#[utoipa::path(
    get, path = "/api/v1/modules/{plugin}/logs", tag = "modules", operation_id = "module_logs",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("level" = Option<String>, Query, description = "Only lines of this level: `debug`, `info`, `warn`, `error`"),
        ("invocation" = Option<Uuid>, Query, description = "Only lines of this call"),
        ("from" = Option<String>, Query, description = "Only from this time on, in RFC 3339"),
        ("limit" = Option<u32>, Query, description = "Lines on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = LogPage), Reading),
    security(("key" = []))
)]
pub async fn logs(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
    uri: Uri,
) -> Result<Json<LogPage>, Problem> {
    Ok(Json(app.module_logs(&caller, &plugin, &calls(&uri, "level")?).await?))
}

/// List calls of a module that failed, the newest first.
///
/// For who may configure modules. A hook that refuses a change has not failed. Kept for 30 days, at most 1,000 of a
/// tenant.
#[utoipa::path(
    get, path = "/api/v1/modules/{plugin}/failures", tag = "modules", operation_id = "module_failures",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("code" = Option<String>, Query, description = "Only with this code: `plugin_trap`, `cpu_limit` and so on"),
        ("invocation" = Option<Uuid>, Query, description = "Only this call"),
        ("from" = Option<String>, Query, description = "Only from this time on, in RFC 3339"),
        ("limit" = Option<u32>, Query, description = "Failures on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = FailurePage), Reading),
    security(("key" = []))
)]
pub async fn failures(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
    uri: Uri,
) -> Result<Json<FailurePage>, Problem> {
    Ok(Json(app.module_failures(&caller, &plugin, &calls(&uri, "code")?).await?))
}

/// Get a failed call as a file, to run it again with `guildhall plugin replay`.
///
/// There is one when the module has `keep_failures`, for 30 days. It holds what the module saw of records, so it takes
/// the right to export the tenant, and is noted in the audit trail. Encrypted fields, secret settings and credentials
/// are never in it.
#[utoipa::path(
    get, path = "/api/v1/modules/{plugin}/failures/{failure}/replay", tag = "modules", operation_id = "failure_replay",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("failure" = Uuid, Path, description = "Id of the failure"),
    ),
    responses((status = 200, description = "The file", body = serde_json::Value), Reading),
    security(("key" = []))
)]
pub async fn replay(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((plugin, failure)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = id_of("failure", &failure)?;
    let file = app.failure_replay(&caller, &plugin, id).await?;
    let name = format!("attachment; filename=\"{id}.json\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let mut response = (headers, file).into_response();
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// List the events that a module could not handle.
///
/// An event at which a module fails three times is set aside, so that the rest goes on. For who may configure modules;
/// the oldest first, at most 500.
#[utoipa::path(
    get, path = "/api/v1/modules/{plugin}/dead-letters", tag = "modules", operation_id = "list_dead_letters",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    responses((status = 200, description = "The events", body = DeadLetters), Reading),
    security(("key" = []))
)]
pub async fn dead_letters(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(plugin): Path<String>,
) -> Result<Json<DeadLetters>, Problem> {
    Ok(Json(app.dead_letters(&caller, &plugin).await?))
}

/// Show a module an event again that it could not handle.
///
/// It is shown to the module as that is now, outside the order of events. What the module does of it commits together
/// with the end of the entry; when it fails again, the answer says how, and the entry stays.
#[utoipa::path(
    post, path = "/api/v1/modules/{plugin}/dead-letters/{letter}/retry", tag = "modules",
    operation_id = "retry_dead_letter",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("letter" = Uuid, Path, description = "Id of the event"),
    ),
    responses((status = 204, description = "The module has handled it"), Writing),
    security(("key" = []))
)]
pub async fn retry_dead_letter(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((plugin, letter)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.retry_dead_letter(&caller, &plugin, id_of("event", &letter)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let an event be that a module could not handle.
#[utoipa::path(
    delete, path = "/api/v1/modules/{plugin}/dead-letters/{letter}", tag = "modules",
    operation_id = "drop_dead_letter",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("letter" = Uuid, Path, description = "Id of the event"),
    ),
    responses((status = 204, description = "It is not set aside any more"), Writing),
    security(("key" = []))
)]
pub async fn drop_dead_letter(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((plugin, letter)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.drop_dead_letter(&caller, &plugin, id_of("event", &letter)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what modules read and where they sent, the newest first.
///
/// For who may read the audit trail. One entry for each object that a call read, and for each host that it sent to:
/// names of fields and ids of records, never values. What a call was shown as its input counts as read. Kept for 90
/// days.
#[utoipa::path(
    get, path = "/api/v1/plugin-access", tag = "audit", operation_id = "list_plugin_access",
    params(
        ("record" = Option<String>, Query, description = "Only of this record: `contact/` and its id"),
        ("plugin" = Option<String>, Query, description = "Only of this plugin"),
        ("host" = Option<String>, Query, description = "Only to this host"),
        ("from" = Option<String>, Query, description = "Only from this time on, in RFC 3339"),
        ("limit" = Option<u32>, Query, description = "Entries on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = AccessPage), Reading),
    security(("key" = []))
)]
pub async fn access(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
) -> Result<Json<AccessPage>, Problem> {
    let mut given = parameters(&uri, &["record", "plugin", "host", "from", "limit", "cursor"])?;
    let mut take = |name: &str| given.remove(name);
    let request = AccessRequest {
        record: take("record"),
        plugin: take("plugin"),
        host: take("host"),
        from: take("from"),
        limit: limit(take("limit"))?,
        cursor: take("cursor"),
    };
    Ok(Json(app.plugin_access(&caller, &request).await?))
}

/// Reads which lines or failures are asked for.
fn calls(uri: &Uri, word: &str) -> Result<CallsRequest, Problem> {
    let mut given = parameters(uri, &[word, "invocation", "from", "limit", "cursor"])?;
    let mut take = |name: &str| given.remove(name);
    Ok(CallsRequest {
        word: take(word),
        invocation: take("invocation"),
        from: take("from"),
        limit: limit(take("limit"))?,
        cursor: take("cursor"),
    })
}
