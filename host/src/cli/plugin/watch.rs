//! Waits until a file of a plugin changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Folders in which nothing is written by hand.
const MADE: [&str; 6] = ["target", "vendor", "node_modules", ".venv", "__pycache__", ".git"];
/// How often changes are looked for.
const PAUSE: Duration = Duration::from_millis(500);

/// Files, and when each was written last.
pub type Changes = BTreeMap<PathBuf, SystemTime>;

/// Waits until the files of a plugin are others than these.
pub async fn change(folder: &Path, seen: &Changes) {
    while changes(folder) == *seen {
        tokio::time::sleep(PAUSE).await;
    }
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
