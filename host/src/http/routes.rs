//! `/x/{plugin}/…`: requests that modules answer themselves.
//!
//! What a module sends is its own and no page of this host: it is of a kind
//! that no browser runs, and only few of its headers go on.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::credential::Authenticated;
use super::preference::{self, is_dry_run};
use super::request_id::Finished;
use super::{BODY_LIMIT, Problem};
use crate::app::{App, Routed};
use crate::domain::plugin::{RouteRequest, RouteResponse};

/// What stands before the path of a route.
pub const PREFIX: &str = "/api/v1/x/";
/// Headers of a request that are the host's, or say who asks.
const HOSTS_OWN: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
/// Headers of an answer that go on, beside those that begin with `x-`.
const PASSED: &[&str] = &["cache-control", "content-type", "etag", "location"];
/// Beginnings of such headers that the host, a browser or a proxy would obey.
const OBEYED: &[&str] = &[
    "x-accel",
    "x-content-type",
    "x-dns",
    "x-download",
    "x-frame",
    "x-forwarded",
    "x-guildhall",
    "x-lighttpd",
    "x-permitted",
    "x-request-id",
    "x-sendfile",
    "x-ua-compatible",
    "x-xss",
];
/// Media types that are sent as they are called; others are bytes, or plain text, that nothing runs.
const KNOWN: &[&str] = &[
    "application/json",
    "application/octet-stream",
    "application/pdf",
    "application/problem+json",
    "application/zip",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/calendar",
    "text/csv",
    "text/plain",
    "text/vcard",
];

/// Answers any method.
pub async fn any(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((plugin, _)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, Problem> {
    let method = match *request.method() {
        Method::HEAD => Method::GET,
        ref method => method.clone(),
    };
    let uri = request.uri().clone();
    let is_dry = is_dry_run(request.headers());
    let headers = shown(request.headers());
    DefaultBodyLimit::apply(DefaultBodyLimit::max(BODY_LIMIT), &mut request);
    let body = Bytes::from_request(request, &app).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            "Body too large",
            format!("the body is larger than {BODY_LIMIT} bytes"),
        ),
        _ => Problem::bad_request("unreadable_body", "the body ended early"),
    })?;
    // The path as it came: what is escaped in it, the module may read otherwise than as a separator.
    let path = uri.path().strip_prefix(PREFIX).and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()));
    let request = RouteRequest {
        method: method.to_string(),
        path: path.unwrap_or_default(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    };
    match app.route(&caller, &plugin, request, is_dry).await? {
        Routed::Answered(response) if is_dry => Ok(dry(answer(response))),
        Routed::Answered(response) => Ok(answer(response)),
        Routed::Unknown => Err(Problem::not_found("there is nothing at this path")),
        Routed::WrongMethod => Err(Problem::wrong_method()),
    }
}

/// The headers of a request that a module sees.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_own =
        |name: &str| HOSTS_OWN.contains(&name) || name.starts_with("x-forwarded") || name.starts_with("x-guildhall");
    let shown = headers.iter().filter(|(name, _)| !is_own(name.as_str()));
    shown.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// What a module answered, as it is sent.
fn answer(given: RouteResponse) -> Response {
    let mut response = Response::new(Body::from(given.body));
    *response.status_mut() = StatusCode::from_u16(given.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in given.headers {
        let name = name.to_ascii_lowercase();
        let is_obeyed = OBEYED.iter().any(|start| name.starts_with(start));
        if !PASSED.contains(&name.as_str()) && (!name.starts_with("x-") || is_obeyed) {
            continue;
        }
        if name == "location" && !is_path(&value) {
            continue;
        }
        let value = if name == "content-type" { media_type(&value).to_owned() } else { value };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(Finished);
    response
}

/// The answer to a dry run: the module's own, which has no room for what would be written.
fn dry(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // There will be nothing at that place.
    headers.remove(header::LOCATION);
    headers.insert(HeaderName::from_static(preference::APPLIED), HeaderValue::from_static("dry-run"));
    response
}

/// Whether it leads to a path of this host and nowhere else.
fn is_path(location: &str) -> bool {
    location.starts_with('/')
        && !location.starts_with("//")
        && !location.contains('\\')
        && !location.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// The media type that is sent for one that a module names.
fn media_type(named: &str) -> &str {
    let essence = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if KNOWN.contains(&essence.as_str()) {
        return named;
    }
    if essence.starts_with("text/") || essence.ends_with("xml") || essence.contains("script") {
        return "text/plain; charset=utf-8";
    }
    "application/octet-stream"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_run_is_plain_text() {
        for named in [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/xml",
            "text/javascript",
            "application/javascript",
            " text/html",
        ] {
            assert_eq!(media_type(named), "text/plain; charset=utf-8", "{named}");
        }
        assert_eq!(media_type("text/csv; header=present"), "text/csv; header=present");
        assert_eq!(media_type("application/x-shockwave-flash"), "application/octet-stream");
    }

    #[test]
    fn an_answer_leads_nowhere_else() {
        for location in ["https://example.com/", "//example.com", "/\\example.com", "example", "/a\r\nb", ""] {
            assert!(!is_path(location), "{location}");
        }
        assert!(is_path("/api/v1/records/contact?x=y"));
    }
}
