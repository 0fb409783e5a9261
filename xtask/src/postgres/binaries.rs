//! Finds PostgreSQL's server programs, or installs them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::packages;

/// Where Debian keeps the server programs, by major version, out of `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// What Debian's package reads to decide whether to make and start a cluster of its own.
const CLUSTER_SETTING: &str = "/etc/postgresql-common/createcluster.conf";

/// The folder with initdb, `pg_ctl` and postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries(PathBuf);

impl Binaries {
    pub fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        install()?;
        Self::find().context("PostgreSQL was installed, and still there is no initdb in PATH or /usr/lib/postgresql")
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    pub fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        newest_in(Path::new(DEBIAN))
            .into_iter()
            .chain(std::env::split_paths(&path))
            .find(|folder| complete(folder))
            .map(Self)
    }
}

fn complete(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// The `bin` folders of all versions, newest first.
fn newest_in(versions: &Path) -> Vec<PathBuf> {
    let number = |path: &Path| path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let entries = std::fs::read_dir(versions).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut numbered: Vec<(u32, PathBuf)> =
        entries.filter_map(|path| Some((number(&path)?, path.join("bin")))).collect();
    numbered.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// Debian would make and start a cluster for the whole machine: we only want the programs.
fn install() -> Result<()> {
    let why = "run the tests on PostgreSQL";
    packages::install(&["postgresql-common"], why)?;
    let before = std::fs::read_to_string(CLUSTER_SETTING).with_context(|| format!("reading {CLUSTER_SETTING}"))?;
    std::fs::write(CLUSTER_SETTING, format!("{before}\ncreate_main_cluster = false\n"))
        .with_context(|| format!("writing {CLUSTER_SETTING}"))?;
    let installed = packages::install(&["postgresql"], why);
    std::fs::write(CLUSTER_SETTING, before).with_context(|| format!("restoring {CLUSTER_SETTING}"))?;
    installed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let folder = std::env::temp_dir().join(format!("guildhall-versions-{}", std::process::id()));
        for version in ["9", "15", "16", "common"] {
            std::fs::create_dir_all(folder.join(version).join("bin")).unwrap();
        }
        let found = newest_in(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ["16", "15", "9"].map(|version| folder.join(version).join("bin")));
    }
}
