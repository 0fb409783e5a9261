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
mod tests {
    use serde_json::Value as Json;

    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    /// Every vector of the file that is of this scheme, whatever its headers are called.
    #[test]
    fn shared_vectors_hold() {
        let file: Json = serde_json::from_str(include_str!("../../tests/vectors/webhook_signatures.json")).unwrap();
        let mut checked = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let Some(key) = vector["secret"].as_str().and_then(Verifying::parse) else { continue };
            let header = |name: &str| {
                let either = [format!("webhook-{name}"), format!("svix-{name}")];
                either.iter().find_map(|name| vector["header"][name].as_str()).unwrap_or_default().to_owned()
            };
            let body = vector["body"].as_str().unwrap().as_bytes();
            let is_valid = key.accepts(&header("id"), &header("timestamp"), &header("signature"), body, AT);
            assert_eq!(is_valid, vector["expect_valid"], "{}", vector["id"]);
            checked += 1;
        }
        assert!(checked >= 5, "only {checked} vectors are of this scheme");
    }

    #[test]
    fn we_sign_as_the_reference_libraries_do() {
        let shared = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(shared.sign(ID, AT, BODY), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let pair = SigningKey::parse("whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=").unwrap();
        let known = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";
        assert_eq!(pair.sign(ID, AT, BODY), known);
    }

    /// The cases of the reference libraries' tests, for both kinds.
    #[test]
    fn the_cases_of_the_reference_libraries() {
        for key in
            [SigningKey::from_random(SignatureKind::V1, [3; 32]), SigningKey::from_random(SignatureKind::V1a, [4; 32])]
        {
            let verifying = Verifying::parse(&key.public().unwrap_or_else(|| key.secret())).unwrap();
            let right = key.sign(ID, AT, BODY);
            let version = right.split(',').next().unwrap();
            let at = AT.to_string();
            let now = |now| verifying.accepts(ID, &at, &right, BODY, now);
            assert!(now(AT) && now(AT + TOLERANCE) && now(AT - TOLERANCE));
            assert!(!now(AT + TOLERANCE + 1) && !now(AT - TOLERANCE - 1));
            let other = format!("{version},Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=");
            assert!(verifying.accepts(ID, &at, &format!("{other} v2,x {right} {other}"), BODY, AT));
            for wrong in [other.as_str(), &format!("{version},"), "", &right.replace(',', ""), "v9,x"] {
                assert!(!verifying.accepts(ID, &at, wrong, BODY, AT), "{wrong}");
            }
            for stamp in ["", "abc", "-1", "+1614265330", " 1614265330", "99999999999999999999", "1614265330.0"] {
                assert!(!verifying.accepts(ID, stamp, &right, BODY, AT), "{stamp}");
            }
            assert!(
                !verifying.accepts("", &at, &right, BODY, AT) && !verifying.accepts("msg_2", &at, &right, BODY, AT)
            );
            assert!(!verifying.accepts(ID, &at, &right, b"{}", AT));
            assert_eq!(SigningKey::parse(&key.secret()).unwrap().sign(ID, AT, BODY), right);
            assert!(!format!("{key:?}").contains(&key.secret()[7..]));
        }
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        assert!(SigningKey::parse(&of(24)).is_some() && SigningKey::parse(&of(64)).is_some());
        assert!(SigningKey::parse(&of(23)).is_none() && SigningKey::parse(&of(65)).is_none());
        let pair = format!("whsk_{}", STANDARD.encode([1; 31]));
        for text in ["", "whsec_", "whsec_!!", "whpk_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &pair] {
            assert!(SigningKey::parse(text).is_none(), "{text}");
        }
    }
}
