//! Signatures of Standard Webhooks 1.0: `v1` (HMAC-SHA256) and `v1a` (ed25519).

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::{Signature, Signer, SigningKey as EdKey, Verifier, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a shared secret: 192 to 512 bits.
const SHARED: std::ops::RangeInclusive<usize> = 24..=64;
/// Seconds that a timestamp may be away from now.
pub const TOLERANCE: i64 = 300;
/// Secrets come with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Which kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureKind {
    /// HMAC-SHA256 with a shared secret.
    V1,
    /// ed25519: we sign, the receiver only verifies.
    V1a,
}

impl SignatureKind {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "v1" => Some(Self::V1),
            "v1a" => Some(Self::V1a),
            _ => None,
        }
    }
}

/// What signs. Never shown by accident: it prints as its kind.
#[derive(Clone)]
pub enum SigningKey {
    /// A shared secret.
    Shared(Vec<u8>),
    /// A key pair.
    Pair(Box<EdKey>),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({:?})", self.kind())
    }
}

impl SigningKey {
    /// A key of this kind from random bytes.
    pub fn from_random(kind: SignatureKind, random: [u8; 32]) -> Self {
        match kind {
            SignatureKind::V1 => Self::Shared(random.to_vec()),
            SignatureKind::V1a => Self::Pair(Box::new(EdKey::from_bytes(&random))),
        }
    }

    /// Reads `whsec_…` or `whsk_…`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(secret) = text.strip_prefix("whsec_") {
            let bytes = LENIENT.decode(secret).ok()?;
            return SHARED.contains(&bytes.len()).then_some(Self::Shared(bytes));
        }
        let bytes: [u8; 32] = LENIENT.decode(text.strip_prefix("whsk_")?).ok()?.try_into().ok()?;
        Some(Self::Pair(Box::new(EdKey::from_bytes(&bytes))))
    }

    /// What it is for signing: `whsec_…` or `whsk_…`.
    pub fn secret(&self) -> String {
        match self {
            Self::Shared(bytes) => format!("whsec_{}", STANDARD.encode(bytes)),
            Self::Pair(pair) => format!("whsk_{}", STANDARD.encode(pair.to_bytes())),
        }
    }

    /// What a receiver verifies with and everybody may see: `whpk_…`; none for a shared secret.
    pub fn public(&self) -> Option<String> {
        match self {
            Self::Shared(_) => None,
            Self::Pair(pair) => Some(format!("whpk_{}", STANDARD.encode(pair.verifying_key().to_bytes()))),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> SignatureKind {
        match self {
            Self::Shared(_) => SignatureKind::V1,
            Self::Pair(_) => SignatureKind::V1a,
        }
    }

    /// One signature, as it stands in `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let content = content(id, &timestamp.to_string(), body);
        match self {
            Self::Shared(secret) => format!("v1,{}", STANDARD.encode(mac(secret, &content))),
            Self::Pair(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(&content).to_bytes())),
        }
    }
}

/// What a receiver verifies with.
pub enum Verifying {
    /// The shared secret.
    Shared(Vec<u8>),
    /// The public key.
    Public(Box<VerifyingKey>),
}

impl Verifying {
    /// Reads `whsec_…`, `whpk_…` or `whsk_…`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(public) = text.strip_prefix("whpk_") {
            let bytes: [u8; 32] = LENIENT.decode(public).ok()?.try_into().ok()?;
            return Some(Self::Public(Box::new(VerifyingKey::from_bytes(&bytes).ok()?)));
        }
        Some(match SigningKey::parse(text)? {
            SigningKey::Shared(secret) => Self::Shared(secret),
            SigningKey::Pair(pair) => Self::Public(Box::new(pair.verifying_key())),
        })
    }

    /// Whether one of the signatures is right, and the message not from another time.
    pub fn accepts(&self, id: &str, timestamp: &str, signatures: &str, body: &[u8], now: i64) -> bool {
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
        let Some(sent) = is_number.then(|| timestamp.parse::<i64>().ok()).flatten() else { return false };
        if id.is_empty() || now.abs_diff(sent) > TOLERANCE.unsigned_abs() {
            return false;
        }
        let content = content(id, timestamp, body);
        signatures.split(' ').filter_map(|one| one.split_once(',')).any(|(version, signature)| {
            let Ok(signature) = STANDARD.decode(signature) else { return false };
            match (self, version) {
                (Self::Shared(secret), "v1") => keyed(secret, &content).verify_slice(&signature).is_ok(),
                (Self::Public(public), "v1a") => {
                    Signature::from_slice(&signature).is_ok_and(|signature| public.verify(&content, &signature).is_ok())
                }
                _ => false,
            }
        })
    }
}

fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    content
}

fn keyed(secret: &[u8], content: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(content);
    mac
}

fn mac(secret: &[u8], content: &[u8]) -> Vec<u8> {
    keyed(secret, content).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests;
