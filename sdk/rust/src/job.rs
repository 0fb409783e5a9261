//! Work that the plugin put aside.

use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::imports::guildhall::core::types;
use crate::bindings::job::exports::guildhall::jobs::handler as wit;
use crate::{Fault, log};

/// A plugin that puts work aside with [`crate::jobs::enqueue`], and does it later.
pub trait Job {
    /// Does the job of that name, and returns what came of it. It may run again when it did not come to its end; a
    /// fault that is retryable has it run again later.
    fn run_job(name: &str, input: Value) -> Result<Value, Fault>;
}

/// The export of a plugin's jobs; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct JobExport<P>(PhantomData<P>);

impl<P: Job> JobExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: Job> wit::Guest for JobExport<P> {
    fn run(name: String, input: String) -> Result<String, types::Fault> {
        log::report_panics();
        let input =
            serde_json::from_str(&input).map_err(|error| Fault::internal(format!("The host sent no JSON: {error}")))?;
        Ok(P::run_job(&name, input)?.to_string())
    }
}
