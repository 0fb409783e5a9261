//! The operator, from the `Authorization` header: a key of its own kind, which nobody of a tenant has.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::allowance::Left;
use super::answers::kept;
use super::arrival::origin;
use super::conditions::etag;
use super::credential::key;
use super::parameters::none_for_writes;
use super::{Problem, idempotency};
use crate::app::{Answer, App, AppError, Asking, Operator, OperatorRequest};

/// An operator whose key was found good.
pub struct Operating(pub Operator);

/// The same, or a publisher by a key that the operator has made for it.
pub struct Publishing(pub Operator);

impl FromRequestParts<Arc<App>> for Operating {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Publishing(operator) = Publishing::from_request_parts(parts, app).await?;
        operator.is_full().map_err(AppError::from)?;
        Ok(Self(operator))
    }
}

impl FromRequestParts<Arc<App>> for Publishing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let key = key(parts).ok_or(AppError::Unauthenticated)?;
        let (left, asking) = match app.authenticate_operator(key).await? {
            Asking::Operator(operator) => (app.take_operation(&operator)?, Ok(operator)),
            Asking::Tenant(caller, denied) => (app.take_request(&caller).await?, Err(AppError::from(denied))),
        };
        if let Some(told) = parts.extensions.get::<Left>() {
            let _ = told.0.set(left);
        }
        let mut operator = asking?;
        none_for_writes(&parts.method, &parts.uri)?;
        operator.origin = Some(Arc::new(origin(parts, app)));
        Ok(Self(operator))
    }
}

/// The request, when it has an `Idempotency-Key`; what was asked is hashed with it.
pub fn request(operator: &Operator, headers: &HeaderMap, asked: &[&[u8]]) -> Result<Option<OperatorRequest>, Problem> {
    let named = idempotency::named(headers, asked)?;
    let key = operator.key.unwrap_or_default();
    Ok(named.map(|(name, fingerprint)| OperatorRequest { key, name, fingerprint }))
}

/// An answer with its version as the `ETag`.
pub fn versioned<T: Serialize>(status: StatusCode, location: Option<String>, version: i64, body: &T) -> Answer {
    let mut answer = kept(status, location, Some(body));
    answer.headers.push(("etag".to_owned(), etag(version)));
    answer
}
