//! Actions: what the plugin does when it is asked to.

use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::action::exports::guildhall::actions::action as wit;
use crate::bindings::imports::guildhall::core::types;
use crate::{Fault, log};

/// A plugin with actions, which people, API clients and other plugins call by name.
pub trait Action {
    /// Does the action of that name. The input is valid by the schema in the manifest; what is written commits with it.
    fn run_action(name: &str, input: Value) -> Result<Value, Fault>;
}

/// The export of a plugin's actions; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct ActionExport<P>(PhantomData<P>);

impl<P: Action> ActionExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: Action> wit::Guest for ActionExport<P> {
    fn run(name: String, input: String) -> Result<String, types::Fault> {
        log::report_panics();
        let input =
            serde_json::from_str(&input).map_err(|error| Fault::internal(format!("The host sent no JSON: {error}")))?;
        Ok(P::run_action(&name, input)?.to_string())
    }
}
