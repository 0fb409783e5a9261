//! The temporary directory of a cluster; removed with the server in it, also when a past run was killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};

use super::account::Account;
use super::binaries::Binaries;

const PREFIX: &str = "guildhall-postgres-";

/// Clusters that this process made, so that each has a name of its own.
static MADE: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub struct Scratch {
    directory: PathBuf,
    binaries: Binaries,
    account: Account,
}

impl Scratch {
    /// Makes a directory that only the server's user can read, after removing those of killed runs.
    pub fn create(binaries: &Binaries, account: Account) -> Result<Self> {
        let temporary = std::env::temp_dir();
        for directory in abandoned(&temporary) {
            println!("removing the cluster that a killed run left in {}", directory.display());
            drop(Self { directory, binaries: binaries.clone(), account });
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let directory = temporary.join(format!("{PREFIX}{}-{number}", std::process::id()));
        std::fs::create_dir(&directory).with_context(|| format!("making {}", directory.display()))?;
        let scratch = Self { directory, binaries: binaries.clone(), account };
        account.own(&scratch.directory)?;
        std::fs::set_permissions(&scratch.directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(scratch)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// The server's process, from the file that it writes itself.
    pub fn postmaster(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    fn stop_server(&self) {
        let Some(postmaster) = self.postmaster().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else { return };
        let mut command = Command::new(self.binaries.path("pg_ctl"));
        self.account.apply(&mut command);
        command.args(["stop", "--mode=immediate", "--wait", "--timeout=20", "--silent", "--pgdata"]).arg(self.data());
        command.current_dir(&self.directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let stopped = command.status().is_ok_and(|status| status.success());
        if !stopped && test_kill_process(postmaster).is_ok() {
            // It leads its own group, with every backend in it.
            let _ = kill_process_group(postmaster, Signal::KILL);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.stop_server();
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            println!("could not remove {}: {error}", self.directory.display());
        }
    }
}

/// Directories of ours whose process is gone.
fn abandoned(temporary: &Path) -> Vec<PathBuf> {
    let owner = |path: &Path| -> Option<Pid> {
        let name = path.file_name()?.to_str()?.strip_prefix(PREFIX)?;
        Pid::from_raw(name.split('-').next()?.parse().ok()?)
    };
    let entries = std::fs::read_dir(temporary).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| owner(path).is_some_and(|owner| test_kill_process(owner) == Err(Errno::SRCH))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_dead_processes_are_abandoned() {
        let folder = std::env::temp_dir().join(format!("guildhall-abandoned-{}", std::process::id()));
        let living = folder.join(format!("{PREFIX}{}-0", std::process::id()));
        let dead = folder.join(format!("{PREFIX}{}-0", i32::MAX));
        for path in [&living, &dead, &folder.join("other-1")] {
            std::fs::create_dir_all(path).unwrap();
        }
        let found = abandoned(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, [dead]);
    }
}
