//! Preferences of a request (RFC 7240): `Prefer: dry-run`, and with it `explain=plugins`.

use axum::http::{HeaderMap, HeaderName};

/// The header by which an answer says which preferences it followed.
pub const APPLIED: &str = "preference-applied";
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What an answer says that it followed, when it explains what modules did.
pub const EXPLAINED: &str = "dry-run, explain=plugins";

/// Whether nothing is to be stored. Other preferences are not for us.
pub fn is_dry_run(headers: &HeaderMap) -> bool {
    has(headers, "dry-run")
}

/// Whether a dry run says what each call of a module did.
pub fn is_explained(headers: &HeaderMap) -> bool {
    has(headers, "explain=plugins")
}

fn has(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let tokens = values.flat_map(|value| value.split([',', ';']));
    let mut plain = tokens.map(|token| token.replace([' ', '"'], ""));
    plain.any(|token| token.eq_ignore_ascii_case(wanted))
}
