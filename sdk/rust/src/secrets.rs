//! Secrets that the plugin uses without seeing them.
//!
//! They go into headers of requests as `{{secret:NAME}}`, or sign with what is here.

use crate::Fault;
use crate::bindings::imports::guildhall::secrets::handle;

/// A keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-1, for platforms that know nothing better.
    HmacSha1,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha1 => "hmac-sha1",
        }
    }
}

/// Whether the tenant has set the secret.
pub fn is_set(name: &str) -> Result<bool, Fault> {
    Ok(handle::is_set(name)?)
}

/// The keyed hash of the data, with the secret as the key.
pub fn sign(name: &str, algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(handle::sign(name, algorithm.name(), data)?)
}

/// Whether the data has that hash, compared in constant time.
pub fn verify(name: &str, algorithm: Algorithm, data: &[u8], signature: &[u8]) -> Result<bool, Fault> {
    Ok(handle::verify(name, algorithm.name(), data, signature)?)
}
