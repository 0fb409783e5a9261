//! How plugins are compiled, kept and trusted: what the operator chooses.

use std::path::PathBuf;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::app::Database;
use crate::plugin::CompilerOptions;

/// The directory of compiled plugins, where the installation has one of its own.
pub const PLUGIN_CACHE: &str = "plugin-cache";
/// What the key of the cache is derived for.
const PURPOSE: &[u8] = b"guildhall plugin cache 1";

/// How plugins are compiled, kept and trusted.
#[derive(Clone, Debug, Default)]
pub struct PluginSettings {
    /// The program that compiles; this one when none is named.
    pub compiler: Option<PathBuf>,
    /// CPU time of one compilation; 30 seconds when not given.
    pub compile_time: Option<Duration>,
    /// Where compiled plugins are kept. When not named: beside an `SQLite` database, and nowhere with another one.
    pub cache: Option<PathBuf>,
    /// The key of the marks on them, for installations that share a directory; derived from the installation's own
    /// secret when not given.
    pub cache_key: Option<[u8; 32]>,
    /// Who has to have signed a plugin.
    pub signatures: Signatures,
}

/// Who has to have signed a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Nobody. A signature that is there is checked, and shown.
    #[default]
    None,
    /// Somebody whose key the operator has registered: the publisher, or who vouches for it.
    AllowListed,
    /// The publisher itself, whose key the operator has registered.
    Publisher,
}

impl PluginSettings {
    pub(in crate::app) fn compiler(&self, database: &Database, secret: &[u8; 32]) -> CompilerOptions {
        let beside = match database {
            Database::Sqlite(path) => Some(path.with_file_name(PLUGIN_CACHE)),
            Database::Postgres(_) => None,
        };
        let derived = || {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
            mac.update(PURPOSE);
            mac.finalize().into_bytes().into()
        };
        let key = self.cache_key.unwrap_or_else(derived);
        let cache = self.cache.clone().or(beside).map(|directory| (directory, key));
        CompilerOptions { program: self.compiler.clone(), time: self.compile_time, cache }
    }
}
