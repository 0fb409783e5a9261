//! Floor 0: plain data and rules. No IO, no async, nothing of ours below it.

pub mod caller;
pub mod clock;
pub mod cursor;
pub mod event;
pub mod field;
pub mod filter;
pub mod guard;
pub mod id;
pub mod import;
pub mod invalid;
pub mod job;
pub mod money;
pub mod object;
pub mod permission;
pub mod plugin;
pub mod query;
pub mod record;
pub mod schema;
pub mod value;
