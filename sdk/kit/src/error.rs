//! Why no plugin came out, and what to do.

use std::path::Path;

/// Why no plugin came out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `plugin.toml`, or a file that it names, is wrong.
    #[error("{0}")]
    Manifest(String),
    /// Something that is needed is not on this machine.
    #[error("{0}")]
    Missing(String),
    /// The compiler, or another program, did not do its work.
    #[error("{0}")]
    Build(String),
    /// What was built is no plugin, or not the one of its manifest.
    #[error("{0}")]
    Component(String),
    /// What was asked for cannot be done: a name that does not do, a folder that is in the way.
    #[error("{0}")]
    Refused(String),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(String),
}

/// What this crate does, or why not.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifest",
            Self::Missing(_) => "missing",
            Self::Build(_) => "build",
            Self::Component(_) => "component",
            Self::Refused(_) => "refused",
            Self::File(_) => "file",
        }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::File(format!("{}: {error}", path.display()))
    }
}
