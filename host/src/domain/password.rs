//! Passwords: which ones are good enough (NIST SP 800-63B-4), and what is kept of them.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use unicode_normalization::UnicodeNormalization;
use zxcvbn::{Score, zxcvbn};

use super::invalid::FieldError;

/// Fewest characters: the password may be the only factor, now or later.
pub const MIN_LENGTH: usize = 15;
/// Most characters.
pub const MAX_LENGTH: usize = 128;

/// What a guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory of one hash, in KiB.
    pub memory: u32,
    /// How often the memory is gone through.
    pub passes: u32,
}

impl Default for Cost {
    /// What OWASP asks of argon2id.
    fn default() -> Self {
        Self { memory: 19 << 10, passes: 2 }
    }
}

/// The same text for the same password, however a keyboard composes its letters.
pub fn normalised(password: &str) -> String {
    password.nfc().collect()
}

/// What is wrong with a new password; `context` are words that others would try first.
pub fn fault(password: &str, context: &[&str]) -> Option<FieldError> {
    let length = password.chars().count();
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        let message = format!("has {MIN_LENGTH} to {MAX_LENGTH} characters");
        return Some(FieldError::new("password", "out_of_range", message));
    }
    // Common passwords, names, keyboard runs, dates, repetitions, and what is made of two or three of them.
    let is_weak = zxcvbn(password, context).score() < Score::Four;
    is_weak.then(|| FieldError::new("password", "too_common", "is among those that are tried first: take another one"))
}

/// What is kept of a password.
pub fn hash(password: &str, salt: [u8; 16], cost: Cost) -> String {
    let kept = hasher(cost).hash_password_with_salt(password.as_bytes(), &salt);
    kept.expect("passwords are short, the salt is long enough, and the cost was checked").to_string()
}

/// What would be kept of a password that nobody knows: looking at it takes as long as looking at any other.
pub fn nobodys(random: [u8; 32], cost: Cost) -> String {
    let (salt, output) = (STANDARD_NO_PAD.encode(&random[..16]), STANDARD_NO_PAD.encode(random));
    format!("$argon2id$v=19$m={},t={},p=1${salt}${output}", cost.memory, cost.passes)
}

/// Whether it is the password of which this was kept.
pub fn is_right(password: &str, kept: &str) -> bool {
    hasher(Cost::default()).verify_password(password.as_bytes(), kept).is_ok()
}

/// Whether what was kept was made at another cost than it would be today.
pub fn is_outdated(kept: &str, cost: Cost) -> bool {
    let params = PasswordHash::new(kept).ok().and_then(|hash| Params::try_from(&hash).ok());
    params.is_none_or(|params| (params.m_cost(), params.t_cost()) != (cost.memory, cost.passes))
}

fn hasher(cost: Cost) -> Argon2<'static> {
    let params = Params::new(cost.memory, cost.passes, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory: 8, passes: 1 };

    fn code(password: &str) -> Option<&'static str> {
        fault(password, &["ann", "ann@example.com", "First shop", "first"]).map(|fault| fault.code)
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(code("ninja-kettle-7"), Some("out_of_range"));
        assert_eq!(code("ninja-kettle-77"), None);
        assert_eq!(code("überfluß čaj žba"), None);
        assert_eq!(code("ein Wörtchen 日本語 mit"), None);
        let long: String = "plum kettle 9 ninja ".repeat(7).chars().take(129).collect();
        assert_eq!(code(&long), Some("out_of_range"));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for bad in [
            "passwordpassword",
            "qwertyuiopasdfghjkl",
            "aaaaaaaaaaaaaaaaaaaa",
            "123456789012345678",
            "abcdefghijklmnopqrst",
            "ann@example.comann",
            "First shop First shop",
            "firstfirstfirstfirst",
        ] {
            assert_eq!(code(bad), Some("too_common"), "{bad}");
        }
        for good in ["correct horse battery staple", "the cat sat on nine red hats", "4xG!m2zQ-81kLw0p"] {
            assert_eq!(code(good), None, "{good}");
        }
    }

    #[test]
    fn composed_and_decomposed_letters_are_the_same_password() {
        let kept = hash(&normalised("caf\u{e9} au lait, twice"), [7; 16], CHEAP);
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{kept}");
        assert!(is_right(&normalised("cafe\u{301} au lait, twice"), &kept));
        assert!(!is_right(&normalised("cafe au lait, twice"), &kept));
        assert!(!is_right("", &kept) && !is_right("x", "") && !is_right("", "$argon2id$"));
    }

    #[test]
    fn nobodys_password_is_looked_at_like_any_other() {
        let kept = nobodys([3; 32], CHEAP);
        let parsed = PasswordHash::new(&kept).unwrap();
        assert!(parsed.hash.is_some() && !is_outdated(&kept, CHEAP) && !is_right("", &kept));
    }

    #[test]
    fn a_hash_at_another_cost_is_outdated() {
        let kept = hash("x", [7; 16], CHEAP);
        assert!(!is_outdated(&kept, CHEAP));
        assert!(is_outdated(&kept, Cost::default()) && is_outdated("", CHEAP));
        assert!(is_right("x", &kept));
    }
}
