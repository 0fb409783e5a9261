//! Keys of publishers, and their signatures over what they publish (ed25519).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// What stands in front of keys and signatures.
const KIND: &str = "ed25519";
/// What stands in front of a secret key.
const SECRET: &str = "ed25519-secret";
/// What is signed begins with this, so that no signature made for something else is one over a plugin.
const DOMAIN: &str = "guildhall plugin signature 1";

/// What a signature is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// A component, by the SHA-256 of its bytes.
    Component([u8; 32]),
    /// A package, by the SHA-256 of its manifest.
    Package([u8; 32]),
}

impl Signed {
    fn message(self) -> Vec<u8> {
        let (kind, digest) = match self {
            Self::Component(digest) => ("component", digest),
            Self::Package(digest) => ("package", digest),
        };
        format!("{DOMAIN}\n{kind} sha256:{}\n", data_encoding::HEXLOWER.encode(&digest)).into_bytes()
    }
}

/// The public key of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherKey(VerifyingKey);

impl PublisherKey {
    /// Reads `ed25519:` and 32 bytes in base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(KIND)?.strip_prefix(':')?).ok()?;
        Self::from_bytes(&bytes)
    }

    /// The key of these bytes. One of the few that any signature would be right for is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// Its bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl fmt::Display for PublisherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}:{}", URL_SAFE_NO_PAD.encode(self.bytes()))
    }
}

/// The secret key of a publisher. Never shown by accident: it prints as its public key.
pub struct PublisherSecret(SigningKey);

impl PublisherSecret {
    /// A key from random bytes.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&random))
    }

    /// Reads `ed25519-secret:` and 32 bytes in base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim().strip_prefix(SECRET)?.strip_prefix(':')?).ok()?;
        Some(Self(SigningKey::from_bytes(&bytes.try_into().ok()?)))
    }

    /// As it stands in a file.
    pub fn secret(&self) -> String {
        format!("{SECRET}:{}", URL_SAFE_NO_PAD.encode(self.0.to_bytes()))
    }

    /// What everybody may see.
    pub fn public(&self) -> PublisherKey {
        PublisherKey(self.0.verifying_key())
    }

    /// Signs something.
    pub fn sign(&self, what: Signed) -> PluginSignature {
        PluginSignature { key: self.public(), signature: self.0.sign(&what.message()) }
    }
}

impl fmt::Debug for PublisherSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublisherSecret({})", self.public())
    }
}

/// A signature, with the key that it is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSignature {
    key: PublisherKey,
    signature: Signature,
}

impl PluginSignature {
    /// Reads `ed25519:`, the key, `:` and the 64 bytes of the signature, both in base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, signature) = text.trim().rsplit_once(':')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { key: PublisherKey::parse(key)?, signature: Signature::from_slice(&signature).ok()? })
    }

    /// By which key it says to be.
    pub fn key(&self) -> &PublisherKey {
        &self.key
    }

    /// Whether it is over that.
    pub fn is_over(&self, what: Signed) -> bool {
        self.key.0.verify_strict(&what.message(), &self.signature).is_ok()
    }
}

impl fmt::Display for PluginSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key, URL_SAFE_NO_PAD.encode(self.signature.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_one_thing() {
        let secret = PublisherSecret::from_random([3; 32]);
        let signature = secret.sign(Signed::Component([1; 32]));
        let read = PluginSignature::parse(&format!("{signature}\n")).unwrap();
        assert_eq!(read, signature);
        assert!(read.is_over(Signed::Component([1; 32])));
        assert!(!read.is_over(Signed::Component([2; 32])));
        assert!(!read.is_over(Signed::Package([1; 32])));
        assert_eq!(PublisherSecret::parse(&secret.secret()).unwrap().public(), secret.public());
        assert_eq!(PublisherKey::parse(&secret.public().to_string()), Some(secret.public()));
        assert!(!format!("{secret:?}").contains(&secret.secret()["ed25519-secret:".len()..]));
    }

    #[test]
    fn what_is_no_key_and_no_signature_is_none() {
        let secret = PublisherSecret::from_random([3; 32]);
        let (key, signature) = (secret.public().to_string(), secret.sign(Signed::Package([1; 32])).to_string());
        for text in ["", "ed25519:", "ed25519:AAAA", &key[8..], &format!("{key}A"), &format!("{key}=")] {
            assert!(PublisherKey::parse(text).is_none(), "{text}");
        }
        // With the neutral element as the key, one signature is right for every message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(PublisherKey::from_bytes(&neutral).is_none());
        for text in ["", ":", &key, &signature[..signature.len() - 4], &format!("{signature}AAAA"), &signature[8..]] {
            assert!(PluginSignature::parse(text).is_none(), "{text}");
        }
    }
}
