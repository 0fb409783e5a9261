//! Waits until a file of a plugin changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Folders in which nothing is written by hand.
const MADE: [&str; 6] = ["target", "vendor", "node_modules", ".venv", "__pycache__", ".git"];
/// Files that a build writes itself, and that people change, too.
const LOCKS: [&str; 2] = ["Cargo.lock", "package-lock.json"];
/// How often changes are looked for.
const PAUSE: Duration = Duration::from_millis(500);
/// For how long nothing may change before it is built: editors write a file in several steps, and many files at once.
const REST: Duration = Duration::from_millis(200);

/// Files, and when each was written last.
pub type Changes = BTreeMap<PathBuf, SystemTime>;

/// Waits until the files of a plugin are others than these, and stay as they are for a moment.
pub async fn change(folder: &Path, seen: &Changes) {
    while changes(folder) == *seen {
        tokio::time::sleep(PAUSE).await;
    }
    let mut last = changes(folder);
    loop {
        tokio::time::sleep(REST).await;
        let now = changes(folder);
        if now == last {
            return;
        }
        last = now;
    }
}

/// The files as they were before a build, but for those that it wrote itself: they are no change of anybody's.
pub fn after_build(folder: &Path, mut before: Changes) -> Changes {
    let is_lock = |path: &PathBuf| path.file_name().is_some_and(|name| LOCKS.iter().any(|lock| name == *lock));
    before.retain(|path, _| !is_lock(path));
    before.extend(changes(folder).into_iter().filter(|(path, _)| is_lock(path)));
    before
}

/// When each file of a plugin was written last.
pub fn changes(folder: &Path) -> Changes {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let is_made = entry.file_name().to_str().is_some_and(|name| MADE.contains(&name));
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() && !is_made => folders.push(entry.path()),
                Ok(metadata) if metadata.is_file() => {
                    found.extend(metadata.modified().ok().map(|at| (entry.path(), at)));
                }
                _ => {}
            }
        }
    }
    found
}
