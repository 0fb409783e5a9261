//! Artefacts on disk. What is loaded from there is run, so that a file counts only with this host's mark on it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::child::MAX_ARTEFACT;

/// Most bytes of all files together.
const MOST: u64 = 1 << 30;
/// What files begin with.
const MAGIC: &[u8; 8] = b"ghcwasm2";
/// Bytes of a mark.
const MARK: usize = 32;
/// Most bytes of what the audit found: a manifest of 256 KiB, with everything written out that it leaves out.
const FOUND: usize = 4 << 20;
/// What the name of a file ends with.
const END: &str = ".cwasm";

/// What a file holds, behind its mark: the length of the first part in four bytes, and both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What the audit found, as JSON.
    pub found: Vec<u8>,
    /// What came out of the compiler.
    pub artefact: Vec<u8>,
}

impl Kept {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (found, artefact) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        Some(Self { found: found.to_vec(), artefact: artefact.to_vec() })
    }

    fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.found.len()).unwrap_or(u32::MAX).to_le_bytes();
        [&length[..], &self.found, &self.artefact].concat()
    }
}

/// Names an artefact: what it was made of, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name([u8; 32]);

impl Name {
    /// Of a component by its digest, for engines of this kind, by this version of the host.
    pub fn of(component: [u8; 32], compatibility: [u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(component);
        hash.update(compatibility);
        hash.update(env!("CARGO_PKG_VERSION"));
        Self(hash.finalize().into())
    }
}

/// A directory of artefacts.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    key: Zeroizing<[u8; 32]>,
    most: u64,
    /// Counts drafts, for their names.
    drafts: AtomicU64,
}

impl Cache {
    /// Opens a directory, or makes it. One that others can write to is refused.
    pub fn open(directory: &Path, key: [u8; 32]) -> Result<Self, String> {
        Self::with_room(directory, key, MOST)
    }

    fn with_room(directory: &Path, key: [u8; 32], most: u64) -> Result<Self, String> {
        let told = |reason: &dyn std::fmt::Display| format!("the plugin cache {}: {reason}", directory.display());
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| told(&error))?;
        let found = fs::metadata(directory).map_err(|error| told(&error))?;
        if found.permissions().mode() & 0o022 != 0 || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(told(
                &"others can write to it, and what is in it is run: give it the mode 0700, and to yourself",
            ));
        }
        let key = Zeroizing::new(key);
        let directory = directory.to_owned();
        Ok(Self(Arc::new(Inner { directory, key, most, drafts: AtomicU64::default() })))
    }

    /// The artefact of that name. A file that is damaged, or not this host's, is as good as none.
    pub async fn get(&self, name: Name) -> Option<Kept> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || inner.get(name)).await.ok()?
    }

    /// Keeps an artefact. What cannot be kept is compiled again the next time.
    pub async fn put(&self, name: Name, kept: Kept) {
        let inner = Arc::clone(&self.0);
        let kept = tokio::task::spawn_blocking(move || inner.put(name, &kept.bytes()).and_then(|()| inner.trim()));
        let kept = kept.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        if let Err(error) = kept {
            tracing::warn!(%error, "a compiled plugin is not kept");
        }
    }
}

impl Inner {
    fn get(&self, name: Name) -> Option<Kept> {
        let path = self.path(name);
        let read = File::open(&path).and_then(|file| {
            let mut bytes = Vec::new();
            let most = MAGIC.len() + MARK + FOUND + MAX_ARTEFACT;
            (&file).take(most as u64 + 1).read_to_end(&mut bytes)?;
            Ok((file, bytes))
        });
        let (file, bytes) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, file = %path.display(), "a compiled plugin cannot be read");
                return None;
            }
        };
        let marked = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_at_checked(MARK));
        let whole = marked.filter(|(mark, kept)| self.mark(name, kept).verify_slice(mark).is_ok());
        let Some(kept) = whole.and_then(|(_, kept)| Kept::read(kept)) else {
            tracing::warn!(file = %path.display(), "a compiled plugin is damaged: compiling it again");
            return None;
        };
        // When it was used last decides how long it stays.
        let now = || Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let _ = futimens(&file, &Timestamps { last_access: now(), last_modification: now() });
        Some(kept)
    }

    fn put(&self, name: Name, kept: &[u8]) -> io::Result<()> {
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let path = self.path(name);
        let draft = path.with_extension(format!("cwasm.{}.{number}", std::process::id()));
        // Whole or not at all: whoever reads meanwhile has the old file or this one.
        let written = self.write(&draft, name, kept);
        let written = written.and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    fn write(&self, draft: &Path, name: Name, kept: &[u8]) -> io::Result<()> {
        // A draft of this name is one of a process that died, or of another host with the same directory; either makes
        // the same of the same.
        let _ = fs::remove_file(draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
        file.write_all(MAGIC)?;
        file.write_all(&self.mark(name, kept).finalize().into_bytes())?;
        file.write_all(kept)
    }

    /// Removes what was used least recently, until the rest has room.
    fn trim(&self) -> io::Result<()> {
        let mut files = BTreeMap::new();
        let mut total = 0;
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let Ok(found) = entry.metadata() else { continue };
            if found.is_file() && entry.file_name().to_string_lossy().contains(END) {
                total += found.len();
                files.insert((found.mtime(), found.mtime_nsec(), entry.file_name()), found.len());
            }
        }
        for ((.., name), size) in files {
            if total <= self.most {
                break;
            }
            fs::remove_file(self.directory.join(name))?;
            total -= size;
        }
        Ok(())
    }

    /// Where an artefact is: under a name that only hosts with this key give it, so that installations that share a
    /// directory do not take each other's place.
    fn path(&self, name: Name) -> PathBuf {
        let mut mac = self.keyed();
        mac.update(&name.0);
        self.directory.join(data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())).with_extension("cwasm")
    }

    fn mark(&self, name: Name, kept: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed();
        mac.update(MAGIC);
        mac.update(&name.0);
        mac.update(kept);
        mac
    }

    fn keyed(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&*self.key).expect("HMAC takes a key of any length")
    }
}

#[cfg(test)]
mod tests;
