//! Rule `tests`: no test is switched off, and none waits by the clock.

use super::token::{Token, first_test_line, positions};
use super::{Finding, Source};

pub fn check(source: &Source, tokens: &[Token]) -> Vec<Finding> {
    let ignored = positions(tokens, &["#", "[", "ignore"]).map(|at| {
        let message = "a test that does not run proves nothing: mend it or remove it";
        Finding::new(source, tokens[at].line, "tests", message)
    });
    let tests_from = if source.path.contains("/tests/") { 0 } else { first_test_line(tokens) };
    let sleeps = ["thread", "time"]
        .into_iter()
        .flat_map(|owner| {
            let pattern = [owner, ":", ":", "sleep"];
            positions(tokens, &pattern).collect::<Vec<_>>()
        })
        .filter(|at| tokens[*at].line >= tests_from)
        .map(|at| {
            let message = "a test must not wait by the clock: wait for the event itself, or fix the clock";
            Finding::new(source, tokens[at].line, "tests", message)
        });
    ignored.chain(sleeps).collect()
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
    fn ignored_tests_are_found() {
        assert_eq!(found("host/src/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}"), [2]);
        assert_eq!(found("host/src/a.rs", "// #[ignore]\nlet text = \"#[ignore]\";"), NONE);
    }

    #[test]
    fn sleeping_is_found_in_tests_only() {
        assert_eq!(found("host/tests/it/a.rs", "fn a() {\n    tokio::time::sleep(wait).await;\n}"), [2]);
        assert_eq!(found("host/src/a.rs", "fn a() { std::thread::sleep(wait); }"), NONE);
        assert_eq!(found("host/src/a.rs", "#[cfg(test)]\nmod tests {\n    fn a() { std::thread::sleep(w); }\n}"), [3]);
    }
}
