//! `guildhall plugin replay`: a failed call, run again from its file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::app::{AppError, Rerun, replay};
use crate::cli::output::Output;

/// A failed call to run again. It needs no installation.
#[derive(Debug, Args)]
pub struct PluginReplay {
    /// The file, as `GET /modules/{plugin}/failures/{id}/replay` answered it.
    file: PathBuf,
    /// The component: the one that failed, or one that is to do better.
    #[arg(long)]
    component: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl PluginReplay {
    /// Runs it again. An end that is another one is an error.
    pub async fn run(self) -> Result<(), AppError> {
        let rerun = replay(&read(&self.file)?, &read(&self.component)?).await?;
        self.output.print(&json!(rerun), &text(&rerun))?;
        if rerun.same { Ok(()) } else { Err(AppError::Refused("the call did not come to the same end".to_owned())) }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, AppError> {
    std::fs::read(path).map_err(|error| AppError::Refused(format!("{}: {error}", path.display())))
}

fn text(rerun: &Rerun) -> String {
    let mut lines = vec![format!("{} {}", rerun.plugin, rerun.version)];
    match rerun.same_component {
        Some(true) => {}
        Some(false) => lines.push("the component is another one than the one that failed".to_owned()),
        None => lines.push("the file does not say which component failed".to_owned()),
    }
    if rerun.is_redacted {
        lines.push("something was taken out of the file: the call may take another way for that".to_owned());
    }
    if let Some(divergence) = &rerun.divergence {
        let told =
            |call: &Option<_>| call.as_ref().map_or("no further call".to_owned(), |call| json!(call).to_string());
        lines.push(format!("host call {} is another one", divergence.call));
        lines.push(format!("  then: {}", told(&divergence.expected)));
        lines.push(format!("  now:  {}", told(&divergence.got)));
    }
    lines.push(format!("then: {}", json!(rerun.expected)));
    lines.push(format!("now:  {}", json!(rerun.got)));
    lines.push(if rerun.same { "the same, to the bit".to_owned() } else { "not the same".to_owned() });
    lines.join("\n")
}
