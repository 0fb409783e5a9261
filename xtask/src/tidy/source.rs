//! The files that tidy reads: what git tracks or would track, as text.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace;

/// One text file of the repository; `path` is relative and uses `/`.
#[derive(Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    /// The path inside `host/src`, for rules that speak about the host only.
    pub fn in_host(&self) -> Option<&str> {
        self.path.strip_prefix("host/src/")
    }
}

/// Reads all text files that git knows or that wait to be added; data and lock files are left out.
pub fn tracked(root: &Path) -> Result<Vec<Source>> {
    let listing = workspace::output(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
    .context("listing the repository's files")?;
    let mut sources = Vec::new();
    for path in listing.split('\0').filter(|path| is_checked(path)) {
        // A file deleted but not yet committed is still listed.
        let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(sources)
}

fn is_checked(path: &str) -> bool {
    const KINDS: [&str; 16] =
        ["css", "html", "js", "json", "md", "mjs", "py", "rs", "sh", "sql", "toml", "ts", "txt", "wit", "yaml", "yml"];
    let data = path.starts_with("examples/data/") && has_extension(path, "txt");
    path == ".ci/run" || (!data && KINDS.iter().any(|kind| has_extension(path, kind)))
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_data_is_left_as_it_came() {
        assert!(!is_checked("examples/data/CDNOW_sample.txt"));
        assert!(is_checked("examples/data/README.md"));
        assert!(is_checked("host/src/lib.rs"));
        assert!(!is_checked("Cargo.lock"));
    }
}
