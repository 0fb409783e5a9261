//! What a Guildhall plugin written in Rust is built on.
//!
//! A plugin is a type that implements the trait of each extension point it
//! wants, and one [`register!`] line. It calls the host through [`records`],
//! [`kv`], [`events`], [`jobs`], [`http`], [`secrets`], [`actions`], [`config`],
//! [`context`], [`clock`], [`random`] and [`log`]; there is nothing else that it can reach. Each call runs in a fresh
//! instance, so a `static` does not outlive it.
//!
//! ```
//! use guildhall_sdk::{BeforeWrite, Change, Fault, Outcome, Record, register};
//!
//! struct Tidy;
//!
//! impl BeforeWrite for Tidy {
//!     fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
//!         Ok(changes.iter().map(trim_name).collect())
//!     }
//! }
//!
//! fn trim_name(change: &Change) -> Outcome {
//!     match change.after.as_ref().and_then(|after| after.text("name")) {
//!         Some("") => Outcome::Refuse(Fault::invalid("A contact needs a name.")),
//!         Some(name) => Outcome::Amend(Record::new().set("name", name.trim())),
//!         None => Outcome::Accept,
//!     }
//! }
//!
//! register!(Tidy: BeforeWrite);
//! # fn main() {}
//! ```
//!
//! [`TypedRecord`] says how a struct of yours stands for the fields of a record.
//!
//! The crate also compiles for the machine that you work on, so that rules can
//! be unit tested there. Calls to the host only work inside the host.

#![warn(missing_docs)]

mod action;
pub mod actions;
mod before_write;
#[doc(hidden)]
pub mod bindings;
mod channel;
pub mod clock;
mod computed_field;
pub mod config;
pub mod context;
mod decimal;
pub mod events;
mod fault;
mod field_value;
pub mod filter;
pub mod http;
mod http_route;
mod job;
pub mod jobs;
pub mod kv;
mod lifecycle;
pub mod log;
mod money;
mod on_events;
mod query;
pub mod random;
mod record;
pub mod records;
mod register;
mod scheduled;
pub mod secrets;
mod typed_query;
mod typed_record;
mod validate;
mod view;

/// The heap of a plugin. It begins with memory that each instance has: to ask for more costs every call some
/// microseconds, and this allocator does so only when that is used up.
#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

pub use action::Action;
#[doc(hidden)]
pub use action::ActionExport;
#[doc(hidden)]
pub use before_write::BeforeWriteExport;
pub use before_write::{BeforeWrite, Change, Operation, Outcome};
#[doc(hidden)]
pub use channel::ChannelExport;
pub use channel::{Channel, ChannelReply, ChannelRequest};
pub use computed_field::ComputedField;
#[doc(hidden)]
pub use computed_field::ComputedFieldExport;
pub use decimal::{Decimal, InvalidDecimal};
pub use fault::Fault;
pub use field_value::{AnyLink, FieldValue};
pub use guildhall_sdk_derive::Record;
#[doc(hidden)]
pub use http_route::HttpRouteExport;
pub use http_route::{HttpRoute, RouteRequest, RouteResponse};
pub use job::Job;
#[doc(hidden)]
pub use job::JobExport;
pub use lifecycle::Lifecycle;
#[doc(hidden)]
pub use lifecycle::LifecycleExport;
pub use money::{Money, minor_digits};
#[doc(hidden)]
pub use on_events::OnEventsExport;
pub use on_events::{Event, OnEvents};
pub use query::Query;
pub use record::Record;
pub use scheduled::Scheduled;
#[doc(hidden)]
pub use scheduled::ScheduledExport;
pub use serde_json::{Value, json};
pub use typed_query::TypedQuery;
pub use typed_record::TypedRecord;
pub use validate::Validate;
#[doc(hidden)]
pub use validate::ValidateExport;
pub use view::View;
#[doc(hidden)]
pub use view::ViewExport;

/// What `#[derive(Record)]` calls.
#[doc(hidden)]
pub mod __private {
    pub use crate::typed_record::{read_field, write_field};
}
