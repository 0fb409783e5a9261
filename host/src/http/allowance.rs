//! The `RateLimit` headers: what is left of what a caller may ask.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::Allowance;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What was left when the caller was found out, for the answer to tell.
#[derive(Clone, Default)]
pub struct Left(pub Arc<OnceLock<Vec<Allowance>>>);

impl Left {
    /// Puts it into the headers of an answer.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Some(left) = self.0.get().filter(|left| !left.is_empty()) else { return };
        let (mut policy, mut limit) = (String::new(), String::new());
        for one in left {
            let comma = if policy.is_empty() { "" } else { ", " };
            let _ = write!(policy, "{comma}\"{}\";q={};w={}", one.name, one.quota, one.window);
            let _ = write!(limit, "{comma}\"{}\";r={};t={}", one.name, one.remaining, one.reset);
        }
        for (name, text) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}
