//! Floor 1, sole owner of wasmtime: compiles plugins and runs them, each call
//! in a fresh instance under limits, with no effect except through a [`Port`].

mod answer;
mod audit;
mod bindings;
mod call;
mod compile;
mod compiler;
mod engine;
mod exports;
mod failure;
mod host;
mod interfaces;
mod lane;
mod limits;
mod meter;
mod package;
mod port;
mod smoke;
mod transcript;

pub use audit::{
    Audited, Found, Function, Invalid, MAX_COMPONENT, Problem, audit, audit_again, survey, survey_manifest,
};
pub use call::{Ended, Spent, Turn};
pub use compile::Compiled;
pub use compiler::child::run as run_as_compiler;
pub use compiler::{Artefact, CompileError, Compiler, CompilerOptions};
pub use engine::PluginEngine;
pub use failure::{Failure, Stop};
pub use lane::Queue;
pub use limits::Limits;
pub(crate) use package::parts as package_parts;
pub use package::{Layout, MAX_PACKAGE, Part, Parts, Showcase, unpack};
pub use port::Port;
pub use transcript::{Divergence, Exchange, RecordingPort, ReplayPort, ShadowPort, Transcript};
