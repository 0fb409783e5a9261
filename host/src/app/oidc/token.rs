//! What a provider says of who has signed in: the signature, whom it is for, and when.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata};
use openidconnect::{ClaimsVerificationError, ClientId, Nonce};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::domain::account_name::email;
use crate::domain::clock::Timestamp;

/// The signatures that count: none without a key, and none with a key that the host has, too.
const SIGNATURES: [CoreJwsSigningAlgorithm; 6] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// Longest token.
const MAX_TOKEN: usize = 32 << 10;
/// How far the clocks of the two sides may be apart, in seconds.
const LEEWAY: f64 = 60.0;

/// Who has signed in, as the provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is to the provider, for good.
    pub subject: String,
    /// The address, when the provider has seen that it is theirs.
    pub email: Option<String>,
    /// What people read.
    pub name: Option<String>,
}

/// The claims that count, each of which may stand there once: two parties could read two of them otherwise.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(rename = "aud")]
    _aud: serde_json::Value,
    sub: String,
    exp: f64,
    iat: f64,
    nonce: String,
    nbf: Option<f64>,
    azp: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
}

/// The head of a token; `crit` names what must be understood, and we understand none of it.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "alg")]
    _alg: String,
    #[serde(default, rename = "kid")]
    _kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// Why a token vouches for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unvouched {
    /// No key that we know has signed it so.
    Signature,
    /// It is not for us, not of now, or not for this sign-in.
    Claims,
    /// It is no token that two readers would read alike.
    Form,
}

impl Unvouched {
    /// One sentence for who tries to sign in.
    pub fn text(self) -> &'static str {
        match self {
            Self::Signature => "its token is not signed by it",
            Self::Claims => "its token is not for this sign-in",
            Self::Form => "its token cannot be read",
        }
    }
}

/// What a token says, if it holds.
pub fn vouched(
    token: &CoreIdToken,
    metadata: &CoreProviderMetadata,
    client_id: &str,
    nonce: &str,
    now: Timestamp,
) -> Result<Vouched, Unvouched> {
    let text = token.to_string();
    if text.len() > MAX_TOKEN {
        return Err(Unvouched::Form);
    }
    let (id, keys) = (ClientId::new(client_id.to_owned()), metadata.jwks().clone());
    let verifier = CoreIdTokenVerifier::new_public_client(id, metadata.issuer().clone(), keys)
        .set_allowed_algs(SIGNATURES)
        .set_time_fn(move || now.to_chrono())
        .set_other_audience_verifier_fn(|_| false);
    let is_ours = |typed: Option<&Nonce>| match typed {
        Some(typed) if typed.secret().as_bytes().ct_eq(nonce.as_bytes()).into() => Ok(()),
        _ => Err("the nonce is another one".to_owned()),
    };
    token.claims(&verifier, is_ours).map_err(|error| {
        tracing::info!(%error, "a provider's token does not hold");
        match error {
            ClaimsVerificationError::SignatureVerification(_) => Unvouched::Signature,
            _ => Unvouched::Claims,
        }
    })?;
    // What was signed is read once more, by the strict reader.
    let mut parts = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let (head, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let head: Head = serde_json::from_slice(&head).map_err(|_| Unvouched::Form)?;
    let claims: Claims = serde_json::from_slice(&body).map_err(|_| Unvouched::Form)?;
    #[expect(clippy::cast_precision_loss, reason = "seconds of our age are far below the precision of a double")]
    let seconds = now.micros() as f64 / 1_000_000.0;
    let is_now = claims.exp > seconds
        && claims.iat <= seconds + LEEWAY
        && claims.nbf.is_none_or(|from| from <= seconds + LEEWAY);
    if head.crit.is_some() || !is_now || claims.azp.is_some_and(|azp| azp != client_id) {
        return Err(Unvouched::Claims);
    }
    if claims.sub.is_empty() || claims.sub.len() > 255 || claims.iss.is_empty() || claims.nonce.is_empty() {
        return Err(Unvouched::Form);
    }
    let is_verified = claims.email_verified == Some(true);
    let email = claims.email.filter(|_| is_verified).and_then(|typed| email(&typed));
    Ok(Vouched { subject: claims.sub, email, name: claims.name })
}
