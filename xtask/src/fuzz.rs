//! `cargo xtask fuzz`: every fuzz target of host/fuzz for a bounded time, from its kept seeds.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{packages, workspace};

#[derive(Args)]
pub struct Options {
    /// Targets to run; all of them when none is named
    targets: Vec<String>,
    /// How long each of them runs
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Longest time for one input; what takes longer is a finding.
const TIMEOUT: u64 = 5;
/// Most memory, in megabytes; more is a finding.
const MEMORY: u64 = 1_024;
/// Longest input that is tried.
const LENGTH: u64 = 4_096;

/// Builds the targets with the pinned compiler and runs them one after the other.
///
/// No sanitizer: they need a nightly compiler, and there is no `unsafe` of ours to watch.
/// Overflows and debug assertions are checked.
pub fn run(options: &Options) -> Result<()> {
    let folder = workspace::root().join("host/fuzz");
    let all = targets(&folder)?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no fuzz target `{unknown}`: choose from {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    ensure_tools()?;
    let triple = host_triple()?;
    let output = workspace::target_directory()?.join("fuzz");
    let mut build = workspace::cargo();
    build.args(["fuzz", "build", "--sanitizer=none", "--features=fuzz", "--target", &triple]);
    workspace::run(build.arg("--fuzz-dir").arg(&folder).arg("--target-dir").arg(&output))?;
    for name in chosen {
        let binary = output.join(&triple).join("release").join(name);
        run_target(name, &binary, &folder, &output, options.seconds)?;
    }
    Ok(())
}

/// The names of the files in `targets/`.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = std::fs::read_dir(folder.join("targets")).context("looking for fuzz targets")?;
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = files.flatten().filter_map(|file| stem(file.path())).collect();
    names.sort_unstable();
    Ok(names)
}

/// cargo-fuzz, and the compiler that libFuzzer is built with.
fn ensure_tools() -> Result<()> {
    if workspace::output(Command::new("c++").arg("--version")).is_err() {
        packages::install(&["g++"], "compile libFuzzer")?;
    }
    if workspace::output(workspace::cargo().args(["fuzz", "--version"])).is_err() {
        println!("cargo-fuzz is missing: installing it from source, which takes a minute or two");
        workspace::run(workspace::cargo().args(["install", "--locked", "cargo-fuzz"]))
            .context("installing cargo-fuzz")?;
    }
    Ok(())
}

fn host_triple() -> Result<String> {
    let said = workspace::output(Command::new("rustc").current_dir(workspace::root()).arg("-vV"))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not name its host")?.to_owned())
}

/// New inputs go below `target/`; the seeds in the repository stay as they are.
fn run_target(name: &str, binary: &Path, folder: &Path, output: &Path, seconds: u64) -> Result<()> {
    let (corpus, findings) = (output.join("corpus").join(name), output.join("findings").join(name));
    for directory in [&corpus, &findings] {
        std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    }
    let mut command = Command::new(binary);
    command.current_dir(workspace::root()).arg(&corpus).arg(folder.join("seeds").join(name));
    let words = folder.join("words").join(format!("{name}.txt"));
    if words.exists() {
        command.arg(format!("-dict={}", words.display()));
    }
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={TIMEOUT}"),
        format!("-rss_limit_mb={MEMORY}"),
        format!("-max_len={LENGTH}"),
        format!("-artifact_prefix={}/", findings.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    let ran = command.output().with_context(|| format!("starting the fuzz target `{name}`"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        let lines: Vec<&str> = said.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        bail!(
            "the fuzz target `{name}` found something, kept in {}: `{} FILE` shows it again",
            findings.display(),
            binary.display()
        );
    }
    println!("fuzz: {name}: {}", summary(&said).context("libFuzzer gave no figures")?);
    Ok(())
}

/// How many inputs were run, and how much of the code they reached.
fn summary(said: &str) -> Option<String> {
    let runs = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?.trim();
    let covered = said.lines().rev().find_map(|line| line.split_once(" cov: ")).map(|(_, rest)| rest);
    let covered = covered.and_then(|rest| rest.split(' ').next()).unwrap_or("no");
    Some(format!("{runs} inputs, {covered} places reached, nothing found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read() {
        let said =
            "#8\tNEW    cov: 12 ft: 13\n#9\tDONE   cov: 120 ft: 13 corp: 1/1b\nstat::number_of_executed_units: 900\n";
        assert_eq!(summary(said).unwrap(), "900 inputs, 120 places reached, nothing found");
        assert_eq!(summary("nothing"), None);
    }
}
