//! `/plugins/{plugin}/versions/{version}`: what people read, see and fetch of a plugin; `/statistics`: how it does.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::Response;

use super::Problem;
use super::answers::Reading;
use super::download::whole;
use super::operator::Publishing;
use super::parameters::parameters;
use super::plugins::{Looking, SIGNATURE};
use crate::app::{App, PluginStatistics};

/// The header with the digest of a component, in the form of RFC 9530.
const DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Get the readme of a version of a plugin.
///
/// Markdown, as its publisher wrote it.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}/versions/{version}/readme", tag = "plugins", operation_id = "plugin_readme",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("version" = String, Path, description = "Which version"),
    ),
    responses((status = 200, description = "The readme", body = String, content_type = "text/markdown"), Reading),
    security(("key" = []), ("operator" = []))
)]
pub async fn readme(
    State(app): State<Arc<App>>,
    Looking(looker): Looking,
    Path((plugin, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let readme = app.plugin_readme(&looker, &plugin, &version).await?;
    Ok(whole(&readme.media_type, &readme.name, readme.bytes))
}

/// Get a picture of a version of a plugin.
///
/// PNG or JPEG, one of `screenshots`.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}/versions/{version}/screenshots/{screenshot}", tag = "plugins",
    operation_id = "plugin_screenshot",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("version" = String, Path, description = "Which version"),
        ("screenshot" = String, Path, description = "Name of the picture"),
    ),
    responses((status = 200, description = "The picture", content((String = "image/png"), (String = "image/jpeg"))), Reading),
    security(("key" = []), ("operator" = []))
)]
pub async fn screenshot(
    State(app): State<Arc<App>>,
    Looking(looker): Looking,
    Path((plugin, version, name)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let picture = app.plugin_screenshot(&looker, &plugin, &version, &name).await?;
    Ok(whole(&picture.media_type, &picture.name, picture.bytes))
}

/// Get the component of a version of a plugin.
///
/// To install it on another host. For the operator, its publisher, and who may configure modules; each time counts as
/// one of `downloads`.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}/versions/{version}/component", tag = "plugins",
    operation_id = "plugin_component",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("version" = String, Path, description = "Which version"),
    ),
    responses(
        (status = 200, description = "The component", body = String, content_type = "application/wasm", headers(
            ("Content-Digest" = String, description = "SHA-256 of it, RFC 9530"),
            ("Guildhall-Signature" = String, description = "The publisher's signature over it, when it came with one"),
        )),
        Reading,
    ),
    security(("key" = []), ("operator" = []))
)]
pub async fn component(
    State(app): State<Arc<App>>,
    Looking(looker): Looking,
    Path((plugin, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let component = app.plugin_component(&looker, &plugin, &version).await?;
    let mut response = whole(&component.media_type, &component.name, component.bytes);
    let told = [(DIGEST, component.digest), (HeaderName::from_static(SIGNATURE), component.signature)];
    for (name, text) in told {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    // What was fetched before is no download.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// How the versions of a plugin do.
///
/// For the operator, and for its publisher by the key that the operator has made for it: tenants that have it, fetches,
/// calls, failures and what they cost, over all tenants together. The last 31 days when nothing is said.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}/statistics", tag = "plugins", operation_id = "plugin_statistics",
    params(
        ("plugin" = String, Path, description = "Id of the plugin, `publisher.name`"),
        ("from" = Option<String>, Query, description = "The first day, `2026-11-01`"),
        ("to" = Option<String>, Query, description = "The last day, this one included; at most 366 days after `from`"),
    ),
    responses((status = 200, description = "How they do", body = PluginStatistics), Reading),
    security(("operator" = []))
)]
pub async fn statistics(
    State(app): State<Arc<App>>,
    Publishing(operator): Publishing,
    Path(plugin): Path<String>,
    uri: Uri,
) -> Result<Json<PluginStatistics>, Problem> {
    let given = parameters(&uri, &["from", "to"])?;
    let day = |name: &str| given.get(name).map(String::as_str);
    Ok(Json(app.plugin_statistics(&operator, &plugin, day("from"), day("to")).await?))
}
