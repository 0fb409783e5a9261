//! The plugin comes to a tenant, changes its version there, or goes.

use std::marker::PhantomData;

use crate::bindings::imports::guildhall::core::types;
use crate::bindings::lifecycle::exports::guildhall::hooks::lifecycle as wit;
use crate::{Fault, log};

/// A plugin that is told when it is switched on or off. What it writes commits
/// together with that step; a fault stops it.
pub trait Lifecycle {
    /// The tenant switches it on.
    fn enable() -> Result<(), Fault> {
        Ok(())
    }

    /// It comes from another version.
    fn upgrade(from: &str, to: &str) -> Result<(), Fault> {
        let _ = (from, to);
        Ok(())
    }

    /// The tenant switches it off.
    fn disable() -> Result<(), Fault> {
        Ok(())
    }
}

/// The export of a plugin's lifecycle; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct LifecycleExport<P>(PhantomData<P>);

impl<P: Lifecycle> LifecycleExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: Lifecycle> wit::Guest for LifecycleExport<P> {
    fn enable() -> Result<(), types::Fault> {
        log::report_panics();
        Ok(P::enable()?)
    }

    fn upgrade(from: String, to: String) -> Result<(), types::Fault> {
        log::report_panics();
        Ok(P::upgrade(&from, &to)?)
    }

    fn disable() -> Result<(), types::Fault> {
        log::report_panics();
        Ok(P::disable()?)
    }
}
