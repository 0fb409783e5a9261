//! The demo's tenant, its admin key and its plugin, through the host's own commands.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const SLUG: &str = "demo";

/// The admin's key and where it is kept.
pub struct Key {
    pub secret: String,
    pub file: PathBuf,
    /// Whether this run made it, and so may show it once.
    pub new: bool,
}

/// The kept key, or a new one: with a new tenant, or for one whose key file is gone.
pub fn key(host: &Path, data_dir: &Path) -> Result<Key> {
    let file = data_dir.join("demo-admin.key");
    match std::fs::read_to_string(&file) {
        Ok(text) => return Ok(Key { secret: text.trim().to_owned(), file, new: false }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
    }
    // Made first: a key that cannot be kept is not asked for.
    let mut keeper = private_file(&file)?;
    match make_key(host, data_dir).and_then(|secret| {
        writeln!(keeper, "{secret}").with_context(|| format!("writing {}", file.display()))?;
        Ok(secret)
    }) {
        Ok(secret) => Ok(Key { secret, file, new: true }),
        Err(error) => {
            std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
            Err(error)
        }
    }
}

/// Makes the plugin known to the installation; the same file twice is nothing new.
pub fn install(host: &Path, data_dir: &Path, plugin: &Path) -> Result<()> {
    let output = call(host, data_dir, &["plugin", "install", &plugin.to_string_lossy()])?;
    answer(&output).map(drop).context("installing the plugin")
}

fn make_key(host: &Path, data_dir: &Path) -> Result<String> {
    let created = call(host, data_dir, &["tenant", "create", "--slug", SLUG, "--name", "Demo shop"])?;
    let answer = match answer(&created) {
        Ok(made) => made,
        Err(refused) => {
            let name = "The demo's admin, made again";
            let arguments = ["key", "create", "--tenant", SLUG, "--role", "admin", "--name", name];
            let again = call(host, data_dir, &arguments)?;
            // When the tenant is not there either, the first refusal is the one to show.
            self::answer(&again).map_err(|_| refused).context("making the demo's tenant")?
        }
    };
    answer["api_key"].as_str().map(str::to_owned).context("the host made a key and did not show it")
}

fn call(host: &Path, data_dir: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(host);
    command.args(arguments).arg("--data-dir").arg(data_dir).arg("--json").stdin(Stdio::null());
    command.output().with_context(|| format!("starting {}", host.display()))
}

fn answer(output: &Output) -> Result<Value> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("the host answered something that is not JSON")
}

fn private_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("making {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_file_is_for_its_owner_only() {
        let path = std::env::temp_dir().join(format!("guildhall-key-{}", std::process::id()));
        let file = private_file(&path).unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(mode & 0o777, 0o600);
    }
}
