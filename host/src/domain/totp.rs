//! Codes of a second factor (RFC 6238), and those for the day on which it is lost.

use data_encoding::BASE32_NOPAD;
use form_urlencoded::Serializer;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::clock::Timestamp;

/// Seconds for which a code stands.
const STEP: i64 = 30;
/// Steps that the clocks of the two sides may be apart.
const DRIFT: i64 = 1;
/// Digits of a code.
const DIGITS: u32 = 6;
/// Codes for the day on which the factor is lost.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes of one of these.
const RECOVERY_BYTES: usize = 10;

/// The code of a step.
fn code(secret: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 0x0f);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!("{:06}", number % 10_u32.pow(DIGITS))
}

/// The step that a code stands for, around this moment and behind the last one that was used.
pub fn step_of(secret: &[u8], typed: &str, now: Timestamp, last: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    let step = now.micros().div_euclid(STEP * 1_000_000);
    (step - DRIFT..=step + DRIFT)
        .filter(|&step| step > last)
        .find(|&step| code(secret, step).as_bytes().ct_eq(typed.as_bytes()).into())
}

/// The secret as people type it.
pub fn written(secret: &[u8]) -> String {
    BASE32_NOPAD.encode(secret)
}

/// The secret that was written so.
pub fn read(written: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD.decode(written.as_bytes()).ok()
}

/// What an authenticator reads from a picture.
pub fn address(secret: &[u8], issuer: &str, account: &str) -> String {
    let part =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let query = Serializer::new(String::new()).append_pair("secret", &written(secret)).finish();
    format!("otpauth://totp/{0}:{1}?{query}&issuer={0}", part(issuer), part(account))
}

/// A code for the day on which the factor is lost, from random bytes.
pub fn recovery_code(random: [u8; 32]) -> String {
    let letters = BASE32_NOPAD.encode(&random[..RECOVERY_BYTES]).to_lowercase();
    let groups: Vec<&str> = (0..4).map(|at| &letters[4 * at..4 * at + 4]).collect();
    groups.join("-")
}

/// The same text for the same code, however it was typed; none for what is no such code.
pub fn recovery_letters(typed: &str) -> Option<String> {
    let letters: String = typed.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    (letters.len() == RECOVERY_BYTES * 8 / 5).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // Appendix B of RFC 6238, the last six of its eight digits.
        for (seconds, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code(SECRET, seconds / 30), expected);
            assert_eq!(step_of(SECRET, expected, at(seconds), -1), Some(seconds / 30));
        }
        assert_eq!(step_of(SECRET, " 287 082 ", at(59), -1), Some(1));
    }

    #[test]
    fn one_step_of_drift_and_no_code_twice() {
        let typed = code(SECRET, 100);
        for (step, found) in [(98, None), (99, Some(100)), (100, Some(100)), (101, Some(100)), (102, None)] {
            assert_eq!(step_of(SECRET, &typed, at(step * 30), -1), found, "{step}");
        }
        assert_eq!(step_of(SECRET, &typed, at(3_000), 100), None);
        for wrong in ["", "000000", "2870821", "28708", "٢٨٧٠٨٢"] {
            assert_eq!(step_of(SECRET, wrong, at(59), -1), None, "{wrong}");
        }
    }

    #[test]
    fn an_authenticator_reads_the_address() {
        let address = address(SECRET, "First & shop", "ann@example.com");
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let expected =
            format!("otpauth://totp/First%20%26%20shop:ann%40example.com?secret={secret}&issuer=First%20%26%20shop");
        assert_eq!(address, expected);
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let code = recovery_code([9; 32]);
        assert_eq!(code.len(), 19);
        let letters = recovery_letters(&code).unwrap();
        assert_eq!(recovery_letters(&code.to_uppercase().replace('-', " ")), Some(letters));
        assert_eq!(recovery_letters("287082"), None);
    }
}
