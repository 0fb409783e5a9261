//! Cursors: the place where the next page begins, signed, so that nobody makes one up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::Sha256;

use super::clock::Timestamp;
use super::id::TenantId;

/// Length of the signature in front of the place.
const SIGNATURE: usize = 16;

/// Longest text of a cursor: a place holds at most six values, of at most 100,000 characters.
const MAX_LENGTH: usize = 4_000_000;

/// Makes and reads cursors with the installation's secret.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

/// What a cursor holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// What `$now` meant on the first page.
    pub moment: Timestamp,
    /// The sort values of the last record of the page, and its id.
    pub values: Vec<Json>,
}

impl CursorKey {
    /// From a secret that all nodes share.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The cursor that stands at a place of a list; `list` is what was asked
    /// for, in words that are the same on every page.
    pub fn seal(&self, tenant: TenantId, list: &str, place: &Place) -> String {
        let place = serde_json::to_vec(&(place.moment.micros(), &place.values)).unwrap_or_default();
        self.seal_bytes(&scope(tenant, list), &place)
    }

    /// The place that a cursor of this very list stands for; none for any other text.
    pub fn open(&self, tenant: TenantId, list: &str, cursor: &str) -> Option<Place> {
        let place = self.open_bytes(&scope(tenant, list), cursor)?;
        let (moment, values) = serde_json::from_slice(&place).ok()?;
        Some(Place { moment: Timestamp::from_micros(moment), values })
    }

    /// A signed text for a place of anything; `scope` names what it is a place of.
    pub fn seal_bytes(&self, scope: &str, place: &[u8]) -> String {
        let mut bytes = self.sign(scope, place);
        bytes.extend_from_slice(place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a text of this scope stands for; none for any other text.
    pub fn open_bytes(&self, scope: &str, text: &str) -> Option<Vec<u8>> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signature, place) = bytes.split_at_checked(SIGNATURE)?;
        // Comparing the MACs of two signatures takes the same time for every guess.
        let expected = self.sign(scope, place);
        (self.mac(signature) == self.mac(&expected)).then(|| place.to_vec())
    }

    fn sign(&self, scope: &str, place: &[u8]) -> Vec<u8> {
        let mut text = scope.as_bytes().to_vec();
        text.extend_from_slice(place);
        self.mac(&text)
    }

    fn mac(&self, text: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Vec::new() };
        mac.update(text);
        mac.finalize().into_bytes()[..SIGNATURE].to_vec()
    }
}

/// Names a list: a cursor holds for it alone. The length keeps a list from
/// running into the place behind it.
fn scope(tenant: TenantId, list: &str) -> String {
    format!("{tenant}|{}|{list}|", list.len())
}
