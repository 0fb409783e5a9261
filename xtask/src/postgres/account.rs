//! Which system user runs the server: PostgreSQL refuses root.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace;

/// The superuser inside the cluster.
pub const SUPERUSER: &str = "postgres";
/// The role of the host, and the name of the database that it owns.
pub const HOST: &str = "guildhall";

/// The user and group to become, when we are root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account(Option<(u32, u32)>);

impl Account {
    /// Ourselves; for root the user `postgres` that Debian's package makes, else `nobody`.
    pub fn for_server() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some((number("-u", name).ok()?, number("-g", name).ok()?)))
            .map(|ids| Self(Some(ids)))
            .context("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to become")
    }

    /// The user and group to become, when we are root.
    pub fn ids(self) -> Option<(u32, u32)> {
        self.0
    }

    /// Makes a command run as this user, free of our own PostgreSQL settings.
    pub fn apply(self, command: &mut Command) {
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
    }

    /// Hands a directory over.
    pub fn own(self, directory: &Path) -> Result<()> {
        if let Some((user, group)) = self.0 {
            std::os::unix::fs::chown(directory, Some(user), Some(group))
                .with_context(|| format!("giving {} to the server's user", directory.display()))?;
        }
        Ok(())
    }
}

fn number(kind: &str, user: &str) -> Result<u32> {
    Ok(workspace::output(Command::new("id").args([kind, user]))?.trim().parse()?)
}
