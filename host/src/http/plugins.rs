//! `/plugins`: what is installed here, and installing it; `/plugin-keys`: whose signatures count.

use std::error::Error;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use serde::Serialize;

use super::Problem;
use super::answers::{Reading, Writing};
use super::body::ObjectBody;
use super::credential::{Authenticated, key};
use super::jobs::id_of;
use super::operator::{Operating, Publishing};
use super::parameters::parameters;
use crate::app::{
    App, AppError, Looker, MAX_UPLOAD, NewPublisherKey, PluginUpload, PluginVersions, PluginView, PublisherKeyView,
    UploadKind,
};

/// The media types of uploads.
const COMPONENT: &str = "application/wasm";
const PACKAGE: &str = "application/vnd.oci.image.layout.v1+tar";
/// The header with the signature of a component.
pub const SIGNATURE: &str = "guildhall-signature";

/// The plugins of this host.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Plugins {
    data: Vec<PluginVersions>,
}

/// The keys of publishers.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PluginKeys {
    data: Vec<PublisherKeyView>,
}

/// Who asks: an operator or a publisher by a key of theirs, or somebody of a tenant.
pub struct Looking(pub Looker);

impl FromRequestParts<Arc<App>> for Looking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if key(parts).is_some_and(App::is_operators) {
            let Publishing(operator) = Publishing::from_request_parts(parts, app).await?;
            return Ok(Self(Looker::Operator(operator)));
        }
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        Ok(Self(Looker::Caller(caller)))
    }
}

/// List the plugins that are installed here.
///
/// Each with its versions, their digests, who has signed them, what they can do, and how often they were fetched. A
/// publisher sees its own.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "plugins", operation_id = "list_plugins",
    params(("search" = Option<String>, Query, description = "Only those with each of these words in their id, name or description")),
    responses((status = 200, description = "The plugins", body = Plugins), Reading),
    security(("key" = []), ("operator" = []))
)]
pub async fn list(State(app): State<Arc<App>>, Looking(looker): Looking, uri: Uri) -> Result<Json<Plugins>, Problem> {
    let search = parameters(&uri, &["search"])?.remove("search");
    Ok(Json(Plugins { data: app.plugins(&looker, search.as_deref()).await? }))
}

/// Get a plugin that is installed here.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}", tag = "plugins", operation_id = "get_plugin",
    params(("plugin" = String, Path, description = "Id of the plugin, `publisher.name`")),
    responses((status = 200, description = "The plugin", body = PluginVersions), Reading),
    security(("key" = []), ("operator" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Looking(looker): Looking,
    Path(plugin): Path<String>,
) -> Result<Json<PluginVersions>, Problem> {
    Ok(Json(app.plugin_versions(&looker, &plugin).await?))
}

/// Install a plugin, so that tenants can enable it.
///
/// The body is a component, or an OCI image layout as a tar, up to 28 MiB. It is checked, compiled, linked and brought
/// to life once before anything is kept; the same file again changes nothing. A publisher installs its own plugins with
/// the key that the operator has made for it.
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "plugins", operation_id = "install_plugin",
    params(
        ("allow_downgrade" = Option<bool>, Query, description = "Install it although a newer version is installed"),
        ("Guildhall-Signature" = Option<String>, Header, description = "The publisher's signature over the component, as `guildhall plugin sign` makes it; a package has its own inside"),
    ),
    request_body(content = String, content_type = "application/wasm", description = "The component; or a package, as `application/vnd.oci.image.layout.v1+tar`"),
    responses(
        (status = 200, description = "It was installed before", body = PluginView),
        (status = 201, description = "It is installed", body = PluginView, headers(("Location" = String, description = "Where it is"))),
        Writing,
    ),
    security(("operator" = []))
)]
pub async fn install(
    State(app): State<Arc<App>>,
    Publishing(operator): Publishing,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let upload = upload(&uri, &headers, body).await?;
    let view = app.install(&operator, upload).await?;
    if !view.is_new {
        return Ok(Json(view).into_response());
    }
    let location = [(header::LOCATION, format!("/api/v1/plugins/{}", view.id))];
    Ok((StatusCode::CREATED, location, Json(view)).into_response())
}

async fn upload(uri: &Uri, headers: &HeaderMap, body: Body) -> Result<PluginUpload, Problem> {
    let wrong = || Problem::bad_request("invalid_parameter", "`allow_downgrade` is `true` or `false`");
    let allow_downgrade = parameters(uri, &["allow_downgrade"])?.remove("allow_downgrade");
    let allow_downgrade = allow_downgrade.map_or(Ok(false), |text| text.parse().map_err(|_| wrong()))?;
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = match media_type.split(';').next().unwrap_or_default().trim() {
        COMPONENT => UploadKind::Component,
        PACKAGE => UploadKind::Package,
        _ => return Err(AppError::MediaType(format!("a plugin comes as `{COMPONENT}` or `{PACKAGE}`")).into()),
    };
    // What is not even text is no signature either, and is told so.
    let signature = headers.get(SIGNATURE).map(|value| value.to_str().unwrap_or_default().to_owned());
    let bytes = to_bytes(body, MAX_UPLOAD).await.map_err(|error| {
        let is_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
        if is_large { AppError::TooLarge(i64::try_from(MAX_UPLOAD).unwrap_or(i64::MAX)) } else { AppError::BrokenOff }
    })?;
    Ok(PluginUpload { kind, bytes: bytes.into(), signature, allow_downgrade })
}

/// List the keys of publishers.
///
/// Revoked ones, too: what they have signed before may still be installed.
#[utoipa::path(
    get, path = "/api/v1/plugin-keys", tag = "plugins", operation_id = "list_plugin_keys",
    responses((status = 200, description = "The keys", body = PluginKeys), Reading),
    security(("operator" = []))
)]
pub async fn list_keys(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
) -> Result<Json<PluginKeys>, Problem> {
    Ok(Json(PluginKeys { data: app.publisher_keys(&operator).await? }))
}

/// Register a key of a publisher.
///
/// A publisher may have several: a new one is registered before the old one is revoked.
#[utoipa::path(
    post, path = "/api/v1/plugin-keys", tag = "plugins", operation_id = "add_plugin_key",
    request_body(content = NewPublisherKey, example = json!({"publisher": "acme", "key": "ed25519:1fzf9Mz0DZJUYlPUi4yPpCjRWzGrUO2nMsC2g8nmyhg", "name": "Acme, 2027"})),
    responses((status = 201, description = "The key", body = PublisherKeyView), Writing),
    security(("operator" = []))
)]
pub async fn add_key(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    body: ObjectBody,
) -> Result<(StatusCode, Json<PublisherKeyView>), Problem> {
    Ok((StatusCode::CREATED, Json(app.add_publisher_key(&operator, &body.members).await?)))
}

/// Revoke a key of a publisher.
///
/// Nothing that only it has signed is installed any more. What is installed stays, and is shown as `revoked`.
#[utoipa::path(
    delete, path = "/api/v1/plugin-keys/{plugin_key}", tag = "plugins", operation_id = "revoke_plugin_key",
    params(("plugin_key" = Uuid, Path, description = "Id of the key")),
    responses((status = 204, description = "Its signatures are worth nothing more"), Writing),
    security(("operator" = []))
)]
pub async fn revoke_key(
    State(app): State<Arc<App>>,
    Operating(operator): Operating,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.revoke_publisher_key(&operator, id_of("plugin key", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
