//! `guildhall plugin check`: would a host take it?

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::file::read;
use super::make::{built, place as place_in, surveyed};
use crate::app::{AppError, Checked, check_plugin};
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
        let checked = if place.is_dir() { of_folder(&place, &output).await? } else { of_bytes(read(&place)?).await? };
        let name = match (&checked.id, &checked.version) {
            (Some(id), Some(version)) => format!("{id} {version}"),
            _ => place.display().to_string(),
        };
        let mut lines: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
        if checked.fits {
            let size = checked.size.unwrap_or_default();
            lines.push(format!("{name}: {size} bytes; fits API {} of this host", checked.host_api));
        }
        output.print(&json!(checked), &lines.join("\n"))?;
        let count = checked.problems.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        if checked.fits { Ok(()) } else { Err(AppError::Refused(format!("{name} has {count} {problems}"))) }
    }
}

/// The manifest first, which takes no time: what is wrong with it is told before anything is built.
async fn of_folder(folder: &Path, output: &Output) -> Result<Checked, AppError> {
    let (manifest, checked) = surveyed(folder).map_err(|error| output.kit(&error))?;
    if !checked.fits {
        return Ok(checked);
    }
    let mut checked = of_bytes(built(folder, output)?.component).await?;
    place_in(&manifest, folder, &mut checked);
    Ok(checked)
}

async fn of_bytes(bytes: Vec<u8>) -> Result<Checked, AppError> {
    let _step = Step::begin("checking it as a host does");
    check_plugin(bytes).await
}
