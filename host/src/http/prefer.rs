//! The `Prefer` header (RFC 7240).

use axum::http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The header that says that it was only a dry run.
pub const DRY_RUN_APPLIED: [(HeaderName, &str); 1] = [(HeaderName::from_static("preference-applied"), "dry-run")];

/// Whether the caller only wants to know what would happen.
pub fn is_dry_run(headers: &HeaderMap) -> bool {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|preference| preference.trim().eq_ignore_ascii_case("dry-run"))
}
