//! The hook that judges changes as all hooks have left them.

use std::marker::PhantomData;

use crate::bindings::imports::guildhall::core::types;
use crate::bindings::validate::exports::guildhall::hooks::validate as wit;
use crate::{Change, Fault, log};

/// A plugin that judges changes after every plugin has amended them, and changes nothing itself.
pub trait Validate {
    /// One verdict for each change, in the same order: a fault refuses that change.
    fn validate(changes: &[Change]) -> Result<Vec<Result<(), Fault>>, Fault>;
}

/// The export of a plugin's hook; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct ValidateExport<P>(PhantomData<P>);

impl<P: Validate> ValidateExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: Validate> wit::Guest for ValidateExport<P> {
    fn run(changes: Vec<wit::Change>) -> Result<Vec<Result<(), types::Fault>>, types::Fault> {
        log::report_panics();
        let read = |change: wit::Change| {
            let wit::Change { operation, object, id, before, after } = change;
            Change::new(&operation, object, id, [before, after])
        };
        let changes = changes.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let verdicts = P::validate(&changes)?;
        Ok(verdicts.into_iter().map(|verdict| verdict.map_err(types::Fault::from)).collect())
    }
}
