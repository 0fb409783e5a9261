//! What somebody types to say who they are, and where they want to go then.

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::field::FieldType;
use super::value::Value;

/// Longest place to go to.
const MAX_PATH: usize = 2_000;

/// The e-mail address as it is kept of a member; none for what is no address.
pub fn email(typed: &str) -> Option<String> {
    match FieldType::Email.parse(&serde_json::Value::from(typed.trim())) {
        Ok(Value::Text(email)) => Some(email.to_lowercase()),
        _ => None,
    }
}

/// Names an account for counting tries: the same for every way to write it, whether there is one or not.
pub fn account(tenant: &str, email: &str) -> [u8; 32] {
    let one_way = |text: &str| -> String {
        // Letters that grow when they are folded are decomposed once more.
        let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
        folded.nfkc().filter(|letter| !letter.is_whitespace() && !letter.is_control() && !is_unseen(*letter)).collect()
    };
    Sha256::digest(format!("{}\n{}", one_way(tenant), one_way(email))).into()
}

/// Marks that a text can hold without looking otherwise.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// A place of this host to go to after signing in; none for what could lead elsewhere.
pub fn local_path(text: &str) -> Option<&str> {
    let is_local = text.starts_with('/')
        && text.len() <= MAX_PATH
        // Browsers take a second slash, or a backslash, for the beginning of a host, and drop control characters.
        && !text.starts_with("//")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_local.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_account_counts_as_the_same() {
        let one = account("first", "ann@example.com");
        for (tenant, email) in [
            ("FIRST", "Ann@Example.com"),
            (" first", "  ann@example.com\t"),
            ("first", "ａｎｎ@example.com"),
            ("first", "ann\u{200b}@example.com"),
            ("first\u{a0}", "a n n@example.com"),
        ] {
            assert_eq!(account(tenant, email), one, "{tenant} {email}");
        }
        assert_ne!(account("second", "ann@example.com"), one);
        assert_ne!(account("first", "bob@example.com"), one);
    }

    #[test]
    fn an_address_is_looked_up_as_it_is_kept() {
        assert_eq!(email(" Ann@Example.com ").as_deref(), Some("ann@example.com"));
        assert_eq!(email("nobody"), None);
    }

    #[test]
    fn only_places_of_this_host_are_gone_to() {
        for good in ["/", "/records/contact?sort=name", "/a//b"] {
            assert_eq!(local_path(good), Some(good));
        }
        let long = format!("/{}", "a".repeat(2_000));
        for bad in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\nSet-Cookie: x=y",
            " /a",
            "javascript:alert(1)",
            "/é",
            &long,
        ] {
            assert_eq!(local_path(bad), None, "{bad}");
        }
    }
}
