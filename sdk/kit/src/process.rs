//! Other programs: run to their end, with what they said when it went wrong.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, Result};

/// Runs a program to its end and gives what it printed. What it complains about goes where our errors go when it is
/// `heard`, and into the error otherwise.
pub fn output(command: &mut Command, remedy: &str, heard: bool) -> Result<String> {
    command.stdin(Stdio::null());
    if heard {
        command.stderr(Stdio::inherit());
    }
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Missing(format!("`{}` is not there: {remedy}", name(command))),
        _ => Error::Build(format!("`{}` does not start: {error}", name(command))),
    })?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let said = if heard { "; what it says stands above" } else { "" };
        let text = format!("`{}` ended with {}{said}\n{}", shown(command), output.status, complaint.trim());
        return Err(Error::Build(text.trim_end().to_owned()));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Build(format!("`{}` printed text that is not UTF-8", shown(command))))
}

fn name(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The command and its first word, as a person would type it.
fn shown(command: &Command) -> String {
    let first = command.get_args().next().map(|argument| format!(" {}", argument.to_string_lossy()));
    name(command) + &first.unwrap_or_default()
}
