//! The place between two steps of writing a tenant into a file, and the entries of a tar.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::super::AppError;
use crate::domain::clock::Timestamp;

/// Bytes of a block of a tar.
const BLOCK: usize = 512;

/// One thing after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Section {
    /// What the tenant is called, and its timezone.
    Tenant,
    /// Its objects and fields.
    Schema,
    /// Records of an object; those that are there, or the deleted ones.
    Records { object: String, deleted: bool },
    /// Contents of files; of those that are there, or of the deleted ones.
    Files { deleted: bool },
    /// Rows of one kind beside the records.
    Rows(String),
    /// The log.
    Events,
    /// What is in the file.
    Manifest,
}

/// A content that is being written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenFile {
    pub blob: Uuid,
    pub size: i64,
    pub parts: i64,
    pub next: i64,
    pub is_sealed: bool,
}

/// An entry that was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Written {
    pub name: String,
    pub rows: u64,
    pub size: u64,
    pub sha256: String,
}

/// What is written, and what is left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// The first of these is being written.
    pub left: VecDeque<Section>,
    /// Behind what, in it.
    pub after: Option<Json>,
    /// Entries of it so far.
    pub part: u32,
    pub file: Option<OpenFile>,
    pub written: Vec<Written>,
    /// Contents of files.
    pub files: u64,
    pub file_bytes: i64,
    /// Encrypted values that did not open.
    pub unopened: u64,
}

impl Place {
    pub fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// Rows in all entries.
    pub fn rows(&self) -> u64 {
        self.written.iter().map(|entry| entry.rows).sum()
    }

    /// Rows by what they are.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for entry in &self.written {
            let what = entry.name.rsplit_once('/').map_or(entry.name.as_str(), |(folder, _)| folder);
            *counts.entry(what.to_owned()).or_default() += entry.rows;
        }
        counts
    }

    /// The section is written.
    pub fn go_on(&mut self) {
        self.left.pop_front();
        self.after = None;
        self.part = 0;
    }

    /// A whole entry, which is remembered for the manifest.
    pub fn entry(&mut self, name: String, rows: u64, content: &[u8], at: Timestamp) -> Result<Vec<u8>, AppError> {
        let mut bytes = header(&name, content.len() as u64, at)?;
        bytes.extend_from_slice(content);
        bytes.extend(padding(content.len() as u64));
        let sha256 = Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        self.written.push(Written { name, rows, size: content.len() as u64, sha256 });
        Ok(bytes)
    }
}

/// What stands in front of a content.
pub fn header(name: &str, size: u64, at: Timestamp) -> Result<Vec<u8>, AppError> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).map_err(|error| AppError::Setup(format!("the name `{name}`: {error}")))?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(at.micros() / 1_000_000).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

/// What fills the last block of a content.
pub fn padding(size: u64) -> Vec<u8> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    vec![0; if over == 0 { 0 } else { BLOCK - over }]
}

/// The end of a tar.
pub fn end() -> Vec<u8> {
    vec![0; 2 * BLOCK]
}
