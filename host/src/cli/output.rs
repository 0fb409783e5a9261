//! What commands print.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

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

    /// Why the vendor's kit did nothing: as JSON on standard output, too, where that was asked for.
    pub fn kit(&self, error: &guildhall_kit::Error) -> AppError {
        let text = error.to_string();
        if self.json {
            let told = line(&json!({"error": {"code": error.code(), "message": text}}).to_string());
            if let Err(error) = told {
                return error;
            }
        }
        AppError::Refused(text)
    }
}

/// Prints a line on standard output.
pub fn line(text: &str) -> Result<(), AppError> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .map_err(|error| AppError::Setup(format!("cannot write to standard output: {error}")))
}
