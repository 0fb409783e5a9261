//! Cursors: the place where the next page begins, signed, so that nobody makes one up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::Sha256;

use super::filter::Target;
use super::id::TenantId;
use super::object::Object;
use super::query::Query;
use super::value::Value;

/// Length of the signature in front of the place.
const SIGNATURE: usize = 16;

/// Makes and reads cursors with the installation's secret.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl CursorKey {
    /// From a secret that all nodes share.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The cursor that stands behind a place of a list.
    pub fn seal(&self, tenant: TenantId, object: &Object, query: &Query, place: &[Value]) -> String {
        let place = serde_json::to_vec(place).unwrap_or_default();
        self.seal_bytes(&scope(tenant, object, query), &place)
    }

    /// The place that a cursor of this very list stands for; none for any other text.
    pub fn open(&self, tenant: TenantId, object: &Object, query: &Query, cursor: &str) -> Option<Vec<Value>> {
        let place = self.open_bytes(&scope(tenant, object, query), cursor)?;
        let place: Vec<Json> = serde_json::from_slice(&place).ok()?;
        let targets = query.sort.iter().map(|sort| sort.target).chain([Target::Id]);
        if place.len() != query.sort.len() + 1 {
            return None;
        }
        targets.zip(&place).map(|(target, json)| target.parse(object, json).ok()).collect()
    }

    /// A signed text for a place of anything; `scope` names what it is a place of.
    pub fn seal_bytes(&self, scope: &str, place: &[u8]) -> String {
        let mut bytes = self.sign(scope, place);
        bytes.extend_from_slice(place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a text of this scope stands for; none for any other text.
    pub fn open_bytes(&self, scope: &str, text: &str) -> Option<Vec<u8>> {
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

/// Names a list: a cursor holds for it alone.
fn scope(tenant: TenantId, object: &Object, query: &Query) -> String {
    format!("{tenant}|{}|{:?}|{:?}|{}|", object.name, query.filter, query.sort, query.deleted)
}
