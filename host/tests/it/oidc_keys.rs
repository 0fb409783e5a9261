//! Keys of the provider that hands out bad tokens, and what its public ones could be taken for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};

/// A public RSA key that is among the provider's: nobody here has its private half.
const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX\
    jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7\
    d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu\
    r-kEgU8awapJzKnqDKgw";

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn jwks() -> Json {
    let own = encoded(key(1).verifying_key().to_bytes());
    json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": own, "kid": "own", "use": "sig", "alg": "EdDSA"},
        {"kty": "RSA", "n": MODULUS, "e": "AQAB", "kid": "rsa", "use": "sig", "alg": "RS256"},
    ]})
}

/// The public key in every form that a library could take for a secret of HMAC.
pub fn forms_of_the_public_key() -> Vec<Vec<u8>> {
    let modulus = URL_SAFE_NO_PAD.decode(MODULUS).unwrap();
    assert_eq!(modulus.len(), 256);
    let der = |tag: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap();
        let size = if length < 128 {
            vec![body.len().to_le_bytes()[0]]
        } else {
            [&[0x82][..], &length.to_be_bytes()].concat()
        };
        [&[tag][..], &size, body].concat()
    };
    let numbers = [der(2, &[&[0][..], &modulus].concat()), der(2, &[1, 0, 1])].concat();
    let pkcs1 = der(0x30, &numbers);
    let kind = der(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1][..], &[5, 0]].concat());
    let spki = der(0x30, &[kind, der(3, &[&[0][..], &pkcs1].concat())].concat());
    let pem = |label: &str, bytes: &[u8]| {
        let text = STANDARD.encode(bytes);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
    };
    let mut forms = vec![modulus, MODULUS.as_bytes().to_vec(), pkcs1.clone(), spki.clone()];
    for text in [pem("PUBLIC KEY", &spki), pem("RSA PUBLIC KEY", &pkcs1)] {
        forms.extend([text.clone().into_bytes(), format!("{text}\n").into_bytes()]);
    }
    forms.extend([jwks()["keys"][1].to_string().into_bytes(), jwks().to_string().into_bytes()]);
    forms
}
