//! Sources of SDKs and examples: what they are together, and a copy of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};

use crate::workspace;

/// Files by their paths in the repository.
pub struct Sources {
    files: BTreeMap<String, Vec<u8>>,
    digest: String,
}

impl Sources {
    /// What git tracks, or would track, below these folders.
    pub fn of(folders: &[&str]) -> Result<Self> {
        let root = workspace::root();
        let mut git = Command::new("git");
        git.current_dir(&root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"])
            .args(folders);
        let listing = workspace::output(&mut git).context("listing sources")?;
        let mut files = BTreeMap::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A file deleted but not yet committed is still listed.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                files.insert(path.to_owned(), bytes);
            }
        }
        let mut hash = Sha256::new();
        for (path, bytes) in &files {
            hash.update(path.len().to_le_bytes());
            hash.update(path);
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        }
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { files, digest })
    }

    /// What tells these sources from others.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Makes a folder hold these files and no others.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        for (path, bytes) in &self.files {
            let to = folder.join(path);
            let parent = to.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
            std::fs::write(&to, bytes).with_context(|| format!("writing {}", to.display()))?;
        }
        Ok(())
    }
}
