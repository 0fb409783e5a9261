//! The integration tests: the whole host over real HTTP, on both engines, by
//! actors with different rights. `cargo xtask test` sets up what they need.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[macro_use]
mod support;

mod access;
mod bad_input;
mod concurrency;
mod conditions;
mod events;
mod exports;
mod filters;
mod hostile;
mod idempotency;
mod imports;
mod imports_bad;
mod jobs;
mod listing;
mod loyalty;
mod modules;
mod openapi;
mod records;
mod tables;
