//! Rule `migrations`: same names for both engines, forward only; a recorded migration is never edited.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::Finding;
use crate::workspace;

const ENGINES: [&str; 2] = ["postgres", "sqlite"];
const CHECKSUMS: &str = "migrations/checksums.txt";

/// Checksum by path inside `migrations/`, as `sha256sum --check` reads it.
type Checksums = BTreeMap<String, String>;

/// Compares the folders with each other, with the recorded checksums, and those with what git already has.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let recorded = parse(&recorded_text(root)?);
    let mut findings = compare(&present(root)?, &recorded);
    if let Some(published) = published_text(root) {
        findings.extend(rewritten(&parse(&published), &recorded));
    }
    Ok(findings)
}

/// Adds the checksums of new migrations; what is recorded stays as it is.
pub fn record(root: &Path) -> Result<()> {
    let text = recorded_text(root)?;
    let recorded = parse(&text);
    let present = present(root)?;
    if let Some(finding) = compare(&present, &recorded).iter().find(|finding| !finding.message.ends_with(UNRECORDED)) {
        bail!("nothing recorded, because of {finding}");
    }
    let added: String = present
        .iter()
        .filter(|(name, _)| !recorded.contains_key(*name))
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    std::fs::write(root.join(CHECKSUMS), format!("{text}{added}")).with_context(|| format!("writing {CHECKSUMS}"))?;
    println!("recorded {} new migration files in {CHECKSUMS}", added.lines().count());
    Ok(())
}

const UNRECORDED: &str = "run `cargo xtask tidy --record-migrations`";

fn compare(present: &Checksums, recorded: &Checksums) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names = |engine: &str| -> BTreeSet<String> {
        let prefix = format!("{engine}/");
        present.keys().filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    let (left, right) = (names(ENGINES[0]), names(ENGINES[1]));
    for name in left.symmetric_difference(&right) {
        let missing = if left.contains(name) { ENGINES[1] } else { ENGINES[0] };
        findings.push(finding(
            format!("migrations/{missing}/{name}"),
            "is missing: both engines have the same migrations, by name",
        ));
    }
    for (name, sum) in recorded {
        match present.get(name) {
            None => findings.push(finding(
                format!("migrations/{name}"),
                "was recorded and is gone: migrations go forward only, restore it",
            )),
            Some(found) if found != sum => findings.push(finding(
                format!("migrations/{name}"),
                "was changed after it was recorded: databases exist that ran the old text; restore it and add a new one",
            )),
            Some(_) => {}
        }
    }
    for name in present.keys().filter(|name| !recorded.contains_key(*name)) {
        findings.push(finding(format!("migrations/{name}"), &format!("is new: {UNRECORDED}")));
    }
    findings
}

/// Recorded lines that git has otherwise: somebody edited the record itself.
fn rewritten(published: &Checksums, recorded: &Checksums) -> Vec<Finding> {
    published
        .iter()
        .filter(|(name, sum)| recorded.get(*name) != Some(*sum))
        .map(|(name, _)| {
            let message = format!("the record of {name} differs from the committed one: lines are only ever added");
            finding(CHECKSUMS.to_owned(), &message)
        })
        .collect()
}

fn finding(path: String, message: &str) -> Finding {
    Finding { path, line: 1, rule: "migrations", message: message.to_owned(), warning: false }
}

fn parse(text: &str) -> Checksums {
    text.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()
}

fn recorded_text(root: &Path) -> Result<String> {
    match std::fs::read_to_string(root.join(CHECKSUMS)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("reading {CHECKSUMS}")),
    }
}

/// The record where this branch left the published one; in a clone without either, nothing.
fn published_text(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| workspace::output(Command::new("git").current_dir(root).args(arguments)).ok();
    let base = git(&["merge-base", "origin/main", "HEAD"]).unwrap_or_else(|| "HEAD".to_owned());
    git(&["show", &format!("{}:{CHECKSUMS}", base.trim())])
}

fn present(root: &Path) -> Result<Checksums> {
    let mut sums = Checksums::new();
    for engine in ENGINES {
        let folder = root.join("migrations").join(engine);
        let entries = std::fs::read_dir(&folder).with_context(|| format!("reading migrations/{engine}"))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let bytes = std::fs::read(&path).with_context(|| format!("reading migrations/{engine}/{name}"))?;
                let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                sums.insert(format!("{engine}/{name}"), sum);
            }
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(pairs: &[(&str, &str)]) -> Checksums {
        pairs.iter().map(|(name, sum)| ((*name).to_owned(), (*sum).to_owned())).collect()
    }

    fn paths(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.path.as_str()).collect()
    }

    #[test]
    fn both_engines_need_the_same_names() {
        let present = sums(&[("sqlite/1.sql", "a"), ("postgres/2.sql", "b")]);
        let found = compare(&present, &present);
        assert_eq!(paths(&found), ["migrations/postgres/1.sql", "migrations/sqlite/2.sql"]);
    }

    #[test]
    fn a_changed_missing_or_new_file_is_found() {
        let recorded = sums(&[("postgres/1.sql", "a"), ("sqlite/1.sql", "a")]);
        let changed = sums(&[("postgres/1.sql", "a"), ("sqlite/1.sql", "b")]);
        assert_eq!(paths(&compare(&changed, &recorded)), ["migrations/sqlite/1.sql"]);
        assert_eq!(compare(&sums(&[]), &recorded).len(), 2);
        assert_eq!(compare(&recorded, &sums(&[])).len(), 2);
        assert!(compare(&recorded, &recorded).is_empty());
    }

    #[test]
    fn the_record_itself_only_grows() {
        let published = sums(&[("sqlite/1.sql", "a")]);
        assert_eq!(rewritten(&published, &sums(&[("sqlite/1.sql", "b")])).len(), 1);
        assert_eq!(rewritten(&published, &sums(&[])).len(), 1);
        assert!(rewritten(&published, &sums(&[("sqlite/1.sql", "a"), ("sqlite/2.sql", "b")])).is_empty());
    }

    #[test]
    fn the_record_reads_as_sha256sum_writes() {
        assert_eq!(parse("ab  sqlite/1.sql\n"), sums(&[("sqlite/1.sql", "ab")]));
    }
}
