//! The caller, from the `Authorization` header. Nothing else says who it is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Problem;
use super::allowance::Left;
use super::parameters::none_for_writes;
use super::request_id::RequestId;
use crate::app::{App, AppError};
use crate::domain::caller::{Caller, Origin};

/// A caller whose key was found good.
pub struct Authenticated(pub Caller);

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let key = key(parts).ok_or(AppError::Unauthenticated)?;
        let mut caller = app.authenticate(key).await?;
        let left = app.take_request(&caller).await?;
        if let Some(told) = parts.extensions.get::<Left>() {
            let _ = told.0.set(left);
        }
        none_for_writes(&parts.method, &parts.uri)?;
        caller.origin = Some(Arc::new(origin(parts)));
        Ok(Self(caller))
    }
}

impl OptionalFromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Problem;

    /// No header is nobody; a wrong key is still wrong.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<Arc<App>>>::from_request_parts(parts, app).await.map(Some)
    }
}

/// Where the request came from: the other end of the connection, whatever headers say.
pub(super) fn origin(parts: &Parts) -> Origin {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_string());
    Origin { peer, request: parts.extensions.get::<RequestId>().map(|id| id.0.clone()) }
}

/// What stands in the header.
pub(super) fn key(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
