//! Rule `length`: files stay readable in one sitting; over 300 lines is reported, over 400 refused.

use super::{Finding, Source};

const REPORTED: usize = 300;
const REFUSED: usize = 400;

pub fn check(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    (lines > REPORTED).then(|| {
        let message = format!("{lines} lines (aim at 150, at most {REFUSED}): split it by verb or noun");
        Finding { warning: lines <= REFUSED, ..Finding::new(source, lines, "length", message) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: usize) -> Option<bool> {
        let text = "//! Line.\n".repeat(lines);
        check(&Source { path: "host/src/a.rs".into(), text }).map(|finding| finding.warning)
    }

    #[test]
    fn long_files_are_reported_and_longer_ones_refused() {
        assert_eq!(found(300), None);
        assert_eq!(found(301), Some(true));
        assert_eq!(found(400), Some(true));
        assert_eq!(found(401), Some(false));
    }
}
