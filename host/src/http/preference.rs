//! Preferences of a request (RFC 7240): `Prefer: dry-run`.

use axum::http::{HeaderMap, HeaderName};

/// The header by which an answer says which preferences it followed.
pub const APPLIED: &str = "preference-applied";
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Whether nothing is to be stored. Other preferences are not for us.
pub fn is_dry_run(headers: &HeaderMap) -> bool {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("dry-run"))
}
