//! Signatures: the vectors and the cases of the reference libraries.

use serde_json::Value as Json;

use super::*;

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;

/// Every vector of the file that is of this scheme, whatever its headers are called.
#[test]
fn shared_vectors_hold() {
    let file: Json = serde_json::from_str(include_str!("../../../tests/vectors/webhook_signatures.json")).unwrap();
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

/// A message that a key of ours signed, and what a receiver verifies it with.
struct Signed {
    key: SigningKey,
    verifying: Verifying,
    signature: String,
    /// A signature of the same kind and form that is of something else.
    other: String,
}

impl Signed {
    fn accepts(&self, id: &str, timestamp: &str, signatures: &str, body: &[u8]) -> bool {
        self.verifying.accepts(id, timestamp, signatures, body, AT)
    }

    fn accepts_at(&self, now: i64) -> bool {
        self.verifying.accepts(ID, &AT.to_string(), &self.signature, BODY, now)
    }

    fn accepts_signature(&self, signatures: &str) -> bool {
        self.accepts(ID, &AT.to_string(), signatures, BODY)
    }

    fn accepts_timestamp(&self, timestamp: &str) -> bool {
        self.accepts(ID, timestamp, &self.signature, BODY)
    }
}

/// One message signed with each kind of key.
fn signed() -> [Signed; 2] {
    [SigningKey::from_random(SignatureKind::V1, [3; 32]), SigningKey::from_random(SignatureKind::V1a, [4; 32])].map(
        |key| Signed {
            verifying: Verifying::parse(&key.public().unwrap_or_else(|| key.secret())).unwrap(),
            signature: key.sign(ID, AT, BODY),
            other: key.sign(ID, AT, b"{}"),
            key,
        },
    )
}

/// The cases of the reference libraries' tests, each by its name and for both kinds of keys.
macro_rules! cases {
    ($($name:ident: $holds:expr;)*) => {
        $(#[test]
        fn $name() {
            let holds: fn(&Signed) -> bool = $holds;
            for signed in &signed() {
                assert!(holds(signed), "{:?}", signed.key);
            }
        })*
    };
}

cases! {
    a_right_signature_is_accepted: |signed| signed.accepts_signature(&signed.signature);
    a_right_one_among_several_is_accepted:
        |signed| signed.accepts_signature(&format!("{0} v2,x {1} {0}", signed.other, signed.signature));
    a_missing_id_is_refused: |signed| !signed.accepts("", &AT.to_string(), &signed.signature, BODY);
    another_id_is_refused: |signed| !signed.accepts("msg_2", &AT.to_string(), &signed.signature, BODY);
    a_missing_timestamp_is_refused: |signed| !signed.accepts_timestamp("");
    a_timestamp_that_is_no_number_is_refused: |signed| {
        ["abc", "-1", "+1614265330", " 1614265330", "99999999999999999999", "1614265330.0"]
            .iter()
            .all(|stamp| !signed.accepts_timestamp(stamp))
    };
    another_timestamp_is_refused: |signed| !signed.accepts_timestamp(&(AT + 1).to_string());
    a_timestamp_within_the_tolerance_is_accepted:
        |signed| signed.accepts_at(AT + TOLERANCE) && signed.accepts_at(AT - TOLERANCE);
    an_old_timestamp_is_refused: |signed| !signed.accepts_at(AT + TOLERANCE + 1);
    a_timestamp_of_the_future_is_refused: |signed| !signed.accepts_at(AT - TOLERANCE - 1);
    a_missing_signature_is_refused: |signed| !signed.accepts_signature("");
    a_wrong_signature_is_refused: |signed| !signed.accepts_signature(&signed.other);
    a_part_of_a_signature_is_refused: |signed| {
        let (version, bytes) = signed.signature.split_once(',').unwrap();
        [format!("{version},"), version.to_owned(), bytes.to_owned(), signed.signature.replace(',', "")]
            .iter()
            .chain([&signed.signature[..signed.signature.len() - 4].to_owned()])
            .all(|part| !signed.accepts_signature(part))
    };
    a_signature_of_another_version_is_refused: |signed| {
        let (_, bytes) = signed.signature.split_once(',').unwrap();
        !signed.accepts_signature(&format!("v9,{bytes}"))
    };
    another_body_is_refused: |signed| !signed.accepts(ID, &AT.to_string(), &signed.signature, b"{}");
    a_key_that_was_written_down_signs_the_same:
        |signed| SigningKey::parse(&signed.key.secret()).unwrap().sign(ID, AT, BODY) == signed.signature;
    a_key_that_is_printed_does_not_show_itself:
        |signed| !format!("{:?}", signed.key).contains(&signed.key.secret()[7..]);
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
