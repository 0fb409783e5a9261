//! Finds what a file names inside its own crate: `crate::…`, `guildhall::…` and `super::…`, alone and in `use` groups.

use super::token::{Kind, Token, path_separator_at, positions};

/// A path from the crate's root, such as `["access", "Permit"]`, and where it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    pub segments: Vec<String>,
    pub line: usize,
}

/// All references of a file whose own module path is `module`.
pub fn references(tokens: &[Token], module: &[&str]) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut inline = InlineModules::default();
    let mut at = 0;
    while at < tokens.len() {
        inline.visit(tokens, at);
        let starts_path = at < 2 || !path_separator_at(tokens, at - 2);
        let root = match tokens[at].word() {
            Some("crate" | "guildhall") if starts_path && path_separator_at(tokens, at + 1) => Some((at, Vec::new())),
            Some("super") if starts_path && path_separator_at(tokens, at + 1) => {
                climb(tokens, at, module, inline.depth())
            }
            _ => None,
        };
        if let Some((last, prefix)) = root {
            let before = found.len();
            tree(tokens, last + 3, &prefix, &mut found);
            // `crate::*` and a path that cannot be read still say where they begin.
            if found.len() == before {
                found.push(Reference { segments: prefix, line: tokens[at].line });
            }
        }
        at += 1;
    }
    found
}

/// The names that a file passes on with `pub use module::…`.
pub fn passed_on(tokens: &[Token], module: &str) -> Vec<String> {
    let mut found = Vec::new();
    for at in positions(tokens, &["pub", "use", module, ":", ":"]) {
        tree(tokens, at + 5, &[], &mut found);
    }
    found.into_iter().filter_map(|reference| reference.segments.into_iter().next_back()).collect()
}

/// Follows `super::super::…`: the place of the last `super` and the module it means.
fn climb(tokens: &[Token], start: usize, module: &[&str], inline: usize) -> Option<(usize, Vec<String>)> {
    let mut last = start;
    let mut levels = 1;
    while tokens.get(last + 3).is_some_and(|token| token.is_word("super")) && path_separator_at(tokens, last + 4) {
        last += 3;
        levels += 1;
    }
    let depth = (module.len() + inline).saturating_sub(levels);
    // A path that ends inside this file names nothing of another floor.
    (depth < module.len()).then(|| (last, module[..depth].iter().map(ToString::to_string).collect()))
}

/// Reads one branch of a path and, at `{`, each of the branches inside.
fn tree(tokens: &[Token], start: usize, prefix: &[String], found: &mut Vec<Reference>) -> usize {
    let mut at = start;
    let mut segments = prefix.to_vec();
    let line = tokens.get(start).map_or(0, |token| token.line);
    loop {
        match tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => {
                segments.push(word.clone());
                at += 1;
                if !path_separator_at(tokens, at) {
                    break;
                }
                at += 2;
            }
            Some(Kind::Mark('{')) => return group(tokens, at + 1, &segments, found),
            Some(Kind::Mark('*')) => {
                segments.push("*".to_owned());
                at += 1;
                break;
            }
            _ => break,
        }
    }
    if segments.len() > prefix.len() {
        found.push(Reference { segments, line });
    }
    at
}

fn group(tokens: &[Token], start: usize, prefix: &[String], found: &mut Vec<Reference>) -> usize {
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        at = match token.kind {
            Kind::Mark('}') => return at + 1,
            Kind::Word(_) | Kind::Mark('{' | '*') if !token.is_word("as") => tree(tokens, at, prefix, found),
            // `as name` renames what was just read.
            Kind::Word(_) => at + 2,
            Kind::Mark(_) | Kind::Text(_) => at + 1,
        };
    }
    at
}

/// Counts the `mod name { … }` blocks around a place, because `super` counts them too.
#[derive(Default)]
struct InlineModules {
    braces: usize,
    opened_at: Vec<usize>,
}

impl InlineModules {
    fn visit(&mut self, tokens: &[Token], at: usize) {
        if tokens[at].is_mark('{') {
            self.braces += 1;
            if at >= 2 && tokens[at - 2].is_word("mod") && tokens[at - 1].word().is_some() {
                self.opened_at.push(self.braces);
            }
        } else if tokens[at].is_mark('}') {
            if self.opened_at.last() == Some(&self.braces) {
                self.opened_at.pop();
            }
            self.braces = self.braces.saturating_sub(1);
        }
    }

    fn depth(&self) -> usize {
        self.opened_at.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    fn found(module: &[&str], text: &str) -> Vec<String> {
        references(&tokens(text), module).into_iter().map(|reference| reference.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_opened() {
        let text = "use crate::{access::{Permit, check as c}, domain::*, store};\nfn f(x: &crate::app::App<u8>) {}";
        let paths = ["access::Permit", "access::check", "domain::*", "store", "app::App"];
        assert_eq!(found(&["app", "records"], text), paths);
    }

    #[test]
    fn names_that_are_passed_on_are_read() {
        let text = "pub use permit::{Permit, Read};\npub use permit::Chore;\nuse permit::Hidden;";
        assert_eq!(passed_on(&tokens(text), "permit"), ["Permit", "Read", "Chore"]);
    }

    #[test]
    fn super_is_resolved_and_inline_modules_count() {
        assert_eq!(found(&["store", "records"], "use super::super::app::App;"), ["app::App"]);
        assert_eq!(found(&["store", "records"], "use super::db::Tx;"), ["store::db::Tx"]);
        assert_eq!(found(&["store"], "use super::app::App;"), ["app::App"]);
        assert_eq!(found(&["store"], "fn a() {} mod tests { use super::*; }"), [""; 0]);
        assert_eq!(found(&["store"], "mod tests { fn a() {} use super::super::app::App; }"), ["app::App"]);
    }

    #[test]
    fn only_the_start_of_a_path_counts() {
        assert_eq!(found(&["app"], "let a = other::crate_name; use std::fmt; b::guildhall::x()"), [""; 0]);
        assert_eq!(found(&["main"], "guildhall::cli::run()"), ["cli::run"]);
    }
}
