//! Tasks that are due at the times that the manifest names.

use std::marker::PhantomData;

use crate::bindings::imports::guildhall::core::types;
use crate::bindings::scheduled::exports::guildhall::hooks::scheduled as wit;
use crate::{Fault, log};

/// A plugin with tasks that are due at times.
pub trait Scheduled {
    /// Does the task of that name, which was due at that time (RFC 3339).
    fn run_task(name: &str, due: &str) -> Result<(), Fault>;
}

/// The export of a plugin's tasks; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct ScheduledExport<P>(PhantomData<P>);

impl<P: Scheduled> ScheduledExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: Scheduled> wit::Guest for ScheduledExport<P> {
    fn run(name: String, due: String) -> Result<(), types::Fault> {
        log::report_panics();
        Ok(P::run_task(&name, &due)?)
    }
}
