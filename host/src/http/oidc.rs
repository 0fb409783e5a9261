//! `/auth/oidc`: browsers on their way to a provider and back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::Problem;
use super::answers::Opening;
use super::arrival::From;
use super::cookies::{cookie, set};
use super::parameters::parameters;
use super::sessions::with_cookies;
use crate::app::{App, Returned};

/// What a browser keeps while it is at the provider.
const WAY: &str = "__Host-guildhall-oidc";
/// How long it keeps that, in seconds.
const WAY_LASTS: u64 = 600;

/// Sign in with a provider: sends the browser there.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc/{tenant}/{provider}", tag = "people", operation_id = "oidc_start",
    params(
        ("tenant" = String, Path, description = "Slug of the tenant"),
        ("provider" = String, Path, description = "Name of the provider"),
        ("return_to" = Option<String>, Query, description = "Path of this host to go to afterwards; `/` when not given"),
    ),
    responses((status = 303, description = "To the provider"), Opening),
    security(())
)]
pub async fn start(
    State(app): State<Arc<App>>,
    From(from): From,
    Path((tenant, provider)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = parameters(&uri, &["return_to"])?;
    let return_to = parameters.remove("return_to");
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let started = app.start_oidc(&tenant, &provider, return_to.as_deref(), host, &from).await?;
    Ok(to(&started.location, set(WAY, &started.kept, WAY_LASTS)))
}

/// Come back from a provider: begins a session.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc/callback", tag = "people", operation_id = "oidc_callback",
    params(
        ("code" = Option<String>, Query, description = "What the provider gives"),
        ("state" = Option<String>, Query, description = "What the host gave the provider"),
    ),
    responses((status = 303, description = "Signed in; cookies hold the session"), Opening),
    security(())
)]
pub async fn callback(
    State(app): State<Arc<App>>,
    From(from): From,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    // Providers add parameters of their own; one that is there twice is nobody's.
    let one = |name: &str| {
        let all = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let mut values = all.filter(|(own, _)| own == name).map(|(_, value)| value.into_owned());
        values.next().filter(|_| values.next().is_none())
    };
    let kept = cookie(&headers, WAY).map(str::to_owned);
    let returned = Returned { code: one("code"), state: one("state"), issuer: one("iss"), kept };
    match app.finish_oidc(&returned, &from).await {
        Ok((signed_in, return_to)) => {
            let mut response = to(&return_to, set(WAY, "", 0));
            with_cookies(&mut response, &signed_in);
            Ok(response)
        }
        Err(error) => {
            let mut response = Problem::of(&error).into_response();
            if let Some(cookie) = set(WAY, "", 0) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Err(response)
        }
    }
}

fn to(location: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers: [(HeaderName, Option<HeaderValue>); 3] = [
        (header::LOCATION, HeaderValue::from_str(location).ok()),
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, Some(HeaderValue::from_static("no-store"))),
    ];
    for (name, value) in headers {
        if let Some(value) = value {
            response.headers_mut().append(name, value);
        }
    }
    response
}
