//! Cookies of browsers that have signed in, and the proof that a write with one comes from this site.

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::{App, AppError};

/// The session. `__Host-` has browsers keep it for this very host, over TLS.
pub const SESSION: &str = "__Host-guildhall-session";
/// Marks a device on which somebody signed in.
pub const DEVICE: &str = "__Host-guildhall-device";
/// How long a device is known, in seconds.
pub const DEVICE_LASTS: u64 = 365 * 24 * 3_600;

/// Pages of other sites cannot send it: it would need our consent first, which we never give.
const PROOF: HeaderName = HeaderName::from_static("x-guildhall-request");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The value of a cookie; none when there are two of the name, one of which somebody has put there.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// What sets a cookie for so many seconds; 0 takes it away.
pub fn set(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(text).ok()
}

/// Refuses what a browser says to come from elsewhere.
pub fn not_from_elsewhere(app: &App, headers: &HeaderMap) -> Result<(), AppError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_site = text(&FETCH_SITE).is_none_or(|site| site == "same-origin");
    let is_own = |origin: &str| {
        if let Some(own) = app.public_url() {
            return origin.eq_ignore_ascii_case(own);
        }
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some_and(|host| text(&HOST).is_some_and(|own| own.eq_ignore_ascii_case(host)))
    };
    let is_origin = text(&ORIGIN).is_none_or(is_own);
    if is_site && is_origin { Ok(()) } else { Err(AppError::CrossSite) }
}

/// Demands the proof that a write with a session's cookie comes from a page of this site.
pub fn proven(app: &App, headers: &HeaderMap) -> Result<(), AppError> {
    let tells_origin = headers.contains_key(ORIGIN) || headers.contains_key(FETCH_SITE);
    if !tells_origin || !headers.contains_key(PROOF) {
        return Err(AppError::CrossSite);
    }
    not_from_elsewhere(app, headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_which_there_are_two_counts_for_none() {
        let headers = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            headers
        };
        let one = headers(&["a=1; __Host-guildhall-session=ghs_x; b=2"]);
        assert_eq!(cookie(&one, SESSION), Some("ghs_x"));
        assert_eq!(cookie(&headers(&["x__Host-guildhall-session=ghs_x"]), SESSION), None);
        assert_eq!(cookie(&headers(&["__Host-guildhall-session=a; __Host-guildhall-session=b"]), SESSION), None);
        assert_eq!(cookie(&headers(&["__Host-guildhall-session=a", "__Host-guildhall-session=b"]), SESSION), None);
    }
}
