//! Rule `owners`: each heavy dependency has one owner in the host, and one file knows that there are two engines.

use super::token::{Token, path_separator_at};
use super::{Finding, Source};

const OWNERS: [(&str, &[&str]); 4] = [
    ("store", &["sqlx", "rusqlite", "sea_query", "sea_query_sqlx", "sea_query_rusqlite"]),
    ("access", &["casbin"]),
    ("plugin", &["wasmtime", "wasmparser"]),
    ("outbound", &["hyper_util", "hyper_rustls"]),
];

/// The two engines by the crates that speak to them.
const ENGINES: [&[&str]; 2] = [&["sqlx", "sea_query_sqlx"], &["rusqlite", "sea_query_rusqlite"]];

pub fn check(source: &Source, tokens: &[Token]) -> Vec<Finding> {
    let Some(path) = source.in_host() else { return Vec::new() };
    let mut findings: Vec<Finding> = OWNERS
        .iter()
        .filter(|(owner, _)| path != format!("{owner}.rs") && !path.starts_with(&format!("{owner}/")))
        .flat_map(|(owner, crates)| {
            lines(tokens, crates).map(move |(line, name)| {
                let message =
                    format!("`{name}` belongs to {owner}: give {owner} a function that does this, and call it");
                Finding::new(source, line, "owners", message)
            })
        })
        .collect();
    if path != "store/db.rs" && !path.starts_with("store/db/") {
        let both: Vec<usize> =
            ENGINES.iter().filter_map(|engine| lines(tokens, engine).next()).map(|(line, _)| line).collect();
        if both.len() == ENGINES.len() {
            let line = both.into_iter().max().unwrap_or(1);
            let message = "only store/db.rs knows that there are two engines: move what differs there";
            findings.push(Finding::new(source, line, "owners", message));
        }
    }
    findings
}

/// Where one of the crates is named: at the start of a path, or alone after `use`.
fn lines<'a>(tokens: &'a [Token], crates: &'a [&str]) -> impl Iterator<Item = (usize, &'a str)> {
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        let name = token.word().filter(|word| crates.contains(word))?;
        let inside = at >= 2 && path_separator_at(tokens, at - 2) && at >= 3 && tokens[at - 3].word().is_some();
        let imported = at >= 1 && tokens[at - 1].is_word("use");
        let attribute = at >= 2 && tokens[at - 1].is_mark('[') && tokens[at - 2].is_mark('#');
        (!inside && (path_separator_at(tokens, at + 1) || imported || attribute)).then_some((token.line, name))
    })
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
    fn a_dependency_outside_its_owner_is_found() {
        assert_eq!(found("host/src/app/a.rs", "//! A.\nuse sqlx::Row;"), [2]);
        assert_eq!(found("host/src/app/a.rs", "use wasmtime as w;"), [1]);
        assert_eq!(found("host/src/store/a.rs", "fn a() { ::casbin::Enforcer::new() }"), [1]);
        assert_eq!(found("host/src/domain/a.rs", "#[sqlx(rename = \"x\")]\nx: sea_query_sqlx::SqlxValues"), [1, 2]);
        assert_eq!(found("host/src/main.rs", "wasmparser::validate(b)"), [1]);
    }

    #[test]
    fn the_owner_and_likely_names_are_fine() {
        assert_eq!(found("host/src/store.rs", "use sqlx::Row;"), NONE);
        assert_eq!(found("host/src/plugin/engine.rs", "use wasmtime::Engine;"), NONE);
        assert_eq!(found("host/src/app/a.rs", "// sqlx::Row\nlet wasmtime = config.casbin; x::sqlx::y()"), NONE);
    }

    #[test]
    fn both_engines_in_one_file_are_found() {
        let text = "use rusqlite::Row;\nuse sea_query_sqlx::SqlxValues;";
        assert_eq!(found("host/src/store/records.rs", text), [2]);
        assert_eq!(found("host/src/store/db.rs", text), NONE);
        assert_eq!(found("host/src/store/db/sqlite.rs", text), NONE);
        assert_eq!(found("host/src/store/records.rs", "use rusqlite::Row;"), NONE);
    }
}
