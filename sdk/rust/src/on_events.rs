//! The hook that hears of events after their commit.

use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::imports::guildhall::core::types;
use crate::bindings::on_events::exports::guildhall::hooks::on_events as wit;
use crate::{Fault, log};

/// A plugin that hears of events: at least once, and in order for each record.
///
/// What it writes commits together with its place in the log, so that an event
/// that was handled is not shown again.
pub trait OnEvents {
    /// Handles events. A fault that is retryable has them shown again later; another one sets them aside, in the end.
    fn on_events(events: &[Event]) -> Result<(), Fault>;
}

/// An event, as `CloudEvents` 1.0 has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event(Value);

impl Event {
    /// Its id, the same whenever it is shown.
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// Its type, `contact.created`.
    pub fn event_type(&self) -> &str {
        self.text("type")
    }

    /// What it is about, `contact/0192...`; empty when it is about no record.
    pub fn subject(&self) -> &str {
        self.text("subject")
    }

    /// What it says: for a record `object`, `record`, `version`, `before` and `after`; for what a plugin
    /// published, `published`.
    pub fn data(&self) -> &Value {
        &self.0["data"]
    }

    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }
}

/// The export of a plugin's hook; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct OnEventsExport<P>(PhantomData<P>);

impl<P: OnEvents> OnEventsExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: OnEvents> wit::Guest for OnEventsExport<P> {
    fn run(events: Vec<String>) -> Result<(), types::Fault> {
        log::report_panics();
        let read = |json: &String| serde_json::from_str(json).map(Event);
        let events = events.iter().map(read).collect::<Result<Vec<_>, _>>();
        let events = events.map_err(|error| Fault::internal(format!("The host sent no event: {error}")))?;
        Ok(P::on_events(&events)?)
    }
}
