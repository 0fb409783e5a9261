//! The caller, from the `Authorization` header or the cookie of a session. Nothing else says who it is.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Problem;
use super::allowance::Left;
use super::arrival::origin;
use super::cookies::{SESSION, cookie, proven};
use super::parameters::none_for_writes;
use crate::app::{App, AppError};
use crate::domain::caller::Caller;

/// A caller whose key or session was found good.
pub struct Authenticated(pub Caller);

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        // Where there is a key, it alone counts: browsers send cookies by themselves, and no keys.
        let mut caller = if parts.headers.contains_key(AUTHORIZATION) {
            app.authenticate(key(parts).ok_or(AppError::Unauthenticated)?).await?
        } else {
            let token = cookie(&parts.headers, SESSION).ok_or(AppError::Unauthenticated)?;
            if ![Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method) {
                proven(app, &parts.headers)?;
            }
            app.authenticate_session(token).await?
        };
        let left = app.take_request(&caller).await?;
        if let Some(told) = parts.extensions.get::<Left>() {
            let _ = told.0.set(left);
        }
        none_for_writes(&parts.method, &parts.uri)?;
        caller.origin = Some(Arc::new(origin(parts, app)));
        Ok(Self(caller))
    }
}

impl OptionalFromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Problem;

    /// No header and no cookie is nobody; a wrong key is still wrong.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(AUTHORIZATION) && cookie(&parts.headers, SESSION).is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<Arc<App>>>::from_request_parts(parts, app).await.map(Some)
    }
}

/// What stands in the header.
pub(super) fn key(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
