//! The integration tests: the whole host over real HTTP, on both engines, by
//! actors with different rights. `cargo xtask test` sets up what they need.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[macro_use]
mod support;
mod access;
mod aggregate;
mod audited;
mod bad_input;
mod batches;
mod cluster;
mod computed;
mod concurrency;
mod conditions;
mod database_away;
mod disk_full;
mod dry_runs;
mod dump;
mod duplicates;
mod encrypted;
mod encrypted_refusals;
mod events;
mod exports;
mod faults;
mod files;
mod filters;
mod histories;
mod hostile;
mod idempotency;
mod imports;
mod imports_bad;
mod injections;
mod jobs;
mod keys;
mod kills;
mod links;
mod listing;
mod lists;
mod loyalty;
mod matching;
mod merges;
mod modules;
mod openapi;
mod parsing;
mod permissions;
mod place;
mod profiles;
mod question_bounds;
mod question_cves;
mod receiver;
mod records;
mod relative;
mod resources;
mod restores;
mod schema;
mod schema_bad;
mod search;
mod stream;
mod tables;
mod timeline;
mod upserts;
mod webhook_addresses;
mod webhook_answers;
mod webhook_delivery;
mod webhooks;
mod wire;
