//! What a Guildhall plugin written in Rust is built on.
//!
//! A plugin is a type that implements the trait of each hook it wants, and one
//! [`register!`] line. It calls the host through [`records`], [`config`] and
//! [`log`]; there is nothing else that it can reach. Each call runs in a fresh
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
//! The crate also compiles for the machine that you work on, so that rules can
//! be unit tested there. Calls to the host only work inside the host.

#![warn(missing_docs)]

mod before_write;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod config;
mod decimal;
mod fault;
pub mod filter;
pub mod log;
mod money;
mod query;
mod record;
pub mod records;
mod register;

#[doc(hidden)]
pub use before_write::BeforeWriteExport;
pub use before_write::{BeforeWrite, Change, Operation, Outcome};
pub use decimal::{Decimal, InvalidDecimal};
pub use fault::Fault;
pub use money::Money;
pub use query::Query;
pub use record::Record;
pub use serde_json::Value;
