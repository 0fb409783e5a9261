//! `guildhall plugin check`: would a host take it?

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::file::read;
use super::make::built;
use crate::app::{AppError, check_plugin};
use crate::cli::output::Output;
use crate::cli::progress::Step;

#[derive(Debug, Args)]
pub struct CheckCommand {
    /// The component, a package, or the folder of a plugin, which is built first.
    #[arg(default_value = ".")]
    place: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl CheckCommand {
    /// Runs the command. A plugin that no host would take is an error.
    pub async fn run(self) -> Result<(), AppError> {
        let Self { place, output } = self;
        let bytes = if place.is_dir() { built(&place, &output)?.component } else { read(&place)? };
        let step = Step::begin("checking it as a host does");
        let checked = check_plugin(bytes).await?;
        drop(step);
        let name = match (&checked.id, &checked.version) {
            (Some(id), Some(version)) => format!("{id} {version}"),
            _ => place.display().to_string(),
        };
        let mut lines: Vec<String> =
            checked.problems.iter().map(|problem| format!("{}: {}", problem.name, problem.message)).collect();
        if checked.fits {
            lines.push(format!("{name}: {} bytes; fits API {} of this host", checked.size, checked.host_api));
        }
        output.print(&json!(checked), &lines.join("\n"))?;
        let count = checked.problems.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        if checked.fits { Ok(()) } else { Err(AppError::Refused(format!("{name} has {count} {problems}"))) }
    }
}
