//! Floor 1, sole owner of wasmtime: compiles plugins and runs them, each call
//! in a fresh instance under limits, with no effect except through a [`Port`].

mod audit;
mod bindings;
mod call;
mod compile;
mod engine;
mod exports;
mod failure;
mod host;
mod lane;
mod limits;
mod meter;
mod port;
mod transcript;

pub use audit::{Invalid, manifest_of};
pub use call::{Ended, Spent, Turn};
pub use compile::Compiled;
pub use engine::PluginEngine;
pub use failure::Failure;
pub use lane::Queue;
pub use limits::Limits;
pub use port::Port;
pub use transcript::{Divergence, Exchange, RecordingPort, ReplayPort, Transcript};
