//! `guildhall plugin test`: every scenario of a plugin, in the sandbox.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};

use super::file;
use super::make::built;
use super::watch::{after_build, change, changes};
use crate::app::{AppError, TestReport, Trial, Tried, run_scenarios};
use crate::cli::output::{self, Output};
use crate::cli::progress::Step;

/// Where scenarios are, below the folder of a plugin.
const FOLDER: &str = "scenarios";
/// How the name of a file ends that says what is expected.
const EXPECTED: &str = ".expect.json";

#[derive(Debug, Args)]
pub struct TestCommand {
    /// The folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Only scenarios whose names have this in them.
    #[arg(long)]
    only: Option<String>,
    /// Take what comes out as what is expected from now on.
    #[arg(long)]
    bless: bool,
    /// A component of a plugin that it requires: its objects are there, too. May be given again.
    #[arg(long = "with")]
    others: Vec<PathBuf>,
    /// Run again whenever a file of the plugin changes, until it is interrupted.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    output: Output,
}

impl TestCommand {
    /// Runs the command. A scenario that does not come out as expected is an error.
    pub async fn run(self) -> Result<(), AppError> {
        if !self.watch {
            return self.once().await;
        }
        loop {
            let before = changes(&self.folder);
            if let Err(error) = self.once().await {
                output::line(&error.to_string())?;
            }
            output::line("waiting for a change")?;
            change(&self.folder, &after_build(&self.folder, before)).await;
        }
    }

    async fn once(&self) -> Result<(), AppError> {
        let component = built(&self.folder, &self.output)?.component;
        let trials = self.trials()?;
        let others = self.others.iter().map(|other| file::read(other)).collect::<Result<Vec<_>, _>>()?;
        let step = Step::begin("running the scenarios");
        let mut report = run_scenarios(&component, &others, trials).await?;
        drop(step);
        if self.bless {
            self.bless(&mut report)?;
        }
        self.output.print(&json!(report), &text(&report))?;
        if report.passed {
            return Ok(());
        }
        let failed = report.scenarios.iter().filter(|tried| !tried.passed).count();
        let all = report.scenarios.len();
        Err(AppError::Refused(format!("{failed} of {all} scenarios did not come out as expected")))
    }

    fn trials(&self) -> Result<Vec<Trial>, AppError> {
        let home = self.folder.join(FOLDER);
        let unread = |error: &std::io::Error| AppError::Refused(format!("{}: {error}", home.display()));
        let entries = home.read_dir().map_err(|error| unread(&error))?;
        let mut files = Vec::new();
        for entry in entries {
            files.push(entry.map_err(|error| unread(&error))?.path());
        }
        files.sort();
        let mut trials: Vec<Trial> = Vec::new();
        for file in files {
            let Some(name) = name_of(&file) else { continue };
            if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                continue;
            }
            if trials.iter().any(|trial| trial.name == name) {
                return Err(AppError::Refused(format!("{}: there are two scenarios `{name}`", home.display())));
            }
            let expected = self.expectation(&name);
            let expected = if expected.exists() { Some(read(&expected)?) } else { None };
            trials.push(Trial { name, scenario: read(&file)?, expected });
        }
        if trials.is_empty() {
            return Err(AppError::Refused(format!("{}: there is no scenario to run", home.display())));
        }
        Ok(trials)
    }

    /// The file of what is expected of a scenario.
    fn expectation(&self, name: &str) -> PathBuf {
        self.folder.join(FOLDER).join(format!("{name}{EXPECTED}"))
    }

    /// Writes what came out, where the file says otherwise: who watches would else see a change in each run. What
    /// could not run, and what misses answers, stays.
    fn bless(&self, report: &mut TestReport) -> Result<(), AppError> {
        for tried in &mut report.scenarios {
            let Some(got) = tried.got.as_ref().filter(|_| tried.can_be_blessed) else { continue };
            let path = self.expectation(&tried.name);
            let text = serde_json::to_string_pretty(got).unwrap_or_default() + "\n";
            if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                std::fs::write(&path, text)
                    .map_err(|error| AppError::Refused(format!("{}: {error}", path.display())))?;
            }
            tried.differences.clear();
            tried.remarks.clear();
            tried.passed = true;
        }
        report.passed = report.scenarios.iter().all(|tried| tried.passed);
        Ok(())
    }
}

/// The name of the scenario in a file, when there is one in it.
fn name_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let stem = name.strip_suffix(".toml").or_else(|| name.strip_suffix(".json").filter(|_| !name.ends_with(EXPECTED)));
    Some(stem?.to_owned())
}

/// Reads a file of TOML or JSON.
fn read(file: &Path) -> Result<Json, AppError> {
    let wrong = |error: &dyn std::fmt::Display| AppError::Refused(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    if file.extension().is_some_and(|extension| extension == "toml") {
        return guildhall_kit::toml_to_json(&text).map_err(|error| wrong(&error));
    }
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

fn text(report: &TestReport) -> String {
    let mut lines = vec![format!("{} {}", report.plugin, report.version)];
    for Tried { name, description, passed, differences, remarks, got, .. } in &report.scenarios {
        let count = got.as_ref().and_then(|got| got["instructions"].as_u64());
        let count = count.map(|count| format!(", {count} instructions")).unwrap_or_default();
        let ended = if *passed { "as expected" } else { "NOT AS EXPECTED" };
        let said = if description.is_empty() { String::new() } else { format!(" ({description})") };
        lines.push(format!("{name}: {ended}{count}{said}"));
        lines.extend(differences.iter().chain(remarks).map(|line| format!("    {line}")));
    }
    let reached: Vec<String> = report.coverage.iter().map(|(point, count)| format!("{point} {count}")).collect();
    lines.push(format!("scenarios by extension point: {}", reached.join(", ")));
    let unreached: Vec<&str> =
        report.coverage.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    if !unreached.is_empty() {
        lines.push(format!("no scenario reaches {}", unreached.join(", ")));
    }
    lines.join("\n")
}
