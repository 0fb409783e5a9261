//! Rule `leftovers`: no notes to oneself, no white space at line ends, no paths of one machine.

use std::path::Path;

use super::{Finding, Source};

/// Written in halves so that this file does not break its own rule.
const NOTES: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

pub fn check(source: &Source, machine_paths: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let mut found = |message: String| findings.push(Finding::new(source, index + 1, "leftovers", message));
        if let Some(note) = NOTES.into_iter().find(|note| has_word(line, note)) {
            found(format!("`{note}` is unfinished work: do it now, or open an issue and name it"));
        }
        if line.ends_with([' ', '\t']) {
            found("white space at the end of the line: remove it".to_owned());
        }
        if let Some(path) = machine_paths.iter().find(|path| has_path(line, path)) {
            found(format!("`{path}` exists on one machine only: write the path relative to the repository"));
        }
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        let last = source.text.lines().count();
        findings.push(Finding::new(source, last, "leftovers", "the last line has no end: add a line feed"));
    }
    findings
}

/// The folders of this machine that must not be named in the repository.
pub fn machine_paths(root: &Path) -> Vec<String> {
    let mut paths = vec![format!("{}/", root.display())];
    for (variable, folder) in [("HOME", ".cargo/"), ("HOME", ".rustup/"), ("CARGO_HOME", ""), ("RUSTUP_HOME", "")] {
        if let Ok(value) = std::env::var(variable) {
            paths.push(format!("{}/{folder}", value.trim_end_matches('/')));
        }
    }
    paths.retain(|path| path.starts_with('/') && path.len() > 3);
    paths
}

fn has_word(line: &str, word: &str) -> bool {
    let outside = |character: Option<char>| character.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word)
        .any(|(at, _)| outside(line[..at].chars().next_back()) && outside(line[at + word.len()..].chars().next()))
}

/// Whether the path stands there as an absolute one: `/app/` is not part of `src/app/`.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn found(text: &str) -> Vec<usize> {
        let source = Source { path: "host/src/a.rs".into(), text: text.into() };
        check(&source, &["/app/".to_owned()]).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn notes_to_oneself_are_found() {
        let note = NOTES[0];
        assert_eq!(found(&format!("fn a() {{}}\n// {note}: later\n")), [2]);
        assert_eq!(found(&format!("// {note}S and x{note}\n")), NONE);
    }

    #[test]
    fn white_space_at_the_end_is_found() {
        assert_eq!(found("let a = 1; \nlet b = 2;\t\n"), [1, 2]);
        assert_eq!(found("let a = 1;"), [1]);
        assert_eq!(found("let a = 1;\n\n"), NONE);
    }

    #[test]
    fn paths_of_this_machine_are_found() {
        assert_eq!(found("see \"/app/target\"\n"), [1]);
        assert_eq!(found("see host/src/app/records.rs\n"), NONE);
    }
}
