//! Rule `nouns`: the host is generic; what a trade calls its things belongs into a plugin.

use super::token::{Kind, Token, first_test_line};
use super::{Finding, Source};

const NOUNS: [&str; 12] = [
    "loyalty",
    "deal",
    "deals",
    "points",
    "pipeline",
    "pipelines",
    "voucher",
    "vouchers",
    "campaign",
    "campaigns",
    "lead",
    "leads",
];

/// Words that give `points` another meaning: a code point, an extension point.
const OTHER_POINTS: [&str; 6] = ["code", "extension", "entry", "check", "save", "mount"];

pub fn check(source: &Source, tokens: &[Token]) -> Vec<Finding> {
    if source.in_host().is_none() {
        return Vec::new();
    }
    let tests_from = first_test_line(tokens);
    tokens
        .iter()
        .filter(|token| token.line < tests_from)
        .filter_map(|token| {
            let noun = match &token.kind {
                Kind::Word(word) => noun_in(word),
                Kind::Text(text) if is_name(text) => noun_in(text),
                Kind::Text(_) | Kind::Mark(_) => None,
            }?;
            let message = format!(
                "`{noun}` is a word of one trade: the host stays generic, move this into a plugin or find a neutral word"
            );
            Some(Finding::new(source, token.line, "nouns", message))
        })
        .collect()
}

/// A string that names something (`loyalty.member`), unlike a sentence for people.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':'))
}

fn noun_in(name: &str) -> Option<&'static str> {
    let words = words(name);
    words.iter().enumerate().find_map(|(at, word)| {
        let other = word == "points" && at > 0 && OTHER_POINTS.contains(&words[at - 1].as_str());
        NOUNS.into_iter().find(|noun| noun == word && !other)
    })
}

/// Splits `loyalty_member`, `loyalty.member` and `LoyaltyMember` into their words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        after_lower = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::super::token;
    use super::*;

    const NONE: [usize; 0] = [];

    fn found(path: &str, text: &str) -> Vec<usize> {
        let source = Source { path: path.into(), text: text.into() };
        check(&source, &token::tokens(text)).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn words_of_a_trade_are_found() {
        assert_eq!(found("host/src/app/a.rs", "struct LoyaltyMember;\nfn add_points() {}"), [1, 2]);
        assert_eq!(found("host/src/app/a.rs", "read(\"loyalty.member\");\nlet lead = 1;"), [1, 2]);
    }

    #[test]
    fn other_meanings_are_fine() {
        let text = "// points of a deal\nlet extension_points = ideal(leading); log(\"hooks lead here\"); CodePoints";
        assert_eq!(found("host/src/app/a.rs", text), NONE);
        assert_eq!(found("plugins/retail-loyalty/src/lib.rs", "struct LoyaltyMember;"), NONE);
        assert_eq!(found("host/src/app/a.rs", "#[cfg(test)]\nmod tests { fn a() { read(\"loyalty.member\") } }"), NONE);
    }
}
