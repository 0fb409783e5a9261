//! Floor 0: plain data and rules. No IO, no async, nothing of ours below it.

pub mod address;
pub mod caller;
pub mod clock;
pub mod cursor;
pub mod dependency;
pub mod duplicate;
pub mod event;
pub mod event_type;
pub mod field;
pub mod filter;
pub mod formula;
pub mod id;
pub mod invalid;
pub mod money;
pub mod object;
pub mod own_schema;
pub mod permission;
pub mod plugin;
pub mod position;
pub mod query;
pub mod record;
pub mod retry;
pub mod schema;
pub mod signature;
pub mod slot;
pub mod value;
