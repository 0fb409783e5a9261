//! The `Idempotency-Key` header, and answers as they are kept.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::Problem;
use crate::app::{Answer, Done, IdempotencyKey};
use crate::domain::caller::Caller;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key.
const MAX_KEY: usize = 255;

/// Reads the key of a request; what was asked is hashed with it.
pub fn key(caller: &Caller, headers: &HeaderMap, asked: &[&[u8]]) -> Result<Option<IdempotencyKey>, Problem> {
    let of_caller = |(name, fingerprint)| IdempotencyKey {
        tenant: caller.tenant,
        asker: caller.asker(),
        member: caller.member,
        name,
        fingerprint,
        origin: caller.origin.clone(),
    };
    Ok(named(headers, asked)?.map(of_caller))
}

/// The name that a request has, and the hash of what it asks.
pub fn named(headers: &HeaderMap, asked: &[&[u8]]) -> Result<Option<(String, [u8; 32])>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let name = value.to_str().unwrap_or_default();
    if name.is_empty() || name.len() > MAX_KEY {
        return Err(Problem::bad_request(
            "invalid_header",
            format!("`Idempotency-Key` is 1 to {MAX_KEY} visible ASCII characters"),
        ));
    }
    let mut hasher = Sha256::new();
    for part in asked {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Ok(Some((name.to_owned(), hasher.finalize().into())))
}

/// Sends an answer, new or repeated.
pub fn respond(done: Done) -> Response {
    let (answer, is_repeated) = match done {
        Done::Now(answer) => (answer, false),
        Done::Before(answer) => (answer, true),
    };
    let Answer { status, headers, body } = answer;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let map = response.headers_mut();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            map.insert(name, value);
        }
    }
    if status != StatusCode::NO_CONTENT.as_u16() {
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if is_repeated {
        map.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
