//! What commands print.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use crate::app::AppError;

/// How a command prints its result.
#[derive(Debug, Args)]
pub struct Output {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Output {
    /// Prints the result on standard output.
    pub fn print(&self, json: &Value, text: &str) -> Result<(), AppError> {
        if self.json { line(&json.to_string()) } else { line(text) }
    }
}

/// Prints a line on standard output.
pub fn line(text: &str) -> Result<(), AppError> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .map_err(|error| AppError::Setup(format!("cannot write to standard output: {error}")))
}
