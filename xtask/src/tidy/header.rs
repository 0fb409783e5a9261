//! Rule `header`: every Rust file opens with one `//!` sentence that says what it is for.

use super::{Finding, Source};

pub fn check(source: &Source) -> Option<Finding> {
    let first = source.text.lines().next().unwrap_or_default();
    let sentence = first.strip_prefix("//! ").map_or("", str::trim);
    sentence.is_empty().then(|| {
        Finding::new(source, 1, "header", "begin the file with a `//!` line that says in one sentence what it is for")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        check(&Source { path: "host/src/a.rs".into(), text: text.into() }).is_some()
    }

    #[test]
    fn a_file_without_a_sentence_is_found() {
        assert!(found("use std::fmt;\n"));
        assert!(found("//!\nuse std::fmt;\n"));
        assert!(found(""));
        assert!(!found("//! Formats things.\nuse std::fmt;\n"));
    }
}
