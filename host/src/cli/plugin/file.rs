//! `guildhall plugin inspect|keygen|sign`: work on files, with no installation.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use crate::app::{AppError, Inspected, inspect, new_publisher_secret, sign};
use crate::cli::output::Output;

#[derive(Debug, Args)]
pub struct InspectCommand {
    /// The component, or a package.
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct KeygenCommand {
    /// The new file of the secret key; it is not written over.
    #[arg(long)]
    to: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct SignCommand {
    /// The component.
    file: PathBuf,
    /// The file of the secret key.
    #[arg(long)]
    key: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl InspectCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), AppError> {
        let seen = inspect(read(&self.file)?)?;
        let function = |function: &crate::app::Function| json!({"module": function.module, "index": function.index, "bytes": function.bytes, "name": function.name});
        let json = json!({
            "id": seen.id, "version": seen.version, "name": seen.name, "digest": seen.digest, "api": seen.api,
            "package_digest": seen.package_digest, "size": seen.size, "capabilities": seen.capabilities,
            "asks": seen.asks, "exports": seen.exports, "built_with": seen.sdk,
            "largest_functions": seen.largest.iter().map(function).collect::<Vec<_>>(),
            "largest_function": seen.largest_function, "signatures": seen.signatures,
        });
        self.output.print(&json, &inspected(seen))
    }
}

/// What is known of a file, line by line.
fn inspected(seen: Inspected) -> String {
    let mut lines = vec![
        format!("{} {}: {}", seen.id, seen.version, seen.name),
        format!("component {}, {} bytes", seen.digest, seen.size),
    ];
    lines.extend(seen.package_digest.map(|digest| format!("package {digest}")));
    let built_with = |part: &str| seen.sdk.as_ref().and_then(|sdk| sdk[part].as_str()).unwrap_or("unknown");
    // What stands in a stranger's file may hold what a terminal would obey.
    let (language, sdk) = (built_with("language").escape_debug(), built_with("sdk").escape_debug());
    lines.push(format!("needs API {}; written in {language}, SDK {sdk}", seen.api));
    lines.extend(seen.capabilities.imports.iter().map(|import| format!("imports {import}")));
    lines.extend(seen.exports.iter().map(|export| format!("exports {export}")));
    lines.extend(seen.capabilities.objects.iter().map(|object| format!("brings {object}")));
    lines.extend(seen.asks.iter().map(|asked| {
        let reason = asked.reason.as_deref().unwrap_or("it does not say why");
        format!("asks for {}: {}", asked.name, reason.escape_debug())
    }));
    if seen.asks.is_empty() {
        lines.push("asks for nothing".to_owned());
    }
    lines.push(format!("limits {}", seen.capabilities.limits));
    lines.extend(seen.largest.iter().map(|function| format!("large: {function}")));
    lines.extend(seen.signatures.iter().map(|signature| format!("signed {signature}")));
    lines.join("\n")
}

impl KeygenCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), AppError> {
        let (secret, public) = new_publisher_secret();
        let secret = Zeroizing::new(format!("{secret}\n"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.to);
        let written = file.and_then(|mut file| file.write_all(secret.as_bytes()));
        written.map_err(|error| told(&self.to, &error))?;
        self.output.print(&json!({"key": public}), &public)
    }
}

impl SignCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), AppError> {
        let signature = sign(&read(&self.file)?, &secret(&self.key)?)?;
        let to = beside(&self.file);
        std::fs::write(&to, format!("{signature}\n")).map_err(|error| told(&to, &error))?;
        self.output
            .print(&json!({"signature": signature}), &format!("{} is signed in {}", self.file.display(), to.display()))
    }
}

/// Reads a plugin's file.
pub fn read(file: &Path) -> Result<Vec<u8>, AppError> {
    std::fs::read(file).map_err(|error| AppError::InvalidPlugin(format!("{}: {error}", file.display())))
}

/// Reads a short file of text.
pub fn text(file: &Path) -> Result<String, AppError> {
    std::fs::read_to_string(file).map_err(|error| told(file, &error))
}

/// Where the signature over a component is.
pub fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Reads the file of a secret key.
pub fn secret(file: &Path) -> Result<Zeroizing<String>, AppError> {
    text(file).map(Zeroizing::new)
}

/// Why a file cannot be read or written.
pub fn told(file: &Path, error: &std::io::Error) -> AppError {
    AppError::Setup(format!("{}: {error}", file.display()))
}
