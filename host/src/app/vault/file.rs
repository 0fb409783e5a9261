//! The file of operator keys: where it is, how it is read, and how the first one is made.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::super::{AppError, Database, Settings};
use crate::access::{Chore, HostPermit};
use crate::domain::id::Ids;
use crate::domain::seal::KeyRing;
use crate::store::Store;

/// Name of the file that the host makes for itself beside an SQLite database.
const NAME: &str = "keys";

/// The file of operator keys. Beside an SQLite database the host makes one when
/// there is none; a database that many nodes share needs one that the operator names.
pub async fn key_file(
    database: &Database,
    settings: &Settings,
    store: &Store,
    ids: &Ids,
) -> Result<Option<PathBuf>, AppError> {
    if let Some(file) = &settings.key_file {
        return Ok(Some(file.clone()));
    }
    let Database::Sqlite(database) = database else { return Ok(None) };
    let file = database.with_file_name(NAME);
    if !file.exists() {
        if store.has_data_keys(HostPermit::new(Chore::Operate)).await? {
            return Err(AppError::Setup(format!(
                "{} is missing: without it, what is encrypted in the database cannot be opened. Put it back, or name \
                 it with GUILDHALL_KEY_FILE",
                file.display()
            )));
        }
        make(&file, ids).map_err(|error| AppError::Setup(format!("{}: {error}", file.display())))?;
    }
    Ok(Some(file))
}

/// Reads the operator's keys.
pub fn read(file: &Path) -> Result<KeyRing, AppError> {
    let wrong = |reason: &dyn std::fmt::Display| AppError::Setup(format!("{}: {reason}", file.display()));
    let text = fs::read_to_string(file).map(Zeroizing::new).map_err(|error| wrong(&error))?;
    let mode = fs::metadata(file).map_err(|error| wrong(&error))?.permissions().mode();
    if mode & 0o007 != 0 {
        tracing::warn!(file = %file.display(), "everybody on this machine can read the operator's keys");
    }
    KeyRing::parse(&text).map_err(|reason| wrong(&reason))
}

/// Makes a file with one key, for its owner alone; whole or not at all.
fn make(file: &Path, ids: &Ids) -> io::Result<()> {
    let id = ids.make();
    let draft = file.with_file_name(format!("{NAME}.{id}"));
    let line = KeyRing::line(&format!("k-{id}"), ids.secret());
    let mut writer = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writer.write_all(line.as_bytes())?;
    writer.write_all(b"\n")?;
    writer.sync_all()?;
    // Another process may have made one meanwhile: that one counts.
    let made = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
