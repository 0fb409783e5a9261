//! Conditions on versions: `ETag`, `If-Match`, `If-None-Match` (RFC 9110).

use axum::http::{HeaderMap, header};

use super::Problem;

/// The strong tag of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that `If-Match` demands; none when there is no such header or it says `*`.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    version(text).map(Some).ok_or_else(|| {
        Problem::bad_request("invalid_header", "`If-Match` takes one `ETag` as it was given, such as \"3\", or *")
    })
}

/// Whether `If-None-Match` names this tag.
pub fn is_known(headers: &HeaderMap, current: &str) -> bool {
    let value = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    value.is_some_and(|text| {
        let tags = text.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
        tags.into_iter().any(|tag| tag == "*" || tag == current)
    })
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}
