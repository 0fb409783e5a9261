//! What commands print.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

use crate::app::AppError;
use crate::domain::plugin::steers;

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
        if self.json { line(&plain_json(json)) } else { line(&plain(text)) }
    }

    /// Why the vendor's kit did nothing: as JSON on standard output, too, where that was asked for.
    pub fn kit(&self, error: &guildhall_kit::Error) -> AppError {
        let text = error.to_string();
        if self.json {
            let told = line(&plain_json(&json!({"error": {"code": error.code(), "message": text}})));
            if let Err(error) = told {
                return error;
            }
        }
        AppError::Refused(text)
    }
}

/// A text for a terminal: what stands in a stranger's file may hold what a terminal would obey, or turns around.
pub fn plain(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) && !matches!(c, '\n' | '\t') {
            whole.extend(c.escape_unicode());
        } else {
            whole.push(c);
        }
    }
    whole
}

/// The same as JSON, which escapes but a part of it: such characters stand in its texts only.
fn plain_json(json: &Value) -> String {
    let mut whole = String::new();
    for c in json.to_string().chars() {
        if steers(c) {
            whole += "\\u";
            whole.extend([12, 8, 4, 0].map(|at| char::from_digit((u32::from(c) >> at) & 0xf, 16).unwrap_or('0')));
        } else {
            whole.push(c);
        }
    }
    whole
}

/// Prints a line on standard output.
pub fn line(text: &str) -> Result<(), AppError> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .map_err(|error| AppError::Setup(format!("cannot write to standard output: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_obeyed() {
        assert_eq!(plain("a\u{1b}[31m\u{202e}b\nc\td\u{9b}é"), "a\\u{1b}[31m\\u{202e}b\nc\td\\u{9b}é");
        let json = json!({"name": "a\u{1b}[31m\u{202e}\u{9b}\nb"});
        let text = plain_json(&json);
        assert!(!text.chars().any(steers), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json);
    }
}
