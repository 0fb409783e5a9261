//! `guildhall completions|man`: what shells and readers want to know of this program.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};
use crate::app::AppError;

#[derive(Debug, Args)]
pub struct CompletionsCommand {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManCommand {
    /// The directory, which is made where it is missing.
    directory: PathBuf,
}

impl CompletionsCommand {
    /// Prints the script.
    pub fn run(self) -> Result<(), AppError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "guildhall", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end())
    }
}

impl ManCommand {
    /// Writes a page for each command.
    pub fn run(self) -> Result<(), AppError> {
        written(&self.directory).map_err(|error| AppError::Setup(format!("{}: {error}", self.directory.display())))?;
        output::line(&format!("the pages are in {}: man -l {0}/guildhall.1", self.directory.display()))
    }
}

fn written(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}
