//! Guildhall: a multi-tenant CRM host whose industry modules run as sandboxed
//! WebAssembly components.
//!
//! The floors, in reading order; each imports only from those before it:
//!
//! 0. [`domain`]: plain data and rules, no IO.
//! 1. [`access`] (owns casbin), [`plugin`] (owns wasmtime), [`store`] (owns
//!    sqlx, rusqlite and sea-query; knows of `access` only the permits),
//!    [`outbound`] (owns hyper's client).
//! 2. [`app`]: use cases.
//! 3. [`http`], [`cli`]: the ways in.
//!
//! `docs/architecture.md` walks through one request.

pub mod domain;

pub mod access;
pub mod outbound;
pub mod plugin;
pub mod store;

pub mod app;

pub mod cli;
pub mod http;
