//! `cargo xtask tidy`: the rules of docs/style.md that a machine can check, one small file each.

mod contract;
mod floors;
mod header;
mod leftovers;
mod length;
mod migrations;
mod nouns;
mod owners;
mod paths;
mod source;
mod tests_only;
mod token;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;
use source::Source;

/// One broken rule, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
    /// A warning is shown and does not fail the run.
    warning: bool,
}

impl Finding {
    fn new(source: &Source, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, rule, message: message.into(), warning: false }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.warning { "warning: " } else { "" };
        write!(formatter, "{}:{}: {kind}{}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// Checks every rule; fails when one is broken.
pub fn run(record_migrations: bool) -> Result<()> {
    let root = workspace::root();
    if record_migrations {
        migrations::record(&root)?;
    }
    let findings = findings(&root)?;
    for finding in &findings {
        println!("{finding}");
    }
    let broken = findings.iter().filter(|finding| !finding.warning).count();
    if broken > 0 {
        bail!("tidy: {broken} to mend (each line above says how)");
    }
    println!("tidy: in order, {} to look at", findings.len());
    Ok(())
}

fn findings(root: &Path) -> Result<Vec<Finding>> {
    let sources = source::tracked(root)?;
    let mut findings = migrations::check(root)?;
    findings.extend(contract::check(root)?);
    let proofs = floors::proofs(&sources);
    let machine = leftovers::machine_paths(root);
    for source in &sources {
        findings.extend(leftovers::check(source, &machine));
        if source.is_rust() {
            let tokens = token::tokens(&source.text);
            findings.extend(header::check(source));
            findings.extend(length::check(source));
            findings.extend(tests_only::check(source, &tokens));
            findings.extend(floors::check(source, &tokens, &proofs));
            findings.extend(owners::check(source, &tokens));
            findings.extend(nouns::check(source, &tokens));
        }
    }
    findings
        .sort_by(|left, right| (!left.warning, &left.path, left.line).cmp(&(!right.warning, &right.path, right.line)));
    Ok(findings)
}
