//! What the fuzz targets work with: the host's floor `domain` alone, without the heavy floors above it.
#![cfg(feature = "fuzz")]

/// The host's own files, read a second time: the floor depends on nothing of ours.
#[path = "../../src"]
mod host {
    pub mod domain;
}

pub mod print;
pub mod world;

pub use host::domain;
