//! JSON bodies: read once, with a clear problem for each way to be wrong.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::{BATCH_BODY_LIMIT, BODY_LIMIT, Problem};
use crate::app::{App, read_members};

/// A JSON object, and the bytes that it was read from.
pub struct ObjectBody {
    /// Its members.
    pub members: Map<String, Json>,
    /// As it came.
    pub bytes: Bytes,
}

/// The same, as large as a batch may be.
pub struct BatchBody(pub ObjectBody);

impl FromRequest<Arc<App>> for ObjectBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        read(request, app, BODY_LIMIT).await
    }
}

impl FromRequest<Arc<App>> for BatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        read(request, app, BATCH_BODY_LIMIT).await.map(Self)
    }
}

/// What a body says, when it says that and nothing else.
pub fn read_body<T: DeserializeOwned>(body: &ObjectBody) -> Result<T, Problem> {
    Ok(read_members(&body.members)?)
}

async fn read(mut request: Request, app: &Arc<App>, limit: usize) -> Result<ObjectBody, Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !["application/json", "application/merge-patch+json"].iter().any(|known| media_type.eq_ignore_ascii_case(known))
    {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Unsupported media type",
            "the body has to come as `Content-Type: application/json`",
        ));
    }
    DefaultBodyLimit::apply(DefaultBodyLimit::max(limit), &mut request);
    let bytes = Bytes::from_request(request, app).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            "Body too large",
            format!("the body is larger than {limit} bytes"),
        ),
        _ => Problem::bad_request("unreadable_body", "the body ended early"),
    })?;
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(members)) => Ok(ObjectBody { members, bytes }),
        Ok(_) => Err(Problem::bad_request("malformed_json", "the body has to be a JSON object")),
        Err(error) => Err(Problem::bad_request("malformed_json", format!("the body is not JSON: {error}"))),
    }
}
