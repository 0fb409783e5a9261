//! Text as folded pieces: words, and runs of characters that have no spaces between words.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::MAX_WORD;

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Letters and digits.
    Word(String),
    /// Characters of Chinese or Japanese.
    Run(Vec<char>),
}

/// The pieces of a text, folded.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut word = String::new();
    let mut length = 0;
    let mut run = Vec::new();
    let bare = without_scheme(text);
    for character in bare.nfkd().filter(|c| !is_combining_mark(*c)) {
        let is_of_run = is_ideograph(character);
        if !is_of_run && !run.is_empty() {
            pieces.push(Piece::Run(std::mem::take(&mut run)));
        }
        if is_of_run || !character.is_alphanumeric() {
            if !word.is_empty() {
                pieces.push(Piece::Word(std::mem::take(&mut word)));
            }
            length = 0;
        }
        if is_of_run {
            run.push(character);
        } else if character.is_alphanumeric() && length < MAX_WORD {
            length += 1;
            fold(character, &mut word);
        }
    }
    if !run.is_empty() {
        pieces.push(Piece::Run(run));
    }
    if !word.is_empty() {
        pieces.push(Piece::Word(word));
    }
    pieces
}

/// Every address begins alike; nobody searches for that.
fn without_scheme(text: &str) -> &str {
    let text = text.trim_start();
    let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    text.strip_prefix("www.").unwrap_or(text)
}

/// Letters that have no decomposition are folded as they are commonly written without their marks.
fn fold(character: char, into: &mut String) {
    for lower in character.to_lowercase() {
        match lower {
            'ß' => into.push_str("ss"),
            'æ' => into.push_str("ae"),
            'œ' => into.push_str("oe"),
            'þ' => into.push_str("th"),
            'ø' => into.push('o'),
            'đ' | 'ð' => into.push('d'),
            'ł' => into.push('l'),
            'ı' => into.push('i'),
            'ς' => into.push('σ'),
            other if is_combining_mark(other) => {}
            other => into.push(other),
        }
    }
}

/// Whether it is written without spaces between words.
fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3105}'..='\u{312f}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '\u{3005}' | '\u{3007}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_into_pieces() {
        let word = |text: &str| Piece::Word(text.to_owned());
        assert_eq!(pieces("Jürgen  MÜLLER-Straße"), [word("jurgen"), word("muller"), word("strasse")]);
        assert_eq!(pieces("https://www.Example.com/a"), [word("example"), word("com"), word("a")]);
        assert_eq!(pieces("王小明ab"), [Piece::Run(vec!['王', '小', '明']), word("ab")]);
        assert_eq!(pieces("\u{ff21}\u{ff22}"), [word("ab")]);
        assert_eq!(pieces("\" OR * \0 🙂"), [word("or")]);
        assert_eq!(pieces(&"x".repeat(1_000)), [word(&"x".repeat(MAX_WORD))]);
    }
}
