//! Views: pages and panels, as data that the host draws.

use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::imports::guildhall::core::types;
use crate::bindings::view::exports::guildhall::views::view as wit;
use crate::{Fault, log};

/// A plugin that people see something of.
pub trait View {
    /// The view of that name, as a tree of components. The input has `params`, and for a panel `object` and `id`.
    fn render(name: &str, input: Value) -> Result<Value, Fault>;
}

/// The export of a plugin's views; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct ViewExport<P>(PhantomData<P>);

impl<P: View> ViewExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: View> wit::Guest for ViewExport<P> {
    fn render(name: String, input: String) -> Result<String, types::Fault> {
        log::report_panics();
        let input =
            serde_json::from_str(&input).map_err(|error| Fault::internal(format!("The host sent no JSON: {error}")))?;
        Ok(P::render(&name, input)?.to_string())
    }
}
