//! Makes an installable plugin of a folder with its sources, wherever that folder is.
//!
//! A folder has `plugin.toml`, and sources in Rust (`Cargo.toml`), JavaScript (`package.json`) or Python
//! (`pyproject.toml`). What comes out is a component that carries its manifest.

#![warn(missing_docs)]

pub mod build;
pub mod component;
mod error;
mod manifest;
mod new;
mod process;
mod rust;
mod script;
pub mod toolchain;

pub use build::{Built, Language, build, build_draft};
pub use error::{Error, Result};
pub use manifest::{Manifest, read as read_manifest, toml_to_json};
pub use new::{Kind, NewPlugin};
pub use rust::{Compiled, compile};
