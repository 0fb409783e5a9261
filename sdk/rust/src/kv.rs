//! Values under keys, for what is no record: positions, tokens, small tables.
//!
//! Writes commit with the call, and a read sees them. The manifest asks for
//! `kv`. A key has at most 256 bytes, a value 64 kB.
//!
//! ```no_run
//! use guildhall_sdk::{Fault, kv};
//!
//! fn count() -> Result<u32, Fault> {
//!     let count = kv::get_as::<u32>("count")?.unwrap_or_default() + 1;
//!     kv::set_as("count", &count)?;
//!     Ok(count)
//! }
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Fault;
use crate::bindings::imports::guildhall::kv::store;

/// The value under a key, if there is one.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Fault> {
    Ok(store::get(key)?)
}

/// Puts a value under a key.
pub fn set(key: &str, value: &[u8]) -> Result<(), Fault> {
    Ok(store::set(key, value)?)
}

/// Removes a key; one that is not there is no fault.
pub fn delete(key: &str) -> Result<(), Fault> {
    Ok(store::delete(key)?)
}

/// The keys that begin with a prefix and come after a key, in the order of their bytes, at most 1,000.
pub fn keys(prefix: &str, after: &str, limit: u32) -> Result<Vec<String>, Fault> {
    Ok(store::keys(prefix, after, limit)?)
}

/// The value under a key, kept as JSON.
pub fn get_as<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Fault> {
    let Some(bytes) = get(key)? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| Fault::internal(format!("What is kept under {key} is something else: {error}")))
}

/// Puts a value under a key as JSON.
pub fn set_as<T: Serialize>(key: &str, value: &T) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(value).map_err(|error| Fault::internal(format!("No JSON of {key}: {error}")))?;
    set(key, &bytes)
}
